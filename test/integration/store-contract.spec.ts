import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { MemorySessionStore, SessionEntity } from 'nestjs-mikro-session';
import { MikroOrmSessionStore, type NewSession, type SessionStore } from 'nestjs-mikro-session/store';
import type { MikroOrmSessionStoreOptions } from '../../lib/store/postgres/mikro-orm.session-store.js';
import { createTableSql } from '../../lib/store/postgres/session.migration.js';
import { CachingSessionStore } from '../../lib/store/caching.session-store.js';
import { sessionStoreContract } from 'nestjs-mikro-session/testing';
import { createSessionId } from '../../lib/session/token.js';
import { StoreReports } from '../support/store-listener.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

/** What opens a store, and wraps it. */
interface Case {
  readonly max?: number;
  readonly options?: Partial<MikroOrmSessionStoreOptions>;
  readonly partitions?: number;
  readonly wrap?: (store: SessionStore) => SessionStore;
}

const OPTIONS = { maxDataBytes: 65_536, queryTimeout: 10_000, ensureSchema: true };

const newSession = (): NewSession => ({
  id: createSessionId(),
  secretHash: Buffer.alloc(32),
  userId: null,
  auth: null,
  data: '{}',
  lifetime: { ttl: 60_000, absolute: null },
  ip: null,
  userAgent: null,
});

describe.each<[string, Case]>([
  ['MikroOrmSessionStore', {}],
  ['MikroOrmSessionStore, on 16 partitions,', { partitions: 16 }],
  ['MikroOrmSessionStore, with a pool of one,', { max: 1 }],
  ['MikroOrmSessionStore, without prepared statements,', { options: { preparedStatements: false } }],
  [
    'CachingSessionStore',
    {
      options: { invalidation: true },
      wrap: (store: SessionStore) => new CachingSessionStore(store, { max: 100, ttl: 60_000, maxBytes: 1e7 }),
    },
  ],
])('%s', (_name, { max = 4, options = {}, partitions = null, wrap }) => {
  let database: TestDatabase;
  const orms: MikroORM[] = [];
  let stores: SessionStore[];
  beforeAll(async () => {
    database = await createDatabase();
    for (const statement of createTableSql({ schema: undefined, name: 'sessions' }, partitions)) {
      await database.query(statement);
    }
    const opened = Array.from({ length: 2 }, async () => {
      const orm = await MikroORM.init({
        driver: PostgreSqlDriver,
        clientUrl: database.url,
        entities: [SessionEntity],
        pool: { min: 0, max },
      });
      orms.push(orm);
      const store = new MikroOrmSessionStore(orm, { ...OPTIONS, ...options });
      const wrapped = wrap?.(store) ?? store;
      await wrapped.open(new StoreReports());
      return wrapped;
    });
    stores = await Promise.all(opened);
  });
  beforeEach(() => database.query('truncate sessions'));
  afterAll(async () => {
    for (const store of stores) await store.close();
    for (const orm of orms) await orm.close();
    await database.drop();
  });

  // A cache may lag behind the other.
  // oxlint-disable-next-line jest/expect-expect -- the contract asserts
  it.each(sessionStoreContract)('$name', ({ run }) =>
    run(stores[0] as SessionStore, wrap === undefined ? stores[1] : undefined),
  );
});

describe('MikroOrmSessionStore, on a Kysely instance of the application’s own,', () => {
  let database: TestDatabase;
  let orm: MikroORM;
  let store: SessionStore;
  beforeAll(async () => {
    database = await createDatabase();
    const pool = new pg.Pool({ connectionString: database.url, max: 4 });
    orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      driverOptions: new Kysely({ dialect: new PostgresDialect({ pool }) }),
      dbName: new URL(database.url).pathname.slice(1),
      entities: [SessionEntity],
    });
    store = new MikroOrmSessionStore(orm, OPTIONS);
    await store.open(new StoreReports());
  });
  beforeEach(() => database.query('truncate sessions'));
  afterAll(async () => {
    await store.close();
    await orm.close();
    await database.drop();
  });

  // oxlint-disable-next-line jest/expect-expect -- the contract asserts
  it.each(sessionStoreContract)('$name', ({ run }) => run(store));

  it('may sweep, and refuses to be cached', async () => {
    expect(await store.claimSweep(60_000)).toBe(true);
    const telling = new MikroOrmSessionStore(orm, { ...OPTIONS, invalidation: true });
    await expect(telling.open(new StoreReports())).rejects.toThrow('Set "cache: false"');
  });

  it('gives a connection back without a trace of a transaction that was given up', async () => {
    const { id } = await store.create(newSession());
    const impatient = new MikroOrmSessionStore(orm, { ...OPTIONS, queryTimeout: 100 });
    await impatient.open(new StoreReports());
    const held = await database.hold('select from sessions where id = $1 for update', [id]);
    const updates = Array.from({ length: 4 }, () => impatient.update(id, null, () => null));
    for (const update of updates) await expect(update).rejects.toThrow('could not update a session');
    await held.release();
    expect(await store.update(id, null, () => null)).not.toBeNull();
    const [open] = await database.query<{ count: number }>(
      `select count(*)::int from pg_stat_activity where datname = current_database() and state like 'idle in%'`,
    );
    expect(open).toEqual({ count: 0 });
  });
});

describe('MemorySessionStore', () => {
  // oxlint-disable-next-line jest/expect-expect -- the contract asserts
  it.each(sessionStoreContract)('$name', ({ run }) => run(new MemorySessionStore(OPTIONS)));
});
