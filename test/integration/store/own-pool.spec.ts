import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { MikroORM, type Options, PostgreSqlDriver, RequestContext } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import { SessionEntity } from '../../../lib/store/postgres/session.entity.js';
import { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { StoreReports } from '../../support/store-listener.js';
import { changesOf, useStores } from './stores.js';

/** As much of what Kysely gives to hooks as they need. */
interface HookConnection {
  executeQuery(query: object): Promise<unknown>;
}
const run = (connection: unknown, sql: string): Promise<unknown> =>
  (connection as HookConnection).executeQuery({ sql, parameters: [] });

const stores = useStores();

describe('What the application does to connections of MikroORM', () => {
  const suffix = randomBytes(4).toString('hex');
  /** A role that may do nothing with sessions, and one that may connect, and nothing else. */
  const [tenant, login] = [`tenant_${suffix}`, `login_${suffix}`];
  let orm: MikroORM;
  let store: MikroOrmSessionStore;

  beforeAll(async () => {
    await stores.database.query(`create role ${tenant}`);
    await stores.database.query(`create role ${login} login noinherit password 'secret'`);
    await stores.database.query(`grant postgres to ${login}`);
  });
  afterEach(async () => {
    await store.close();
    await orm.close();
  });
  afterAll(async () => {
    await stores.database.query(`drop role ${tenant}, ${login}`);
  });

  async function open(options: Options): Promise<void> {
    orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: stores.database.url,
      entities: [SessionEntity],
      pool: { min: 0, max: 1 },
      ...options,
    });
    store = new MikroOrmSessionStore(orm, { queryTimeout: 2_000, maxDataBytes: 1_000, ensureSchema: true });
    await store.open(new StoreReports());
  }

  /** All that a store does, after the application has used a connection for something of its own. */
  async function expectSessionsToWork(useConnection: () => Promise<unknown>): Promise<void> {
    const { id } = await stores.create({ userId: 'ada' });
    const change = changesOf({ set: { n: 1 } });
    const uses = [
      async () => expect(await store.find(id)).toMatchObject({ id }),
      async () => expect(await store.findByUser('ada')).toMatchObject([{ id }]),
      async () => expect(await store.commit(id, 0, change)).not.toBeNull(),
      async () => expect(await store.update(id, 0, () => change)).toMatchObject({ id }),
      async () => expect(await store.delete(id, 0)).toBe(true),
    ];
    for (const use of uses) {
      await useConnection();
      await use();
    }
  }

  it('as in onReserveConnection, does not reach the sessions', async () => {
    await open({
      onReserveConnection: async (connection) => {
        await run(connection, `set role ${tenant}`);
        await run(connection, 'set search_path = pg_catalog');
      },
    });
    await expectSessionsToWork(() => orm.em.fork().execute('select 1'));
    expect(await orm.em.fork().execute('select current_user as role')).toEqual([{ role: tenant }]);
  });

  it('by the session context of its connections, which is another request’s, does not reach the sessions', async () => {
    await open({ sessionContext: 'connection' });
    await RequestContext.create(orm.em, async () => {
      orm.em.setSessionContext({ role: tenant, variables: { 'app.tenant': 'acme' } });
      await expectSessionsToWork(async () => {
        expect(await orm.em.execute('select current_user as role')).toEqual([{ role: tenant }]);
      });
    });
  });

  it('with a setting that it leaves on one, does not reach the sessions', async () => {
    await open({});
    await expectSessionsToWork(async () => {
      await orm.em.fork().execute('set default_transaction_read_only = on');
      await orm.em.fork().execute(`set role ${tenant}`);
    });
  });

  it('as in onCreateConnection, is done to each connection of the sessions as well', async () => {
    const url = new URL(stores.database.url);
    url.username = login;
    url.password = 'secret';
    let created = 0;
    await open({
      clientUrl: url.href,
      onCreateConnection: async (connection) => {
        created++;
        await run(connection, 'set role postgres');
      },
    });
    await expectSessionsToWork(() => orm.em.fork().execute('select 1'));
    // One of MikroORM's, and one of the sessions'.
    expect(created).toBe(2);
    expect(await store.claimSweep(60_000)).toBe(true);
    expect(created).toBe(3);
  });

  it('while its handlers hold all of them, does not hold up the sessions', async () => {
    await open({});
    await orm.em.fork().transactional(async () => {
      await expectSessionsToWork(async () => {});
    });
    await orm.em.fork().transactional(async (em) => {
      await em.execute('select 1');
      await expectSessionsToWork(async () => {});
    });
  });

  it('is found by a pool’s own hook, which sees the pool of the sessions as well', async () => {
    const pools: object[] = [];
    await open({ driverOptions: { onPoolCreated: (pool: object) => pools.push(pool) } });
    expect(pools).toHaveLength(2);
    expect(pools[1]).toMatchObject({ options: { max: 1, min: 0 } });
  });

  it.each<[string, options: () => object, times: number]>([
    ['that nothing is said on, as the one that holds the lease of the sweep: by TCP', () => ({}), 2],
    ['as the application says', () => ({ keepAlive: false }), 0],
    [
      'not through a stream of the application’s, which may not know how',
      () => ({ stream: () => Object.assign(new Socket(), { setKeepAlive: undefined }) }),
      0,
    ],
  ])('keeps firewalls from forgetting connections %s', async (_, driverOptions, times) => {
    const keepAlive = jest.spyOn(Socket.prototype, 'setKeepAlive');
    await open({ driverOptions: driverOptions() });
    expect(await store.claimSweep(60_000)).toBe(true);
    const told = keepAlive.mock.calls.filter(([isOn, after]) => isOn === true && Number(after) === 60_000);
    expect(told.length).toBe(times);
  });

  it('makes connections outside of the requests that need them, of which they keep nothing', async () => {
    const request = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const pools: Pool[] = [];
    await open({ pool: { min: 0, max: 2 }, driverOptions: { onPoolCreated: (pool: Pool) => pools.push(pool) } });
    pools[1]?.on('connect', () => seen.push(request.getStore()));
    const { id } = await stores.create();
    const holder = await stores.lock(id);
    const commits = request.run('the first', () => [store.commit(id, 0, changesOf({ set: { n: 1 } })), store.find(id)]);
    await holder.release();
    await Promise.all(commits);
    expect(seen).toContain(undefined);
    expect(seen).not.toContain('the first');
  });

  it('ends with the store, and nothing of MikroORM’s does', async () => {
    await open({ driverOptions: { application_name: `pool_${suffix}` } });
    await store.find('0199a1b2-c3d4-7e5f-8a6b-0123456789ab');
    await store.close();
    const left = `select from pg_stat_activity where application_name = 'pool_${suffix}'`;
    while ((await stores.database.query(left)).length > 1);
    expect(await orm.em.fork().execute('select 1 as one')).toEqual([{ one: 1 }]);
  });
});
