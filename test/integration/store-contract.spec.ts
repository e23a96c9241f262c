import { afterAll, beforeAll, beforeEach, describe, it } from '@jest/globals';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import {
  CachedSessionStore,
  MemorySessionStore,
  MikroOrmSessionStore,
  SessionEntity,
  type SessionStore,
} from 'nestjs-mikro-session';
import { sessionStoreContract } from 'nestjs-mikro-session/testing';
import { createDatabase, type TestDatabase } from '../support/database.js';

const OPTIONS = { maxDataBytes: 65_536, queryTimeout: 10_000, ensureSchema: true };

describe.each([
  ['MikroOrmSessionStore', 4, OPTIONS, (store: SessionStore) => store],
  ['MikroOrmSessionStore, with a pool of one,', 1, OPTIONS, (store: SessionStore) => store],
  [
    'MikroOrmSessionStore, without prepared statements,',
    4,
    { ...OPTIONS, preparedStatements: false },
    (store: SessionStore) => store,
  ],
  [
    'CachedSessionStore',
    4,
    { ...OPTIONS, tellsChanges: true },
    (store: SessionStore) => new CachedSessionStore(store, { max: 100, ttl: 60_000 }),
  ],
])('%s', (_name, max, options, wrap) => {
  let database: TestDatabase;
  let orm: MikroORM;
  let store: SessionStore;
  beforeAll(async () => {
    database = await createDatabase();
    orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: database.url,
      entities: [SessionEntity],
      pool: { min: 0, max },
    });
    store = wrap(new MikroOrmSessionStore(orm, options));
    await store.open();
  });
  beforeEach(() => database.query('truncate sessions'));
  afterAll(async () => {
    await store.close();
    await orm.close();
    await database.drop();
  });

  // oxlint-disable-next-line jest/expect-expect -- the contract asserts
  it.each(sessionStoreContract)('$name', ({ run }) => run(store));
});

describe('MemorySessionStore', () => {
  // oxlint-disable-next-line jest/expect-expect -- the contract asserts
  it.each(sessionStoreContract)('$name', ({ run }) => run(new MemorySessionStore(OPTIONS)));
});
