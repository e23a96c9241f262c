import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type pg from 'pg';
import { createSessionId, issueCredential } from '../../lib/session/token.js';
import { SessionEntity } from '../../lib/store/postgres/session.entity.js';
import { MikroOrmSessionStore } from '../../lib/store/postgres/mikro-orm.session-store.js';
import { StoreReports } from '../support/store-listener.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

/** So many plans PostgreSQL makes for the values at hand before it decides whether one for all values will do. */
const TRIED = 5;
const RUNS = 20;

describe('The plans of the hot path', () => {
  let database: TestDatabase;
  let orm: MikroORM;
  let pool: pg.Pool;
  let store: MikroOrmSessionStore;

  beforeEach(async () => {
    database = await createDatabase();
    orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: database.url,
      entities: [SessionEntity],
      // Plans belong to a connection: the test looks at the only one of the sessions, whose pool is made last.
      pool: { min: 1, max: 1 },
      driverOptions: { onPoolCreated: (created: pg.Pool) => (pool = created) },
    });
    store = new MikroOrmSessionStore(orm, { queryTimeout: 20_000, maxDataBytes: 10_000, ensureSchema: true });
    await store.open(new StoreReports());
  });

  afterEach(async () => {
    await store.close();
    await orm.close();
    await database.drop();
  });

  const onItsConnection = async <Row extends object>(query: string): Promise<Row[]> =>
    (await pool.query<Row>(query)).rows;

  async function create(): Promise<string> {
    const { id, secretHash } = issueCredential(createSessionId());
    const lifetime = { ttl: 60_000, absolute: null };
    await store.create({ id, secretHash, userId: null, auth: null, data: '{}', lifetime, ip: null, userAgent: null });
    return id;
  }

  async function use(id: string): Promise<void> {
    const data = { set: new Map(), unset: [], increment: new Map([['n', 1]]), push: new Map() };
    await store.find(id);
    await store.commit(id, 0, { data, lifetime: null, renew: true });
    store.renew({ id, at: store.now(), expiresAt: 0 });
    await store.flush();
    const guest = await create();
    await store.login({
      ...issueCredential(guest),
      generation: 0,
      userId: 'ada',
      auth: null,
      lifetime: { ttl: 60_000, absolute: null },
      flush: false,
      changes: null,
    });
    await store.delete(guest, null);
  }

  it('are made once, and not anew for every statement, however few sessions it is about', async () => {
    const id = await create();
    await database.query(`
      insert into sessions (id, secret_hash, generation, data, ttl, created_at, updated_at, last_access_at, expires_at)
      select gen_random_uuid(), '', 0, '{}', 1, now(), now(), now(), now() + interval '1 h' from generate_series(1, 5000)`);
    await database.query('analyze sessions');
    for (let run = 0; run < RUNS; run++) await use(id);
    const plans = await onItsConnection<{ custom: number }>(
      `select custom_plans::int as custom from pg_prepared_statements where generic_plans + custom_plans >= ${RUNS}`,
    );
    expect(plans.map(({ custom }) => custom)).toEqual([TRIED, TRIED, TRIED, TRIED, TRIED, TRIED]);
  });

  it('never read all of the table, not even those that were made when it was new', async () => {
    const scans = async (): Promise<number> => {
      await onItsConnection('select pg_stat_force_next_flush()');
      const rows = await database.query<{ scans: number }>(
        `select seq_scan::int as scans from pg_stat_user_tables where relname = 'sessions'`,
      );
      return (rows[0] as { scans: number }).scans;
    };
    const before = await scans();
    const id = await create();
    for (let run = 0; run < RUNS; run++) {
      await use(id);
      await use(createSessionId());
    }
    expect(await scans()).toBe(before);
  });
});
