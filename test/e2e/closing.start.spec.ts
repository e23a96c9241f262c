import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { type INestApplication, Module, type OnModuleInit } from '@nestjs/common';
import { Kysely, PostgresDialect } from 'kysely';
import { MemorySessionStore, SessionModule } from 'nestjs-mikro-session';
import { redisSessionStore } from 'nestjs-mikro-session/redis';
import pg from 'pg';
import { type AppDefinition, startApp } from '../support/app.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { type DatabaseProxy, startDatabaseProxy } from '../support/database-proxy.js';
import { describeWithRedis } from '../support/describe-with-redis.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const CLOSED = 'The application was closed while its sessions were starting';
/** The one under which the table is created. */
const LOCK = 'select pg_advisory_xact_lock(7305804402)';
const WAITING = `select from pg_locks where locktype = 'advisory' and not granted`;
const LEFT = `select from pg_stat_activity where datname = current_database() and application_name = 'sessions'
  and pid <> pg_backend_pid()`;

/** Until there are so many rows. */
async function rowsOf(database: TestDatabase, query: string, count: number): Promise<void> {
  while ((await database.query(query)).length !== count);
}

/** A server that can be told to hold the next request in which there is a text. */
interface Holding extends DatabaseProxy {
  hold(text: string): { readonly arrived: Promise<void>; readonly letThrough: () => void };
}

async function startHolding(server: string): Promise<Holding> {
  let next: { text: string; arrived: () => void; go: Promise<void> } | null = null;
  const proxy = await startDatabaseProxy(server, (client, connect) => {
    const upstream = connect();
    upstream.on('data', (chunk) => client.write(chunk));
    client.on('data', (chunk: Buffer) => {
      const held = next;
      if (held === null || !chunk.includes(held.text)) {
        upstream.write(chunk);
        return;
      }
      next = null;
      held.arrived();
      void held.go.then(() => upstream.write(chunk));
    });
  });
  return {
    ...proxy,
    hold: (wanted) => {
      const [arrived, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      next = { text: wanted, arrived: arrived.resolve, go: go.promise };
      return { arrived: arrived.promise, letThrough: go.resolve };
    },
  };
}

/** Starts an application, and closes it while something is under way that its start waits for. @returns what became of the start, and what it said */
async function closedWhile(
  definition: AppDefinition,
  underWay: { prepare?(): void; arrived(): Promise<unknown>; letThrough(): unknown },
): Promise<{ started: unknown; said: string[] }> {
  const said: string[] = [];
  const say = (message: unknown): number => said.push(String(message));
  let app: INestApplication | undefined;
  const starting = startApp(null, {
    ...definition,
    prepare: (made) => {
      app = made;
      app.useLogger({ log: () => {}, warn: say, error: say });
      underWay.prepare?.();
    },
  }).then(
    () => 'it started',
    (error: Error) => error.message,
  );
  await underWay.arrived();
  const closing = (app as INestApplication).close();
  // All that is done before the start is waited for is done.
  for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate);
  await underWay.letThrough();
  const [started] = await Promise.all([starting, closing]);
  return { started, said };
}

const inPool = (url: string) =>
  MikroOrmModule.forRoot({
    driver: PostgreSqlDriver,
    clientUrl: url,
    autoLoadEntities: true,
    pool: { min: 0, max: 4 },
  });
const throughKysely = (url: string) =>
  MikroOrmModule.forRoot({
    driver: PostgreSqlDriver,
    driverOptions: new Kysely({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 4 }) }),
    }),
    dbName: 'postgres',
    autoLoadEntities: true,
  });

describe.each([
  ['', inPool],
  [' through a Kysely instance', throughKysely],
])('An application with sessions in PostgreSQL%s that is closed while it starts', (_how, orm) => {
  let database: TestDatabase;
  let server: Holding;
  beforeEach(async () => {
    database = await createDatabase();
    const named = new URL(database.url);
    named.searchParams.set('application_name', 'sessions');
    server = await startHolding(named.href);
  });
  afterEach(async () => {
    MikroOrmModule.clearStorage();
    await server.close();
    await database.drop();
  });
  const definition = (): AppDefinition => ({ imports: [orm(server.url) as never], options: { cache: false } });

  it('is closed once the statement is answered that it waits for, and leaves no connection', async () => {
    let held: ReturnType<Holding['hold']> | undefined;
    const prepared = Promise.withResolvers<void>();
    const { started, said } = await closedWhile(definition(), {
      prepare: () => {
        held = server.hold('select 1');
        prepared.resolve();
      },
      arrived: () => prepared.promise.then(() => held?.arrived),
      letThrough: () => held?.letThrough(),
    });
    expect(started).toMatch(CLOSED);
    expect(said).toEqual([]);
    await rowsOf(database, LEFT, 0);
  });

  it('is closed once it has the lock under which it creates the table, and leaves no connection', async () => {
    const holder = await database.hold(LOCK);
    const { started, said } = await closedWhile(definition(), {
      arrived: () => rowsOf(database, WAITING, 1),
      letThrough: () => holder.release(),
    });
    expect(started).toMatch(CLOSED);
    expect(said).toEqual([]);
    await rowsOf(database, LEFT, 0);
  });
});

describe('An application that is closed before its sessions start', () => {
  it('does not start them any more', async () => {
    const [arrived, leave] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    @Module({})
    class SlowModule implements OnModuleInit {
      async onModuleInit(): Promise<void> {
        arrived.resolve();
        await leave.promise;
      }
    }
    const session = SessionModule.forRoot({ store: MemorySessionStore });
    const { started, said } = await closedWhile(
      { session, imports: [SlowModule] },
      { arrived: () => arrived.promise, letThrough: leave.resolve },
    );
    expect(started).toMatch(CLOSED);
    expect(said).toEqual([]);
  });
});

/** A process that starts an application. */
function startProcess(settings: object) {
  const script = join(import.meta.dirname, '../support/starting.mjs');
  const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const said = Promise.all([child.stdout, child.stderr].map((stream) => text(stream as Readable)));
  return { child, ended: Promise.all([once(child, 'exit'), said]) };
}

describe('A process whose application is closed while it starts', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  /** How it ends that is closed while its start waits for a lock. */
  async function closed(close: (child: ChildProcess) => unknown) {
    const holder = await database.hold(LOCK);
    const { child, ended } = startProcess({ database: database.url });
    await rowsOf(database, WAITING, 1);
    close(child);
    await once(child, 'disconnect');
    await holder.release();
    return ended;
  }

  it('ends by itself, and is told what became of the start', async () => {
    const [[code, signal], [printed = '', errors]] = await closed((child) => child.send('close'));
    expect({ code, signal, errors }).toEqual({ code: 0, signal: null, errors: '' });
    expect(printed.split('\n').toSorted()).toEqual(['', expect.stringMatching(CLOSED), 'closed']);
  });

  it('ends by the signal by which it was closed, and tells of no error', async () => {
    await database.query('drop table if exists sessions');
    const [[code, signal], [printed = '', errors]] = await closed((child) => child.kill('SIGTERM'));
    expect({ code, signal, printed, errors }).toEqual({ code: null, signal: 'SIGTERM', printed: '', errors: '' });
  });
});

describeWithRedis('An application with sessions in Redis that is closed while it starts', () => {
  let redis: RedisServer;
  let server: Holding;
  beforeEach(async () => {
    redis = await startRedis();
    server = await startHolding(redis.url);
  });
  afterEach(async () => {
    await server.close();
    await redis.stop();
  });
  const clients = async (): Promise<number> =>
    (await redis.command<string>('CLIENT', 'LIST')).trim().split('\n').length;

  // As it looks at what it is to be connected to, and as it tries what it is connected to.
  it.each(['INFO', 'SCAN'])('is closed once %s is answered, and leaves no connection', async (command) => {
    const held = server.hold(command);
    const session = SessionModule.forRoot({ store: redisSessionStore({ nodes: [server.url] }) });
    const { started, said } = await closedWhile(
      { session },
      { arrived: () => held.arrived, letThrough: held.letThrough },
    );
    expect(started).toMatch(CLOSED);
    expect(said).toEqual([]);
    while ((await clients()) > 1);
  });

  it('ends its process', async () => {
    const held = server.hold('INFO');
    const { child, ended } = startProcess({ redis: server.url });
    await held.arrived;
    child.send('close');
    await once(child, 'disconnect');
    held.letThrough();
    const [[code, signal], [printed = '', errors]] = await ended;
    expect({ code, signal, errors }).toEqual({ code: 0, signal: null, errors: '' });
    expect(printed.split('\n').toSorted()).toEqual(['', expect.stringMatching(CLOSED), 'closed']);
  });
});
