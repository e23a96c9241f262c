import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Application, Comment, ReflectionKind, RendererEvent } from 'typedoc';
import { addressOfCode } from './pages.mjs';

/** Writes the API reference of every entry by TypeDoc, and a page with its names for the contents and the search of the site. */
export async function writeReference(root, site) {
  const entries = entriesOf(root);
  const application = await Application.bootstrap({
    name: 'nestjs-mikro-session',
    entryPoints: entries.map(({ source }) => join(root, source)),
    tsconfig: join(root, 'tsconfig.build.json'),
    readme: 'none',
    favicon: join(root, 'docs/.vitepress/logo.svg'),
    excludePrivate: true,
    excludeInternal: true,
    disableGit: true,
    sourceLinkTemplate: `${addressOfCode(root)}/blob/main/{path}#L{line}`,
    basePath: root,
    navigationLinks: { Documentation: '../start.html' },
    validation: { notExported: false, invalidLink: true, invalidPath: true },
    logLevel: 'Warn',
  });
  const project = await application.convert();
  if (project === undefined) throw new Error('TypeDoc could not read the types.');
  for (const { name, source } of entries) {
    const entry = project.children.find((child) => child.sources?.[0]?.fullFileName === join(root, source));
    if (entry === undefined) throw new Error(`TypeDoc has no entry ${name}.`);
    entry.name = name;
  }
  application.validate(project);
  const pages = new Map();
  application.renderer.on(RendererEvent.END, (event) => {
    for (const { model, url } of event.pages) pages.set(model, url);
  });
  await application.generateDocs(project, join(site, 'public/api'));
  if (application.logger.hasErrors() || application.logger.hasWarnings()) throw new Error('See what TypeDoc says.');
  mkdirSync(join(site, 'reference'), { recursive: true });
  for (const { name, page } of entries) {
    const entry = project.children.find((child) => child.name === name);
    writeFileSync(join(site, 'reference', `${page}.md`), namesOf(entry, pages));
  }
}

/** The entries of the package, as package.json says. */
function entriesOf(root) {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.entries(exports)
    .filter(([, target]) => target.types !== undefined)
    .map(([entry, { types }]) => ({
      name: entry.replace('.', name),
      page: entry === '.' ? 'index' : entry.slice(2),
      source: types.replace('./dist/', 'lib/').replace('.d.ts', '.ts'),
    }));
}

const KINDS = [
  ['Classes', ReflectionKind.Class],
  ['Functions', ReflectionKind.Function],
  ['Interfaces', ReflectionKind.Interface],
  ['Types', ReflectionKind.TypeAlias],
  ['Values', ReflectionKind.Variable],
];

/** A page with each name of an entry, its first words, and the way to all about it. */
function namesOf(entry, pages) {
  const text = [`# ${entry.name}`, Comment.combineDisplayParts(entry.comment?.summary)];
  text.push(`[All of it, with every member](/api/${pages.get(entry)}){target="_self"}`);
  const children = entry.children ?? [];
  for (const [title, kind] of KINDS) {
    const ofKind = children.filter((child) => child.kind === kind);
    if (ofKind.length > 0) text.push(`## ${title}`);
    for (const child of ofKind) {
      const summary = (child.comment ?? child.signatures?.[0]?.comment)?.summary;
      const link = `[${child.name} in full](/api/${pages.get(child)}){target="_self"}`;
      text.push(`### ${child.name}`, Comment.combineDisplayParts(summary), membersOf(child), link);
    }
  }
  return `${text.filter((part) => part !== '').join('\n\n')}\n`;
}

/** Whether a member is inherited from what has a page as well, or from another package. */
function isSaidElsewhere({ inheritedFrom, flags }) {
  return inheritedFrom?.reflection !== undefined || flags.isExternal;
}

/** The members of a class or an interface, each with its first sentence. */
function membersOf({ children = [] }) {
  return children
    .filter((member) => member.kind !== ReflectionKind.Constructor && !isSaidElsewhere(member))
    .map((member) => {
      const { summary } = member.comment ?? member.signatures?.[0]?.comment ?? member.getSignature?.comment ?? {};
      const [sentence] = Comment.combineDisplayParts(summary).split(/(?<=[.:]) |\n\n/);
      return `- \`${member.name}\`${sentence === '' ? '' : `: ${sentence.replaceAll('\n', ' ')}`}`;
    })
    .join('\n');
}
