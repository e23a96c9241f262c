import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from '../support/client.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, '../..');

/** What somebody writes who has read the first page of the README. */
const APP = `
import 'reflect-metadata';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Controller, Get, Module, Post, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Session, SessionGuard, SessionModule } from 'nestjs-mikro-session';

declare module 'nestjs-mikro-session' {
  interface SessionData {
    cart: { items: string[] };
  }
}

@Controller()
class ShopController {
  @Post('cart') add(@Session() session: Session): number {
    session.data.cart ??= { items: [] };
    return session.data.cart.items.push('book');
  }
  @Post('login') async login(@Session() session: Session): Promise<void> {
    await session.login('ada', { roles: ['reader'] });
  }
  @Get('me') @UseGuards(SessionGuard) me(@Session('userId') userId: string, @Session() session: Session) {
    const items: string[] | undefined = session.get('cart.items');
    const first: string | undefined = session.get('cart.items.0');
    return { userId, items, first };
  }
}

@Module({
  imports: [
    MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl: process.env['DATABASE_URL']!, autoLoadEntities: true }),
    SessionModule.forRoot({ ensureSchema: true, idleTimeout: '1h' }),
  ],
  controllers: [ShopController],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(await app.getUrl());
`;

/** What must not compile, each for the reason that it shows. */
const WRONG = `
import type { Session } from 'nestjs-mikro-session';
declare module 'nestjs-mikro-session' {
  interface SessionData {
    cart: { items: string[] };
  }
}
export function wrong(session: Session) {
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
      await writeFile(join(home, 'main.ts'), APP);
      await writeFile(join(home, 'wrong.ts'), WRONG);
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
        env: { ...process.env, DATABASE_URL: database.url },
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
        expect((await client.get('/me')).json).toEqual({ userId: 'ada', items: ['book', 'book'], first: 'book' });
        server.kill('SIGTERM');
        await exited;
      } finally {
        server.kill('SIGKILL');
      }
    },
    300_000,
  );
});
