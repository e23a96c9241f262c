import { join, resolve } from 'node:path';
import { defineConfig } from 'vitepress';
import { anchorOf } from './build/links.mjs';
import { addressOfCode } from './build/pages.mjs';
import { sidebar } from './sidebar.ts';

const root = resolve(import.meta.dirname, '../..');
const code = addressOfCode(root);
/** Pages with tables that need all the room there is: they have no outline beside them. */
const WIDE = /^(comparison|matrix|metrics|options|performance.*|reliability|security.*|migrating.*)\.md$/;

/** `npm run docs` copies the pages to .site/pages first: build.mjs. */
export default defineConfig({
  srcDir: '../.site/pages',
  outDir: '../.site/dist',
  cacheDir: '../.site/cache',
  lang: 'en',
  title: 'nestjs-mikro-session',
  description: 'Server-side, database-backed HTTP sessions for NestJS on PostgreSQL through MikroORM',
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: '/logo.svg' }]],
  ignoreDeadLinks: false,
  markdown: { anchor: { slugify: anchorOf } },
  transformPageData: ({ relativePath, frontmatter }) => {
    if (WIDE.test(relativePath)) frontmatter['aside'] = false;
  },
  themeConfig: {
    logo: '/logo.svg',
    search: { provider: 'local' },
    outline: { level: [2, 3] },
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'All pages', link: '/contents' },
      { text: 'API', link: '/reference/', activeMatch: '^/reference/' },
      { text: 'Changes', link: '/changes' },
    ],
    sidebar: sidebar(join(root, '.site/pages')),
    socialLinks: [{ icon: 'github', link: code }],
  },
});
