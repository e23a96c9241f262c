import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import pg from 'pg';
import { createSessionId } from '../../lib/session/token.js';
import { RawQuery, takesRawQueries } from '../../lib/store/postgres/driver/raw-query.js';
import { MikroOrmSessionStore } from '../../lib/store/postgres/mikro-orm.session-store.js';
import { SessionEntity } from '../../lib/store/postgres/session.entity.js';
import { StoreReports } from '../support/store-listener.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

interface Connection {
  stream: object;
}

describe('A client of `pg`', () => {
  let database: TestDatabase;
  let orm: MikroORM | undefined;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await orm?.close(true);
    orm = undefined;
  });
  afterAll(() => database.drop());

  /** Has all clients that connect from now on be made differently, until the test ends. */
  function changePg(change: (connection: Connection) => void): void {
    // oxlint-disable-next-line typescript/unbound-method -- called on what it is called on
    const connect = pg.Client.prototype.connect as (...args: unknown[]) => unknown;
    jest.spyOn(pg.Client.prototype, 'connect').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
      change((this as unknown as { connection: Connection }).connection);
      return connect.apply(this, args);
    } as never);
  }

  /** What a session goes through, and how many of its statements were raw queries. */
  async function useStore(): Promise<number> {
    const queries = jest.spyOn(pg.Client.prototype, 'query');
    orm = await MikroORM.init({ driver: PostgreSqlDriver, clientUrl: database.url, entities: [SessionEntity] });
    const store = new MikroOrmSessionStore(orm, { queryTimeout: 20_000, maxDataBytes: 1_000, ensureSchema: true });
    const reports = new StoreReports();
    await store.open(reports);
    const id = createSessionId();
    const lifetime = { ttl: 60_000, absolute: null };
    const secretHash = Buffer.alloc(32, 1);
    const session = { id, secretHash, userId: null, auth: null, data: '{}', lifetime, ip: null, userAgent: null };
    await store.create(session);
    for (const n of [1, 2, 3]) {
      const data = { set: new Map([['n', String(n)]]), unset: [], increment: new Map(), push: new Map() };
      expect(await store.commit(id, 0, { data, lifetime: null, renew: false })).toMatchObject({ ttl: 60_000 });
      expect(await store.find(id)).toMatchObject({ id, secretHash, data: `{"n": ${n}}`, generation: 0 });
      expect(await store.find(id)).toMatchObject({ id, secretHash, data: `{"n": ${n}}`, generation: 0 });
      store.renew({ id, at: store.now(), expiresAt: 0 });
      await store.flush();
      expect(reports.renewals).toHaveLength(n);
    }
    await store.close();
    return queries.mock.calls.filter(([query]) => (query as unknown) instanceof RawQuery).length;
  }

  it('takes raw queries as it is: look-ups, commits and renewals', async () => {
    expect(await useStore()).toBe(12);
  });

  it.each<[string, (connection: Connection) => void]>([
    ['keeps its statements by name in something else', (one) => Object.assign(one, { parsedStatements: () => {} })],
    ['keeps those on their way in something else', (one) => Object.assign(one, { submittedNamedStatements: () => {} })],
    ['writes to a stream that cannot be corked', ({ stream }) => Object.assign(stream, { cork: undefined })],
  ])('gets ordinary queries where it %s', async (_, change) => {
    changePg(change);
    expect(await useStore()).toBe(0);
  });

  it.each(['parse', 'bind', 'execute', 'sync', 'stream', 'parsedStatements', 'submittedNamedStatements'])(
    'takes no raw queries without "%s"',
    (field) => {
      const { connection } = new pg.Client() as unknown as { connection: object };
      expect(takesRawQueries({ connection })).toBe(true);
      expect(takesRawQueries({ connection: Object.create(connection, { [field]: { value: undefined } }) })).toBe(false);
    },
  );

  it('takes no raw queries without a connection, as one of `pg-native`', () => {
    expect(takesRawQueries({})).toBe(false);
    expect(takesRawQueries({ connection: null })).toBe(false);
  });
});
