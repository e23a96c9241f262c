// Makes the documentation site in .site/dist: the pages of docs/ and of the repository, and the API reference.
// Needs no network. What it is made of, and how links are found: docs/.vitepress/build.
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'vitepress';
import { deadLinks, foreignParts } from './build/links.mjs';
import { copyPages } from './build/pages.mjs';
import { writeReference } from './build/reference.mjs';

const root = resolve(import.meta.dirname, '../..');
const site = join(root, '.site');

rmSync(site, { recursive: true, force: true });
copyPages(root, join(site, 'pages'));
await writeReference(root, join(site, 'pages'));
await build(join(root, 'docs'));

const dead = deadLinks(join(site, 'dist'));
if (dead.length > 0) throw new Error(`Links that lead nowhere:\n${dead.join('\n')}`);
const foreign = foreignParts(join(site, 'dist'));
if (foreign.length > 0) throw new Error(`Parts of pages from other hosts:\n${foreign.join('\n')}`);
