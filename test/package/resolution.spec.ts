import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { PackedModule, runNode } from '../support/packed.js';

/** An application that asks itself, prints the answers, and ends. It imports every entry of the package. */
const APP = `
import 'reflect-metadata';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Controller, Get, Module, Post, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type ExpressSession, Session, SessionGuard, SessionModule, SessionService } from 'nestjs-mikro-session';
import 'nestjs-mikro-session/express';
import { instrumentSessions } from 'nestjs-mikro-session/opentelemetry';
import { redisSessionStore } from 'nestjs-mikro-session/redis';
import { SessionStore } from 'nestjs-mikro-session/store';
import { sessionStoreContract } from 'nestjs-mikro-session/testing';

declare module 'nestjs-mikro-session' {
  interface SessionData {
    cart: { items: string[] };
  }
}

@Controller()
class AppController {
  @Post('login') async login(@Session() session: Session): Promise<void> {
    session.set('cart.items', ['book']);
    await session.login('ada');
  }
  @Get('me') @UseGuards(SessionGuard) me(@Req() { session }: import('express').Request): unknown {
    // @ts-expect-error -- the data is typed
    session.get('cart.itmes');
    return { userId: session.userId, items: session.get('cart.items') };
  }
}

export function itemsOf(session: ExpressSession): unknown {
  // @ts-expect-error -- so is request.session for code of express-session
  session.cart?.itmes;
  return [session.cart?.items, session.anythingElse];
}

const clientUrl = process.env['DATABASE_URL']!;
@Module({
  imports: [
    MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl, autoLoadEntities: true }),
    SessionModule.forRoot({ ensureSchema: true }),
  ],
  controllers: [AppController],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  instrumentSessions(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const { status } = await fetch(url + '/me');
  const login = await fetch(url + '/login', { method: 'POST' });
  const cookie = login.headers.get('set-cookie')!.split(';')[0]!;
  const me = await (await fetch(url + '/me', { headers: { cookie } })).json();
  const devices = (await app.get(SessionService).listForUser('ada')).length;
  await app.get(SessionService).revokeAllForUser('ada');
  const store = app.get(SessionStore) instanceof SessionStore && Array.isArray(sessionStoreContract);
  console.log(JSON.stringify({ status, me, devices, store }));
  await app.close();
}
void main();
`;
const ANSWERS = '{"status":401,"me":{"userId":"ada","items":["book"]},"devices":1,"store":true}\n';

const COMPILER_OPTIONS = {
  target: 'es2023',
  strict: true,
  esModuleInterop: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  types: ['node'],
  skipLibCheck: true,
  outDir: 'out',
};

/** What Nest and MikroORM load only where it is installed, and their users leave out of a bundle. */
const LAZY = `[
  '@nestjs/microservices',
  '@nestjs/microservices/microservices-module',
  '@nestjs/websockets/socket-module',
  'class-transformer',
  'class-transformer/storage',
  'class-validator',
  'tinyglobby',
]`;

const BUNDLERS = {
  esbuild: `
require('esbuild').buildSync({
  entryPoints: ['out/main.js'], bundle: true, platform: 'node', outfile: 'out/bundle.cjs', external: ${LAZY}, logLevel: 'error',
});`,
  webpack: `
require('webpack')({
  mode: 'development', devtool: false, target: 'node24', entry: './out/main.js', context: __dirname,
  output: { path: __dirname + '/out', filename: 'bundle.cjs' },
  externals: ${LAZY}.map((name) => ({ [name]: 'commonjs ' + name })),
}, (error, stats) => {
  if (!error && !stats.hasErrors()) return;
  console.log(error ?? stats.toString({ all: false, errors: true }));
  process.exitCode = 1;
});`,
};

describe('An application with the packed module', () => {
  let database: TestDatabase;
  let packed: PackedModule;
  beforeAll(async () => {
    database = await createDatabase();
    packed = await PackedModule.install([
      '@mikro-orm/core@7.2.1',
      '@mikro-orm/postgresql@7.2.1',
      '@mikro-orm/nestjs@7.1.0',
      '@nestjs/common@^11',
      '@nestjs/core@^11',
      '@nestjs/platform-express@^11',
      '@opentelemetry/api@1.9.0',
      'redis@^6',
      'reflect-metadata@^0.2',
      'rxjs@^7',
      'typescript@5.9',
      '@types/node@24',
      '@types/pg@8',
      '@types/express@5',
      'esbuild@0.28.2',
      'webpack@5',
    ]);
  }, 300_000);
  afterAll(async () => {
    await packed.remove();
    await database.drop();
  });

  async function compile(compilerOptions: object, type: 'module' | 'commonjs', bundler = ''): Promise<string> {
    const folder = await packed.folder({
      'main.ts': APP,
      'bundle.cjs': bundler,
      'package.json': JSON.stringify({ private: true, type }),
      'tsconfig.json': JSON.stringify({ compilerOptions: { ...COMPILER_OPTIONS, ...compilerOptions } }),
    });
    expect(await runNode(folder, [packed.file('typescript/bin/tsc')])).toEqual({ code: 0, output: '' });
    return folder;
  }
  const start = (folder: string, file: string) => runNode(folder, [file], { DATABASE_URL: database.url });

  it.each([
    ['CommonJS, found as Node.js 10 did', { module: 'commonjs', moduleResolution: 'node10' }, 'commonjs'],
    ['ES modules, found by "node16"', { module: 'node16' }, 'module'],
    ['CommonJS, found by "node20"', { module: 'node20' }, 'commonjs'],
    ['CommonJS, found by "nodenext"', { module: 'nodenext' }, 'commonjs'],
  ] as const)('compiles and runs: %s', async (_, options, type) => {
    const folder = await compile(options, type);
    expect(await start(folder, 'out/main.js')).toEqual({ code: 0, output: ANSWERS });
  });

  it.each(['esbuild', 'webpack'] as const)(
    'compiles, and runs bundled by %s, without @nestjs/websockets',
    async (name) => {
      const folder = await compile({ module: 'esnext', moduleResolution: 'bundler' }, 'module', BUNDLERS[name]);
      expect(await runNode(folder, ['bundle.cjs'])).toEqual({ code: 0, output: '' });
      expect(await start(folder, 'out/bundle.cjs')).toEqual({ code: 0, output: ANSWERS });
    },
  );
});
