import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { Migrator } from '@mikro-orm/migrations';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { MikroORM, type Options, PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  SessionEntity,
  SessionMigration,
  SessionModule,
  SessionService,
  SessionSetupError,
} from 'nestjs-mikro-session';
import { createDatabase, type TestDatabase } from '../../support/database.js';

export type ModuleOptions = NonNullable<Parameters<typeof SessionModule.forRoot>[0]>;

/** The README's configuration. */
export const AUTO: Partial<Options> = { autoLoadEntities: true } as object;

/** What a test's application consists of, besides the sessions. */
export interface TableApp {
  readonly options?: ModuleOptions;
  readonly orm?: Partial<Options>;
  readonly imports?: ModuleMetadata['imports'];
  readonly providers?: ModuleMetadata['providers'];
  /** Another database, or the same one as another role. */
  readonly url?: string;
}

/** A database of which every test of a file makes the table anew; there once its first test runs. */
// oxlint-disable-next-line typescript/explicit-function-return-type -- said once, below
export function useTable() {
  let database: TestDatabase;
  const opened: { close(): Promise<unknown> }[] = [];
  const roles: string[] = [];

  beforeAll(async () => {
    database = await createDatabase();
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    MikroOrmModule.clearStorage();
    await database.query('drop schema public cascade; create schema public');
    for (const role of roles.splice(0)) await database.query(`drop owned by ${role}; drop role ${role}`);
  });
  afterAll(() => database.drop());

  /** MikroORM as its command line has it. */
  async function orm(options: Partial<Options> = {}): Promise<MikroORM> {
    const created = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: database.url,
      entities: [SessionEntity],
      extensions: [Migrator],
      ...options,
      migrations: {
        migrationsList: [{ name: 'Migration20261120_sessions', class: SessionMigration }],
        silent: true,
        snapshot: false,
        ...options.migrations,
      },
    });
    opened.push(created);
    return created;
  }

  async function start({ options = {}, orm = AUTO, imports = [], providers = [], url }: TableApp = {}) {
    const module = await Test.createTestingModule({
      imports: [
        MikroOrmModule.forRoot({
          driver: PostgreSqlDriver,
          clientUrl: url ?? database.url,
          pool: { min: 0, max: 2 },
          ...orm,
        } as Options),
        SessionModule.forRoot(options),
        ...imports,
      ],
      providers,
    }).compile();
    const app = module.createNestApplication({ logger: false });
    opened.push(app);
    await app.init();
    return app;
  }

  /** The sentence that an application ends with at start. */
  async function refusal(app: TableApp = {}): Promise<string> {
    const error = await start(app).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(SessionSetupError);
    return (error as Error).message;
  }

  /** The address of the database for a new role that has no rights of its own. */
  async function role(name: string): Promise<string> {
    roles.push(name);
    await database.query(`create role ${name} login password 'secret'; grant usage on schema public to ${name}`);
    const url = new URL(database.url);
    url.username = name;
    url.password = 'secret';
    return url.href;
  }

  return {
    get database() {
      return database;
    },
    opened,
    orm,
    start,
    refusal,
    role,
  };
}

/** That sessions can be stored and found. */
export async function expectToWork(app: INestApplication): Promise<void> {
  const { session } = await app.get(SessionService).create({ data: { a: 1 } });
  expect((await app.get(SessionService).find(session.id))?.toJSON()).toEqual({ a: 1 });
}
