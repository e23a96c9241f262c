import { afterAll, beforeAll } from '@jest/globals';
import type { INestApplication, LoggerService, Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { SessionModule, type SessionModuleOptions, SessionService } from 'nestjs-mikro-session';
import { databaseModule } from './app.js';
import { Client } from './client.js';
import { createDatabase, type TestDatabase } from './database.js';
import { ProbeController } from './probe.js';

/** What Nest runs on. */
export type Platform = 'express' | 'fastify';

export const PLATFORMS: readonly Platform[] = ['express', 'fastify'];

/** What an application consists of, whichever platform it runs on. */
export interface PlatformDefinition {
  readonly options?: SessionModuleOptions;
  readonly controllers?: Type[];
  readonly trustsProxy?: boolean;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Before the application listens. */
  readonly prepare?: (app: INestApplication) => unknown;
}

/** An application that listens on a port of its own. */
export interface PlatformApp {
  readonly app: INestApplication;
  readonly sessions: SessionService;
  readonly port: number;
  /** What it warned of, so far. */
  readonly warnings: string[];
  /** A client that has not been here before. */
  client(): Client;
  close(): Promise<void>;
}

export async function startOn(
  platform: Platform,
  database: TestDatabase,
  { options = {}, controllers = [], trustsProxy = false, tls, prepare }: PlatformDefinition = {},
): Promise<PlatformApp> {
  const module = await Test.createTestingModule({
    imports: [databaseModule(database.url), SessionModule.forRoot({ ensureSchema: true, ...options })],
    controllers: [ProbeController, ...controllers],
  }).compile();
  const warnings: string[] = [];
  const ignore = (): void => {};
  const logger: LoggerService = { log: ignore, error: ignore, warn: (message: string) => warnings.push(message) };
  let app: INestApplication;
  if (platform === 'express') {
    app = module.createNestApplication<NestExpressApplication>({ logger, ...(tls && { httpsOptions: tls }) });
    if (trustsProxy) (app as NestExpressApplication).set('trust proxy', 1);
  } else {
    const adapter = new FastifyAdapter({ trustProxy: trustsProxy, ...(tls && { https: tls }) } as object);
    app = module.createNestApplication<NestFastifyApplication>(adapter, { logger });
  }
  await prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  return {
    app,
    sessions: app.get(SessionService),
    port,
    warnings,
    client: () => new Client(`http://127.0.0.1:${port}`),
    close: () => app.close(),
  };
}

/** A database, and an application with it, for all tests of a `describe` block. */
export function useAppOn(platform: Platform, definition: PlatformDefinition = {}): PlatformFixture {
  let app: PlatformApp | undefined;
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await createDatabase();
    app = await startOn(platform, database, definition);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });
  return {
    get app() {
      if (app === undefined) throw new Error('The application is there only while a test runs.');
      return app;
    },
    get database() {
      if (database === undefined) throw new Error('The database is there only while a test runs.');
      return database;
    },
  };
}

export interface PlatformFixture {
  readonly app: PlatformApp;
  readonly database: TestDatabase;
}
