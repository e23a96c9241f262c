import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Pool } from 'pg';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import type { DedicatedConnection } from '../../../lib/store/postgres/driver/connections.js';
import { connectionsOfPool, type PreparedConnection } from '../../../lib/store/postgres/driver/pg.js';
import type { PgPool } from '../../../lib/store/postgres/driver/session-pool.js';
import { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { SessionEntity } from '../../../lib/store/postgres/session.entity.js';
import { StoreReports } from '../../support/store-listener.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { useStores } from './stores.js';

const stores = useStores();
const TIMEOUT = 300;

describe('Connecting', () => {
  let proxy: TcpProxy;
  let url: string;

  beforeEach(async () => {
    const target = new URL(stores.database.url);
    proxy = await TcpProxy.start(Number(target.port));
    target.hostname = '127.0.0.1';
    target.port = String(proxy.port);
    url = target.href;
  });
  afterEach(() => proxy.close());

  /** Asks until there is an answer, a dozen at a time. @returns how long that took, in milliseconds */
  async function recovery(store: MikroOrmSessionStore, id: string): Promise<number> {
    const start = performance.now();
    for (;;) {
      const asked = Array.from({ length: 12 }, () => store.find(id));
      const found = await Promise.allSettled(asked);
      if (found.every(({ status }) => status === 'fulfilled')) return performance.now() - start;
    }
  }

  it('to a server that accepts connections and says nothing does not fill the pool for good', async () => {
    const store = await stores.openStore({ queryTimeout: TIMEOUT }, 3, url);
    const { id } = await stores.create();
    proxy.set('half-open');
    for (let times = 0; times < 6; times++) await store.find(id).catch(() => {});
    proxy.set('pass');
    expect(await recovery(store, id)).toBeLessThan(3 * TIMEOUT);
  });

  it('anew is what follows when one has gone silent: all that were idle meanwhile may have, too', async () => {
    const store = await stores.openStore({ queryTimeout: TIMEOUT }, 6, url);
    const { id } = await stores.create();
    // Statements that are not put together: each has a connection of its own.
    await Promise.all(Array.from({ length: 6 }, () => store.count()));
    proxy.forget();
    expect(await recovery(store, id)).toBeLessThan(1.8 * TIMEOUT);
  });

  it('to a server that takes longer than an operation has is gone on with, and succeeds', async () => {
    const store = await stores.openStore({ queryTimeout: TIMEOUT }, 3, url);
    const { id } = await stores.create();
    proxy.reset();
    proxy.set('slow-to-connect', 4 * TIMEOUT);
    expect(await recovery(store, id)).toBeLessThan(12 * TIMEOUT);
  });

  it('that is silent while the application prepares it does not fill the pool for good', async () => {
    let isSilent = false;
    const orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: url,
      entities: [SessionEntity],
      pool: { min: 0, max: 2 },
      onCreateConnection: async (connection) => {
        if (isSilent) proxy.forget();
        await (connection as PreparedConnection).executeQuery({
          sql: `set statement_timeout = '1min'`,
          parameters: [],
        });
      },
    });
    stores.orms.push(orm);
    const store = new MikroOrmSessionStore(orm, { queryTimeout: TIMEOUT, maxDataBytes: 1_000, ensureSchema: true });
    await store.open(new StoreReports());
    const { id } = await stores.create();
    isSilent = true;
    proxy.reset();
    for (let times = 0; times < 6; times++) await store.find(id).catch(() => {});
    isSilent = false;
    expect(await recovery(store, id)).toBeLessThan(15_000);
    await store.close();
  });

  it('is refused by what prepares connections, be it at once, and the process goes on: one of the feed’s own', async () => {
    const pool = new Pool({ connectionString: url });
    const refusal = new Error('no more connections');
    let isRefused = false;
    const prepare = (): Promise<void> => {
      if (isRefused) throw refusal;
      return Promise.resolve();
    };
    const connections = await connectionsOfPool(pool as unknown as PgPool, prepare, TIMEOUT);
    const [before, after] = [connections.dedicated?.(), connections.dedicated?.()] as [
      DedicatedConnection,
      DedicatedConnection,
    ];
    await before.connect();
    isRefused = true;
    await expect(after.connect()).rejects.toBe(refusal);
    await Promise.all([before.end(), after.end()]);
    connections.close();
    await pool.end();
  });

  it('to a server that says nothing is waited for by no operation for good, however many have been given up', async () => {
    let pool: { readonly waitingCount: number } | null = null;
    const orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: url,
      entities: [SessionEntity],
      pool: { min: 0, max: 2 },
      // MikroORM's own comes first.
      driverOptions: { onPoolCreated: (made: never) => (pool = made) },
    });
    stores.orms.push(orm);
    const store = new MikroOrmSessionStore(orm, { queryTimeout: TIMEOUT, maxDataBytes: 1_000, ensureSchema: true });
    await store.open(new StoreReports());
    proxy.set('half-open');
    const asked = await Promise.allSettled(Array.from({ length: 500 }, () => store.findByUser('ada')));
    expect(asked.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    const waiting = (): number => (pool as { readonly waitingCount: number } | null)?.waitingCount ?? NaN;
    expect(waiting()).toBeGreaterThan(400);
    await setTimeout(10_500);
    expect(waiting()).toBe(0);
    proxy.set('pass');
    await store.close();
  });

  it('anew is not needed after a quiet time for as many as `pool.min` of MikroORM says', async () => {
    let pool: Pool | null = null;
    const orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: url,
      entities: [SessionEntity],
      pool: { min: 1, max: 3, idleTimeoutMillis: 30 },
      // MikroORM's own comes first.
      driverOptions: { onPoolCreated: (made: never) => (pool = made) },
    });
    stores.orms.push(orm);
    const store = new MikroOrmSessionStore(orm, { queryTimeout: 5_000, maxDataBytes: 1_000, ensureSchema: true });
    await store.open(new StoreReports());
    await Promise.all(Array.from({ length: 3 }, () => store.count()));
    const own = pool as unknown as Pool;
    while (own.totalCount > 1) await setTimeout(10);
    await setTimeout(100);
    expect(own.totalCount).toBe(1);
    await store.close();
    while (own.totalCount > 0) await setTimeout(10);
  });

  it('to a server that hangs up has a look-up fail at once, although it has time left', async () => {
    const store = await stores.openStore({ queryTimeout: 60_000 }, 3, url);
    const { id } = await stores.create();
    proxy.set('reset');
    const start = performance.now();
    await expect(store.find(id)).rejects.toThrow(SessionStoreUnavailableError);
    expect(performance.now() - start).toBeLessThan(20_000);
    proxy.set('pass');
    expect(await store.find(id)).toMatchObject({ id });
  });
});
