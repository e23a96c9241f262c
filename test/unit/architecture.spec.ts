import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../lib/', import.meta.url));

/** The modules that a source text imports or exports from, type-only ones included. */
function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const statements = /(?<!['"])\b(?:from|import)\s*['"]([^'"]+)['"]|\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g;
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
    for (const folder of [
      'session/',
      'session/data/',
      'http/',
      'nest/',
      'nest/context/',
      'store/',
      'store/postgres/',
    ]) {
      expect(files.filter((file) => file.startsWith(folder)).length).toBeGreaterThan(3);
    }
    expect(found('nest/session.service', /^session-store/)).toContain(
      'nest/session.service.ts imports session-store.ts',
    );
    expect(imports.length).toBeGreaterThan(80);
  });

  it('finds a circle, and where it begins', () => {
    const arrows = [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'b'],
    ].map(([file, target]) => ({ file, target, isRelative: true }) as Import);
    expect(circlesOf(arrows)).toEqual(['b → c → b']);
    expect(circlesOf(arrows.slice(0, 2))).toEqual([]);
  });
});

/**
 * What each part may know besides itself, packages apart. A part is a folder of lib/, or a file at its root; a file that is
 * not here fails the test.
 */
const MAY_KNOW: Record<string, readonly string[]> = {
  'shown.ts': [],
  'session.errors.ts': ['shown.ts'],
  'session.events.ts': ['session', 'stats'],
  'session-store.ts': ['adoption', 'session', 'stats', 'session.errors.ts'],
  adoption: ['options', 'session', 'session-store.ts', 'session.errors.ts', 'shown.ts', 'stats', 'store'],
  stats: [],
  session: ['session-store.ts', 'session.errors.ts', 'session.events.ts', 'shown.ts'],
  options: ['adoption', 'session', 'session.errors.ts', 'shown.ts'],
  'session.options.ts': ['options', 'session', 'store', 'session.errors.ts'],
  redis: ['session.options.ts', 'store'],
  store: [
    'adoption',
    'options',
    'session',
    'session-store.ts',
    'session.errors.ts',
    'session.options.ts',
    'shown.ts',
    'stats',
  ],
  http: ['session', 'options'],
  'troubles.ts': [],
  'guarded-observable.ts': [],
  'operator-reports.ts': ['session', 'store', 'troubles.ts', 'session.errors.ts', 'session.options.ts', 'shown.ts'],
  'rejections.ts': ['session', 'session.events.ts', 'shown.ts'],
  'session-manager.ts': [
    'adoption',
    'guarded-observable.ts',
    'operator-reports.ts',
    'rejections.ts',
    'session',
    'session-store.ts',
    'stats',
    'store',
    'session.errors.ts',
    'session.events.ts',
    'session.options.ts',
  ],
  nest: [
    'adoption',
    'operator-reports.ts',
    'troubles.ts',
    'session-manager.ts',
    'session-store.ts',
    'http',
    'options',
    'session',
    'stats',
    'store',
    'session.errors.ts',
    'session.events.ts',
    'session.options.ts',
    'shown.ts',
  ],
  testing: ['nest', 'session', 'session-store.ts', 'session.errors.ts', 'store'],
  express: ['session'],
  opentelemetry: [
    'nest',
    'session',
    'session-manager.ts',
    'session-store.ts',
    'session.errors.ts',
    'shown.ts',
    'stats',
    'store',
  ],
  cli: [
    'adoption',
    'operator-reports.ts',
    'options',
    'session',
    'session-manager.ts',
    'session-store.ts',
    'session.errors.ts',
    'session.options.ts',
    'shown.ts',
    'store',
  ],
  'index.ts': [
    'adoption',
    'nest',
    'options',
    'session',
    'stats',
    'store',
    'session.errors.ts',
    'session.events.ts',
    'session.options.ts',
  ],
};

const partOf = (file: string): string => file.split('/')[0] as string;

/** Each circle of files, once, as a path. */
function circlesOf(arrows: readonly Import[]): string[] {
  const targets = Map.groupBy(
    arrows.filter(({ isRelative }) => isRelative),
    ({ file }) => file,
  );
  const circles = new Map<string, string>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      const circle = path.slice(start);
      circles.set([...circle].sort().join(), [...circle, file].join(' → '));
      return;
    }
    if (done.has(file)) return;
    for (const { target } of targets.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return [...circles.values()];
}

describe('the parts of the library', () => {
  it('know no more of each other than they may', () => {
    const wrong = imports.filter(({ file, target, isRelative }) => {
      const [from, to] = [partOf(file), partOf(target)];
      return isRelative && from !== to && MAY_KNOW[from]?.includes(to) !== true;
    });
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
    expect([...new Set(files.map(partOf))].filter((part) => !(part in MAY_KNOW))).toEqual([]);
  });

  it('are TypeScript alone: what is compiled beside it would be loaded in its place', () => {
    const all = readdirSync(ROOT, { recursive: true, encoding: 'utf8' });
    expect(all.filter((file) => /\.[a-z]+$/.test(file) && !file.endsWith('.ts'))).toEqual([]);
  });

  it('have no circles, of types either', () => {
    expect(circlesOf(imports)).toEqual([]);
  });

  it('session/ knows neither Nest nor MikroORM, HTTP nor SQL', () => {
    expect(
      found('session/', /^(@nestjs|@mikro-orm|express|fastify|pg|rxjs|reflect-metadata|node:http|node:net)/),
    ).toEqual([]);
  });

  it('http/ knows Node’s own requests and responses, and neither Nest nor MikroORM', () => {
    expect(found('http/', /^(@nestjs|@mikro-orm|express|fastify|pg|rxjs|reflect-metadata)/)).toEqual([]);
  });

  it('store/ does not know HTTP', () => {
    expect(found('store/', /^node:http/)).toEqual([]);
  });

  it('store/ knows no more of Nest than a provider must', () => {
    expect(found('store/', /^@nestjs\/(?!common$)/)).toEqual([]);
  });

  it('only store/postgres/, the module and the command line know MikroORM', () => {
    const allowed = /^(store\/postgres\/|nest\/session\.module\.ts |cli\/session-place\.ts )/;
    expect(found('', /^@mikro-orm\//).filter((line) => !allowed.test(line))).toEqual([]);
    expect(found('store/postgres/', /^@mikro-orm\//)).not.toEqual([]);
  });

  it('only what wires the library knows the store of MikroORM', () => {
    const allowed = /^(store\/postgres\/|store\/index\.ts |nest\/session\.module\.ts |index\.ts |cli\/)/;
    expect(found('', /^store\/postgres\//).filter((line) => !allowed.test(line))).toEqual([]);
  });

  it('only its own entry knows the store of Redis, and only one file of it the client', () => {
    expect(found('', /^store\/redis\//).filter((line) => !/^(store\/redis\/|redis\/index\.ts )/.test(line))).toEqual(
      [],
    );
    const types = /^store\/redis\/redis-options\.ts /;
    expect(found('', /^redis$/).filter((line) => !types.test(line))).toEqual([
      'store/redis/node-redis.ts imports redis',
    ]);
  });

  it('no application loads the command line', () => {
    expect(found('', /^cli\//).filter((line) => !line.startsWith('cli/'))).toEqual([]);
    expect(found('cli/', /^cli\//)).not.toEqual([]);
  });

  it('nothing imports the public entry', () => {
    expect(found('', /^((store\/|testing\/|opentelemetry\/|redis\/)?index\.ts|nestjs-mikro-session)/)).toEqual([]);
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
    // An entry of its own, which nothing else imports, may.
    const atLeisure = { '@opentelemetry/api': /^opentelemetry\//, redis: /^store\/redis\// };
    for (const [name, own] of Object.entries(atLeisure)) {
      expect(found('', new RegExp(`^${name}$`)).filter((line) => !own.test(line))).toEqual([]);
    }
    const optional = Object.keys(peerDependenciesMeta)
      .filter((name) => !(name in atLeisure))
      .join('|');
    const atOnce = new RegExp(`^(import|export) (?!type )[^;]*['"](${optional})['"]`, 'm');
    expect("import { A } from '@nestjs/websockets';").toMatch(atOnce);
    expect(files.filter((file) => atOnce.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
  });

  it('import each other by the full path of the file', () => {
    const missing = imports.filter(({ target, isRelative }) => isRelative && !files.includes(target));
    expect(missing).toEqual([]);
  });
});
