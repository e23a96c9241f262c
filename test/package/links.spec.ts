import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = resolve(import.meta.dirname, '../..');

const pages = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** The text of a page without code, in which nothing is a link. */
function proseOf(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8').replaceAll(/^```.*?^```$|`[^`\n]*`/gms, 'code');
}

function linksOf(page: string): string[] {
  const links = proseOf(page).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$| src(?:set)?="([^"]+)"/gm);
  return Array.from(links, ([, inline, reference, picture]) => (inline ?? reference ?? picture) as string).filter(
    (link) => !/^(https?|mailto):/.test(link),
  );
}

/** The anchors of the headings of a page, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8').replaceAll(/^```.*?^```$/gms, '');
  return Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the documentation', () => {
  it('finds links to check', () => {
    expect(linksOf('README.md').length).toBeGreaterThan(15);
    expect(linksOf('README.md')).toContain('docs/images/shop-1280-dark.png');
    expect(anchorsOf('docs/guarantees.md')).toContain('3-saved-before-sent');
  });

  it.each(pages)('%s links to files and headings that exist', (page) => {
    const broken = linksOf(page).filter((link) => {
      const [path, anchor] = link.split('#') as [string, string?];
      const target = path === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), path));
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('has every page in its index', () => {
    const index = linksOf('docs/README.md');
    const missing = readdirSync(join(ROOT, 'docs')).filter(
      (name) => name.endsWith('.md') && name !== 'README.md' && !index.includes(name),
    );
    expect(missing).toEqual([]);
  });

  it('names files in docs/architecture.md that are there', () => {
    const files = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' });
    const text = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
    const named = Array.from(text.matchAll(/`([\w./-]+\.ts)`/g), ([, name]) => name as string);
    expect(named.length).toBeGreaterThan(30);
    const isThere = (name: string): boolean =>
      existsSync(join(ROOT, name)) || files.some((file) => `/${file}`.endsWith(`/${name}`));
    expect(named.filter((name) => !isThere(name))).toEqual([]);
  });
});
