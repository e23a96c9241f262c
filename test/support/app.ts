import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { DynamicModule, ModuleMetadata, Type } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { SessionModule, type SessionModuleOptions, SessionService } from 'nestjs-mikro-session';
import { Client } from './client.js';
import { ProbeController } from './probe.js';

/** What a test's application consists of. */
export interface AppDefinition {
  readonly database: { readonly url: string };
  /** Modules before that of sessions. */
  readonly before?: ModuleMetadata['imports'];
  /** Modules after it. */
  readonly imports?: ModuleMetadata['imports'];
  readonly controllers?: Type[];
  readonly providers?: ModuleMetadata['providers'];
  readonly options?: SessionModuleOptions;
  /** Instead of `SessionModule.forRoot(options)`. */
  readonly session?: DynamicModule;
  /** Instead of Express's. */
  readonly adapter?: () => AbstractHttpAdapter;
  /** Before the application listens. */
  readonly prepare?: (app: NestExpressApplication) => unknown;
}

/** A Nest application on Express, listening on a port of its own. */
export interface TestApp {
  readonly app: NestExpressApplication;
  readonly sessions: SessionService;
  readonly url: string;
  /** A browser that has not been here before. */
  client(): Client;
  close(): Promise<void>;
}

export function databaseModule(url: string): Promise<DynamicModule> {
  return MikroOrmModule.forRoot({
    driver: PostgreSqlDriver,
    clientUrl: url,
    autoLoadEntities: true,
    pool: { min: 0, max: 4 },
  }) as Promise<DynamicModule>;
}

export async function startApp(definition: AppDefinition): Promise<TestApp> {
  const session = definition.session ?? SessionModule.forRoot({ ensureSchema: true, ...definition.options });
  const module = await Test.createTestingModule({
    imports: [
      ...(definition.before ?? []),
      databaseModule(definition.database.url),
      session,
      ...(definition.imports ?? []),
    ],
    controllers: [ProbeController, ...(definition.controllers ?? [])],
    providers: definition.providers ?? [],
  }).compile();
  const app = definition.adapter
    ? module.createNestApplication<NestExpressApplication>(definition.adapter(), { logger: false })
    : module.createNestApplication<NestExpressApplication>({ logger: false });
  await definition.prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`;
  return {
    app,
    sessions: app.get(SessionService),
    url,
    client: () => new Client(url),
    close: () => app.close(),
  };
}
