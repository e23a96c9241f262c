import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import type pg from 'pg';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { SessionEntity } from '../../../lib/store/postgres/session.entity.js';
import { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { StoreReports } from '../../support/store-listener.js';
import { changesOf, useStores } from './stores.js';

const stores = useStores();

describe('A connection whose state is bad', () => {
  let orm: MikroORM;
  let pool: pg.Pool;
  let store: MikroOrmSessionStore;
  let id: string;

  beforeEach(async () => {
    // The pool of the sessions is made last.
    orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: stores.database.url,
      entities: [SessionEntity],
      pool: { min: 0, max: 1 },
      driverOptions: { onPoolCreated: (created: pg.Pool) => (pool = created) },
    });
    store = new MikroOrmSessionStore(orm, { queryTimeout: 5_000, maxDataBytes: 1_000, ensureSchema: true });
    await store.open(new StoreReports());
    ({ id } = await stores.create({ userId: 'ada' }));
    await expectAllToWork();
  });
  afterEach(async () => {
    await stores.database.query(`alter database ${databaseName()} reset default_transaction_read_only`);
    await store.close();
    await orm.close();
  });

  const databaseName = (): string => new URL(stores.database.url).pathname.slice(1);
  const increment = changesOf({ increment: { n: 1 } });

  /** What uses a prepared statement, once each. */
  async function expectAllToWork(): Promise<void> {
    expect(await store.find(id)).toMatchObject({ id });
    expect(await store.findByUser('ada')).toMatchObject([{ id }]);
    expect(await store.count()).toBeGreaterThan(0);
    expect(await store.commit(id, 0, increment)).not.toBeNull();
    expect(await store.update(id, 0, () => increment)).toMatchObject({ id });
    store.renew({ id, at: store.now(), expiresAt: 0 });
    await store.flush();
  }

  it('does not come back to the pool after a failover: the old primary is read-only now, and the name leads elsewhere', async () => {
    for (let times = 0; times < 2; times++) {
      await pool.query('set default_transaction_read_only = on');
      await expectAllToWork();
    }
    await pool.query('set default_transaction_read_only = on');
    expect(await store.update(id, 0, () => increment)).toMatchObject({ id });
  });

  it('gives no answer from a server that is read-only, about rows that are there and rows that are not', async () => {
    const impatient = new MikroOrmSessionStore(orm, { queryTimeout: 400, maxDataBytes: 1_000, ensureSchema: false });
    await impatient.open(new StoreReports());
    await stores.database.query(`alter database ${databaseName()} set default_transaction_read_only = on`);
    await pool.query('set default_transaction_read_only = on');
    const asked = [
      () => impatient.find(id),
      () => impatient.find('0199a1b2-c3d4-7e5f-8a6b-0123456789ab'),
      () => impatient.findByUser('ada'),
      () => impatient.findByUser('nobody'),
      () => impatient.count(),
      () => impatient.commit(id, 0, increment),
    ];
    const causes: string[] = [];
    for (const ask of asked) {
      const error: unknown = await ask().catch((refusal: unknown) => refusal);
      expect(error).toBeInstanceOf(SessionStoreUnavailableError);
      causes.push(String((error as Error).cause));
    }
    expect(causes).toContainEqual(expect.stringContaining('the server that answers is read-only'));
    // And recovers while it is asked, without any connection that has been idle.
    const trying = impatient.find(id);
    await stores.database.query(`alter database ${databaseName()} reset default_transaction_read_only`);
    expect(await trying.catch(() => impatient.find(id))).toMatchObject({ id });
    await impatient.close();
  });

  it.each([
    ['text to varchar, and back', ['ip type varchar(100)', 'ip type text']],
    ['int to bigint, and back', ['generation type bigint', 'generation type int']],
    ['a column more', ['column_of_ours']],
  ])('does not go on with plans of a table that has been altered: %s', async (_, alterations) => {
    for (const alteration of alterations) {
      const what = alteration.includes('type')
        ? `alter column ${alteration}`
        : `add column if not exists ${alteration} int`;
      await stores.database.query(`alter table sessions ${what}`);
      await expectAllToWork();
    }
  });

  it.each([
    ['everything is discarded on it', 'discard all'],
    ['its prepared statements are deallocated', 'deallocate all'],
    [
      'it is left in a transaction that has failed',
      'begin; do $$ begin raise exception using errcode = $q$ZX001$q$; end $$',
    ],
  ])('is not used again when %s', async (_, text) => {
    for (const use of [expectAllToWork, () => store.update(id, 0, () => increment), () => store.find(id)]) {
      await pool.query(text).catch(() => {});
      expect(await use().then(() => 'done')).toBe('done');
    }
  });

  it('is not used again when another has prepared a statement of our name on it', async () => {
    const { rows } = await pool.query<{ name: string }>(
      `select name from pg_prepared_statements where name like 'session%'`,
    );
    const [client] = [await pool.connect()];
    client.release(true);
    for (const { name } of rows) await pool.query(`prepare "${name}" as select 1`);
    await expectAllToWork();
  });

  it('changes nothing twice', async () => {
    const before = Number(JSON.parse((await store.find(id))?.data ?? '{}').n);
    await pool.query('discard all');
    await store.commit(id, 0, increment);
    await pool.query('discard all');
    await store.update(id, 0, () => increment);
    expect(JSON.parse((await store.find(id))?.data ?? '{}').n).toBe(before + 2);
  });

  it('is repeated for a look-up whose connection is killed under it', async () => {
    const held = await stores.database.hold('lock table sessions in access exclusive mode');
    const looking = store.find(id);
    const blocked = `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    while ((await stores.database.query(blocked)).length === 0);
    await stores.database.query(`select pg_terminate_backend(pid) from (${blocked}) as them`);
    await held.release();
    expect(await looking).toMatchObject({ id });
  });
});
