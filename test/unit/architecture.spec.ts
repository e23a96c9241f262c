import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../lib/', import.meta.url));

/** The modules that a source text imports or exports from, type-only ones included. */
function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const statements = /\b(?:from|import)\s*['"]([^'"]+)['"]|\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g;
  return Array.from(code.matchAll(statements), (match) => (match[1] ?? match[2]) as string);
}

interface Import {
  readonly file: string;
  /** A package, or the path of a file below lib/, such as `session/json.ts`. */
  readonly target: string;
  readonly isRelative: boolean;
}

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const imports: Import[] = files.flatMap((file) =>
  importsOf(readFileSync(join(ROOT, file), 'utf8')).map((specifier) => {
    const isRelative = specifier.startsWith('.');
    const target = isRelative ? normalize(join(dirname(file), specifier)).replace(/\.js$/, '.ts') : specifier;
    return { file, target, isRelative };
  }),
);

/** The imports of the files below a folder that match, as text. */
function found(from: string, to: RegExp): string[] {
  return imports
    .filter(({ file, target }) => file.startsWith(from) && to.test(target))
    .map(({ file, target }) => `${file} imports ${target}`);
}

describe('how this test reads imports', () => {
  it.each<[string, string[]]>([
    ["import { a } from './a.js';", ['./a.js']],
    ["import {\n  a,\n  type B,\n} from '../a.js';", ['../a.js']],
    ["import type { A } from 'a';", ['a']],
    ["import 'a';", ['a']],
    ["export * from './a.js';", ['./a.js']],
    ["const a = await import('a');", ['a']],
    ["type A = import('a').A;", ['a']],
    ["// import { a } from './a.js';\n/* import 'b'; */", []],
  ])('finds in %j: %j', (text, modules) => {
    expect(importsOf(text)).toEqual(modules);
  });

  it('finds the files of every folder, and what each imports', () => {
    for (const folder of ['session/', 'http/', 'store/', 'store/postgres/']) {
      expect(files.filter((file) => file.startsWith(folder)).length).toBeGreaterThan(3);
    }
    expect(found('session.service', /^store\//)).toContain('session.service.ts imports store/session-store.ts');
    expect(imports.length).toBeGreaterThan(80);
  });
});

describe('the parts of the library', () => {
  it('session/ knows neither http/ nor store/', () => {
    expect(found('session/', /^(http|store)\//)).toEqual([]);
  });

  it('session/ knows of what is above it nothing but errors and names of events', () => {
    expect(found('session/', /^(?!session\/|session\.(errors|events)\.ts$)[^/]+\.ts$/)).toEqual([]);
  });

  it('session/ knows neither Nest nor MikroORM, HTTP nor SQL', () => {
    expect(
      found('session/', /^(@nestjs|@mikro-orm|express|fastify|pg|rxjs|reflect-metadata|node:http|node:net)/),
    ).toEqual([]);
  });

  it('http/ does not know store/', () => {
    expect(found('http/', /^store\//)).toEqual([]);
  });

  it('store/ does not know http/', () => {
    expect(found('store/', /^(http\/|node:http)/)).toEqual([]);
  });

  it('store/ knows no more of Nest than a provider must, and nothing of what ties the parts together', () => {
    expect(found('store/', /^(@nestjs\/(?!common$)|session\.(service|module)\.ts)/)).toEqual([]);
  });

  it('only store/postgres/ and the module know MikroORM', () => {
    const allowed = /^(store\/postgres\/|session\.module\.ts )/;
    expect(found('', /^@mikro-orm\//).filter((line) => !allowed.test(line))).toEqual([]);
    expect(found('store/postgres/', /^@mikro-orm\//)).not.toEqual([]);
  });

  it('only what wires the library knows the store of MikroORM', () => {
    const allowed = /^(store\/postgres\/|session\.module\.ts |index\.ts )/;
    expect(found('', /^store\/postgres\//).filter((line) => !allowed.test(line))).toEqual([]);
  });

  it('nothing imports the public entry', () => {
    expect(found('', /^(index\.ts|nestjs-mikro-session)/)).toEqual([]);
  });

  it('import other packages by their entry, never a file inside', () => {
    const deep = imports.filter(
      ({ target, isRelative }) => !isRelative && !/^(node:[a-z/_]+|@[\w-]+\/[\w.-]+|[\w-][\w.-]*)$/.test(target),
    );
    expect(deep).toEqual([]);
  });

  it('import only packages that a user of the library gets installed', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, '../package.json'), 'utf8')) as Record<string, object>;
    const declared = Object.keys({ ...manifest['dependencies'], ...manifest['peerDependencies'] });
    const packages = imports.filter(({ target, isRelative }) => !isRelative && !target.startsWith('node:'));
    expect(packages.filter(({ target }) => !declared.includes(target))).toEqual([]);
  });

  it('load an optional package only once it is needed', () => {
    const { peerDependenciesMeta } = JSON.parse(readFileSync(join(ROOT, '../package.json'), 'utf8')) as {
      peerDependenciesMeta: Record<string, { optional: boolean }>;
    };
    const optional = Object.keys(peerDependenciesMeta).join('|');
    const atOnce = new RegExp(`^(import|export) (?!type )[^;]*['"](${optional})['"]`, 'm');
    expect("import { A } from '@nestjs/websockets';").toMatch(atOnce);
    expect(files.filter((file) => atOnce.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
  });

  it('import each other by the full path of the file', () => {
    const missing = imports.filter(({ target, isRelative }) => isRelative && !files.includes(target));
    expect(missing).toEqual([]);
  });
});
