import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, posix } from 'node:path';

/** Pages of the repository whose place in the site is another one than that in docs/. */
const MOVED = {
  'docs/README.md': 'contents.md',
  'docs/.vitepress/home.md': 'index.md',
  'docs/.vitepress/logo.svg': 'public/logo.svg',
  'docs/decisions': 'decisions/index.md',
  'README.md': 'start.md',
  'CONTRIBUTING.md': 'contributing.md',
  'CHANGELOG.md': 'changes.md',
  'SECURITY.md': 'reporting.md',
};

/**
 * Copies the pages, and what they show, to where the site is built from. Their links are those of the repository; in the site,
 * one to a page leads to it, and one to any other file to the host of the code.
 */
export function copyPages(root, site) {
  const files = readdirSync(join(root, 'docs'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith('docs/.vitepress/'));
  const code = `${addressOfCode(root)}/blob/main`;
  for (const file of [...files, ...Object.keys(MOVED).filter((file) => extname(file) !== '')]) {
    const target = join(site, placeOf(file));
    mkdirSync(dirname(target), { recursive: true });
    if (extname(file) !== '.md') cpSync(join(root, file), target);
    else writeFileSync(target, withLinksOf(file, readFileSync(join(root, file), 'utf8'), root, code));
  }
  writeFileSync(join(site, 'decisions/index.md'), decisions(site));
}

export function addressOfCode(root) {
  const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
}

/** Where a file of the repository is in the site; undefined for one that is not in it. */
function placeOf(file) {
  if (MOVED[file] !== undefined) return MOVED[file];
  return file.startsWith('docs/') ? file.slice('docs/'.length) : undefined;
}

/** The page with its links as the site needs them; what looks like one in code is none. */
function withLinksOf(page, text, root, code) {
  const parts = withDiagrams(page, text, code).split(/(^ *```[^\n]*\n.*?^ *```$|`[^`\n]*`)/ms);
  const inLine = (_, before, link, after) => `${before}${linkIn(page, link, root, code)}${after}`;
  return parts
    .map((part, index) => {
      if (index % 2 === 1) return part;
      return part
        .replaceAll(/(\]\()([^)\s]+)(\))/g, inLine)
        .replaceAll(/^(\[[^\]]+\]: )(\S+)($)/gm, inLine)
        .replaceAll(/( src(?:set)?=")([^"]+)(")/g, inLine);
    })
    .join('');
}

/** Nothing draws diagrams in the site: the host of the code does. */
function withDiagrams(page, text, code) {
  const link = `[The diagram, drawn](${code}/${page})`;
  return text.replaceAll(/^```mermaid\n.*?^```$/gms, (block) => `${link}\n\n::: details As text\n\n${block}\n\n:::`);
}

function linkIn(page, link, root, code) {
  if (/^(https?:|mailto:|#|\/)/.test(link)) return link;
  const [path, anchor] = link.split('#');
  const file = posix.join(posix.dirname(page), path).replace(/\/$/, '');
  const place = placeOf(file);
  const end = anchor === undefined ? '' : `#${anchor}`;
  const inSite = place !== undefined && (MOVED[file] !== undefined || statSync(join(root, file)).isFile());
  if (!inSite) return `${code}/${file}${end}`;
  const relative = posix.relative(posix.dirname(placeOf(page)), place);
  return `${relative.startsWith('.') ? '' : './'}${relative}${end}`;
}

/** The list of decisions, which the host of the code shows as a folder. */
function decisions(site) {
  const names = readdirSync(join(site, 'decisions')).filter((name) => /^\d/.test(name));
  const line = (name) => `- [${titleOf(join(site, 'decisions', name))}](./${name})`;
  return ['# Decisions', 'Why it is built as it is, with figures.', names.map(line).join('\n'), ''].join('\n\n');
}

export function titleOf(file) {
  return /^# (.+)$/m.exec(readFileSync(file, 'utf8'))[1];
}
