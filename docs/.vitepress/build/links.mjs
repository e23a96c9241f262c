import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/** The anchor of a heading, as the host of the code makes it: one link leads to it there and in the site. */
export function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

/**
 * The links of a built site that lead nowhere, headings included. VitePress looks at those of pages alone, without their headings;
 * these are the ones of the navigation, too.
 */
export function deadLinks(site) {
  const pages = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.html') && name !== '404.html' && !name.startsWith('api/'),
  );
  const texts = new Map(pages.map((page) => [page, readFileSync(join(site, page), 'utf8')]));
  const dead = [];
  for (const [page, text] of texts) {
    for (const [, link] of text.matchAll(/<a\s[^>]*?href="([^"]*)"/g)) {
      if (/^(https?:|mailto:)/.test(link) || leadsSomewhere(site, texts, page, link)) continue;
      dead.push(`${page}: ${link}`);
    }
  }
  return [...new Set(dead)];
}

function leadsSomewhere(site, texts, page, link) {
  const [path, anchor] = decodeURI(link.replaceAll('&amp;', '&')).split('#');
  const absolute = path === '' ? `/${page}` : posix.resolve('/', dirname(page), path) + (path.endsWith('/') ? '/' : '');
  const file = absolute.endsWith('/') ? `${absolute}index.html` : absolute;
  const target = [file, `${file}.html`].map((name) => name.slice(1)).find((name) => existsSync(join(site, name)));
  if (target === undefined) return false;
  return !anchor || !texts.has(target) || texts.get(target).includes(` id="${anchor}"`);
}

/** What pages of a built site would fetch from other hosts, which learn of every reader then. */
export function foreignParts(site) {
  const files = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(html|css)$/.test(name));
  return files.flatMap((file) => {
    const text = readFileSync(join(site, file), 'utf8');
    const parts =
      /<(?:script|link|img|iframe|source)\s[^>]*?(?:src|href)="(?:https?:)?\/\/[^"]*"|url\(["']?(?:https?:)?\/\/[^)]*\)/g;
    return Array.from(text.matchAll(parts), ([part]) => `${file}: ${part}`);
  });
}
