import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Outcome, PackedModule, runNode } from '../support/packed.js';

const page = (name: string): string => join(import.meta.dirname, '../../docs', `${name}.md`);
const PAGES = ['testing', 'testing-with-jest', 'testing-with-vitest'].map(page);

/** A database that cannot be reached: the tests must not need it. */
const UNREACHABLE = 'postgresql://127.0.0.1:1/none';

/** As `nest new` of Nest 11 writes it. */
const TSCONFIG = {
  compilerOptions: {
    module: 'nodenext',
    moduleResolution: 'nodenext',
    resolvePackageJsonExports: true,
    esModuleInterop: true,
    isolatedModules: true,
    emitDecoratorMetadata: true,
    experimentalDecorators: true,
    target: 'ES2023',
    strictNullChecks: true,
    skipLibCheck: true,
    types: ['node', 'jest'],
  },
};

/** The files that the page shows: blocks of code whose first line is a comment with the name. */
async function filesOf(page: string): Promise<Record<string, string>> {
  const blocks = (await readFile(page, 'utf8')).matchAll(/^```\w+\n\/\/ (\S+\.\w+)\n(.*?)^```$/gms);
  return Object.fromEntries(Array.from(blocks, ([, name, text]) => [name as string, text as string]));
}

describe('The pages on testing', () => {
  let packed: PackedModule;
  let files: Record<string, string>;
  beforeAll(async () => {
    files = Object.assign({}, ...(await Promise.all(PAGES.map(filesOf)))) as typeof files;
    packed = await PackedModule.install([
      '@mikro-orm/core@7.2.1',
      '@mikro-orm/postgresql@7.2.1',
      '@mikro-orm/nestjs@7.1.0',
      ...['common', 'core', 'platform-express', 'testing'].map((name) => `@nestjs/${name}@^11`),
      'reflect-metadata@^0.2',
      'rxjs@^7',
      'typescript@5.9',
      '@types/node@24',
      '@types/jest@30',
      '@types/supertest@6',
      'supertest@7',
      'jest@30.5.2',
      'ts-jest@29',
      '@swc/core@1.16.18',
      '@swc/jest@0.2.39',
      'vitest@5',
      'unplugin-swc@1',
    ]);
  }, 300_000);
  afterAll(async () => packed.remove());

  /** Runs the test of the page with one recipe, in a fresh folder. */
  async function tests(
    recipe: string,
    program: string,
    args: readonly string[],
    flags: readonly string[] = [],
  ): Promise<Outcome> {
    const folder = await packed.folder({
      'app.module.ts': files['app.module.ts'] ?? '',
      'app.e2e-spec.ts': files['app.e2e-spec.ts'] ?? '',
      [recipe]: files[recipe] ?? '',
      'package.json': JSON.stringify({ private: true }),
      'tsconfig.json': JSON.stringify(TSCONFIG),
    });
    return runNode(folder, [...flags, packed.file(program), ...args], { NO_COLOR: '1', DATABASE_URL: UNREACHABLE });
  }
  const JEST = 'jest/bin/jest.js';

  it.each([
    ['jest-vm-modules.json', JEST, ['--config'], ['--experimental-vm-modules']],
    ['jest-swc.config.js', JEST, ['--config'], []],
    ['vitest.config.mjs', 'vitest/vitest.mjs', ['run', '--config'], []],
  ])('has a recipe that works: %s', async (recipe, program, args, flags) => {
    const { code, output } = await tests(recipe, program, [...args, recipe], flags);
    expect(output).toMatch(/Tests: +4 passed, 4 total|Tests {2}4 passed \(4\)/);
    expect(code).toBe(0);
  });

  it('quotes the error that Jest gives without a recipe', async () => {
    const { output } = await tests('jest-vm-modules.json', JEST, ['--config', 'jest-vm-modules.json']);
    const quoted = 'Must use import to load ES Module';
    expect(output).toContain(quoted);
    expect(await readFile(page('testing-with-jest'), 'utf8')).toContain(quoted);
  });
});
