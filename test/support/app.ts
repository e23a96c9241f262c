import { afterAll, beforeAll } from '@jest/globals';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { DynamicModule, INestApplication, LoggerService, ModuleMetadata, Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModule } from '@nestjs/testing';
import { SessionModule, type SessionModuleOptions, SessionService } from 'nestjs-mikro-session';
import { Client } from './client.js';
import { createDatabase, type TestDatabase } from './database.js';
import { watch } from './leak-watch.js';
import type { Platform } from './platform.js';
import { ProbeController } from './probe.js';
import { whileTesting } from './while-testing.js';

/** What a test's application consists of. */
export interface AppDefinition {
  /** Express, unless another is named. */
  readonly platform?: Platform;
  /** Modules before that of sessions. */
  readonly before?: ModuleMetadata['imports'];
  /** Modules after it. */
  readonly imports?: ModuleMetadata['imports'];
  readonly controllers?: Type[];
  readonly providers?: ModuleMetadata['providers'];
  readonly options?: SessionModuleOptions;
  /** Instead of `SessionModule.forRoot(options)`. */
  readonly session?: DynamicModule;
  readonly trustsProxy?: boolean;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Before the application listens. A method, so that a test may name the type of its platform. */
  prepare?(app: INestApplication): unknown;
}

/** A Nest application, listening on a port of its own. */
export interface TestApp {
  readonly app: INestApplication;
  readonly sessions: SessionService;
  readonly port: number;
  readonly url: string;
  /** What it warned of, so far. */
  readonly warnings: readonly string[];
  /** What the operator was told of its sessions, so far: each line with its level before it. */
  readonly lines: readonly string[];
  /** A client that has not been here before. */
  client(): Client;
  close(): Promise<void>;
}

export function databaseModule(url: string): Promise<DynamicModule> {
  return MikroOrmModule.forRoot({
    driver: PostgreSqlDriver,
    clientUrl: url,
    autoLoadEntities: true,
    pool: { min: 0, max: 4 },
    debug: true,
    colors: false,
    logger: (message) => watch.said('the log of MikroORM', message),
  }) as Promise<DynamicModule>;
}

/**
 * Starts an application that has this library's sessions and a {@link ProbeController}.
 *
 * @param database `null`: the application has none, or a module of its own for it
 */
export async function startApp(
  database: { readonly url: string } | null,
  definition: AppDefinition = {},
): Promise<TestApp> {
  const { before = [], imports = [], controllers = [], providers = [], options } = definition;
  const session = definition.session ?? SessionModule.forRoot({ ensureSchema: true, ...options });
  const module = await Test.createTestingModule({
    imports: [...before, ...(database === null ? [] : [databaseModule(database.url)]), session, ...imports],
    controllers: [ProbeController, ...controllers],
    providers,
  }).compile();
  const warnings: string[] = [];
  const lines: string[] = [];
  const app = createApp(module, definition, warnings, lines);
  await definition.prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  const url = `${definition.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  return {
    app,
    sessions: app.get(SessionService),
    port,
    url,
    warnings,
    lines,
    client: () => new Client(url),
    close: () => app.close(),
  };
}

function createApp(
  module: TestingModule,
  { platform = 'Express', trustsProxy = false, tls }: AppDefinition,
  warnings: string[],
  lines: string[],
): INestApplication {
  const told =
    (level: string, also: (message: string) => void = () => {}) =>
    (message: string, ...rest: unknown[]): void => {
      if (rest.at(-1) === 'SessionModule') lines.push(`${level}: ${message}`);
      also(message);
    };
  const warn = told('warn', (message) => warnings.push(message));
  const logger: LoggerService = { log: told('log'), error: told('error'), warn };
  if (platform !== 'Express') {
    const http2 = platform === 'Fastify, HTTP/2';
    const adapter = new FastifyAdapter({ trustProxy: trustsProxy, http2, ...(tls && { https: tls }) } as object);
    return module.createNestApplication(adapter, { logger });
  }
  const app = module.createNestApplication<NestExpressApplication>({ logger, ...(tls && { httpsOptions: tls }) });
  if (trustsProxy) app.set('trust proxy', 1);
  return app;
}

/** What a test file works with; there once its first test runs. */
export interface AppFixture {
  readonly app: TestApp;
  readonly database: TestDatabase;
  /** The only row there is, or the row of a session. */
  row(id?: string): Promise<Record<string, any>>;
  /** How many rows there are. */
  rows(): Promise<number>;
}

/** An application with a database of its own, for all tests of a file or a `describe` block. */
export function useApp(definition: AppDefinition = {}): AppFixture {
  let app: TestApp | undefined;
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await createDatabase();
    app = await startApp(database, definition);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });
  return {
    get app() {
      return whileTesting(app);
    },
    get database() {
      return whileTesting(database);
    },
    async row(id) {
      const rows = await whileTesting(database).query('select * from sessions where $1::uuid is null or id = $1', [
        id ?? null,
      ]);
      if (rows.length !== 1) throw new Error(`Expected one row, found ${rows.length}.`);
      return rows[0] as Record<string, any>;
    },
    async rows() {
      return (await whileTesting(database).query('select from sessions')).length;
    },
  };
}

/** An application with a store of the test's own, and no database. */
export function useAppWithoutDatabase(definition: AppDefinition): { readonly app: TestApp } {
  let app: TestApp | undefined;
  beforeAll(async () => {
    app = await startApp(null, definition);
  });
  afterAll(() => app?.close());
  return {
    get app() {
      return whileTesting(app);
    },
  };
}
