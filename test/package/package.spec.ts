import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from '../support/client.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, '../..');

/** `main.ts` of the README's quick start. */
async function quickStart(): Promise<string> {
  const readme = await readFile(join(repository, 'README.md'), 'utf8');
  const block = /^## Quick start\n.*?^```ts\n(.*?)^```$/ms.exec(readme)?.[1];
  if (block === undefined) throw new Error('The README has no quick start any more.');
  return block;
}

/** What must compile, and what must not, each for the reason that it shows. */
const TYPES = `
import type { Session } from 'nestjs-mikro-session';
declare module 'nestjs-mikro-session' {
  interface SessionData {
    cart: { items: string[] };
  }
}
export function right(session: Session): [string[] | undefined, string | undefined, string[]] {
  return [session.get('cart.items'), session.get('cart.items.0'), session.get('cart.items', [])];
}
export function wrong(session: Session): void {
  // @ts-expect-error -- no such path
  session.get('cart.itmes');
  // @ts-expect-error -- not a number
  session.set('cart.items.0', 1);
  // @ts-expect-error -- may be absent
  session.data.cart.items;
  // @ts-expect-error -- cannot be replaced
  session.userId = 'mallory';
  // @ts-expect-error -- no such member
  session.secretHash;
}
`;

const TSCONFIG = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    isolatedModules: true,
    types: ['node'],
    skipLibCheck: false,
  },
};

describe('The package', () => {
  let database: TestDatabase;
  let folder: string;
  let tarball: string;
  beforeAll(async () => {
    database = await createDatabase();
    folder = await mkdtemp(join(tmpdir(), 'session-package-'));
    const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: repository,
    });
    tarball = join(folder, (JSON.parse(packed.stdout) as [{ filename: string }])[0].filename);
  });
  afterAll(async () => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  it('contains what is needed to use it, and nothing else', async () => {
    const { stdout } = await run('tar', ['-tzf', tarball]);
    const files = stdout
      .trim()
      .split('\n')
      .map((line) => line.replace('package/', ''));
    expect(files).toEqual(
      expect.arrayContaining([
        'package.json',
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'dist/index.js',
        'dist/index.d.ts',
      ]),
    );
    expect(
      files.filter(
        (file) => !/^(dist\/.*\.(js|d\.ts|js\.map)|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(file),
      ),
    ).toEqual([]);
  });

  it.each(['11', '12'])(
    'works in an empty application on Nest %s, types included',
    async (major) => {
      const home = await mkdtemp(join(folder, `nest-${major}-`));
      await writeFile(join(home, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
      await writeFile(join(home, 'tsconfig.json'), JSON.stringify(TSCONFIG));
      await writeFile(join(home, 'main.ts'), await quickStart());
      await writeFile(join(home, 'types.ts'), TYPES);
      const nest = ['common', 'core', 'platform-express'].map((name) => `@nestjs/${name}@^${major}`);
      const orm = ['@mikro-orm/core@7.2.1', '@mikro-orm/postgresql@7.2.1', '@mikro-orm/nestjs@7.1.0'];
      const others = ['reflect-metadata@^0.2', 'rxjs@^7', 'typescript@6.0.3', '@types/node@24', '@types/pg@8'];
      await run(
        'npm',
        ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball, ...nest, ...orm, ...others],
        { cwd: home },
      );
      const compiler = join(home, 'node_modules/typescript/bin/tsc');
      const { stdout } = await run(process.execPath, [compiler, '-p', home], { cwd: home }).catch(
        (error: { stdout: string }) => error,
      );
      // Other packages' declarations have errors of their own.
      expect(stdout.split('\n').filter((line) => /^(\w+\.ts|node_modules\/nestjs-mikro-session)/.test(line))).toEqual(
        [],
      );

      const server = spawn(process.execPath, ['main.js'], {
        cwd: home,
        env: { ...process.env, DATABASE_URL: database.url, PORT: '0' },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        const exited = new Promise<string>((resolve) => server.once('exit', (code) => resolve(`exited with ${code}`)));
        const started = new Promise<string>((resolve) => createInterface(server.stdout).once('line', resolve));
        const client = new Client(await Promise.race([started, exited]));
        expect((await client.get('/me')).status).toBe(401);
        await client.post('/cart');
        await client.post('/cart');
        await client.post('/login');
        expect((await client.get('/me')).json).toEqual({ userId: 'ada', items: ['book', 'book'] });
        const bin = join(home, 'node_modules/.bin/nestjs-mikro-session');
        const counted = await run(bin, ['count'], { env: { ...process.env, DATABASE_URL: database.url } });
        expect(counted.stdout).toMatch(/^[1-9] live sessions?\n$/);
        server.kill('SIGTERM');
        await exited;
      } finally {
        server.kill('SIGKILL');
      }
    },
    300_000,
  );
});
