import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SessionEntity } from '../../../lib/store/postgres/session.entity.js';
import { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { StoreReports } from '../../support/store-listener.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { changesOf, useStores } from './stores.js';

const fixture = useStores();
const TIMEOUT = 1_000;
/** What is sent then has too little time left to show that a connection is silent. */
const LATE = 0.7 * TIMEOUT;
const LOCK = 'lock table sessions in access exclusive mode';

describe('A statement that was sent late, and is given up, says nothing of the other connections', () => {
  let made = 0;
  /** How long the application prepares each connection, in milliseconds. */
  let preparation = 0;
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  async function openStore(max: number): Promise<MikroOrmSessionStore> {
    preparation = 0;
    const orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: fixture.database.url,
      entities: [SessionEntity],
      pool: { min: 0, max },
      driverOptions: { application_name: 'store-late' },
      onCreateConnection: async () => {
        made++;
        await pause(preparation);
      },
    });
    closing.push(() => orm.close(true));
    const store = new MikroOrmSessionStore(orm, { queryTimeout: TIMEOUT, maxDataBytes: 1_000, ensureSchema: true });
    await store.open(new StoreReports());
    closing.push(() => store.close());
    await fillPool(store);
    // Besides, MikroORM has made one of its own.
    made = 2;
    return store;
  }

  /** Two statements that are not put together, each on a connection of its own. */
  const fillPool = (store: MikroOrmSessionStore): Promise<unknown> => Promise.all([store.count(), store.count()]);

  async function hold(): Promise<{ release(): Promise<void> }> {
    const holder = await fixture.database.hold(LOCK);
    let isHeld = true;
    const once = async (): Promise<void> => {
      if (isHeld) await ((isHeld = false), holder.release());
    };
    closing.push(once);
    return { release: once };
  }

  it('where a new connection took long to be made', async () => {
    const store = await openStore(3);
    const first = await hold();
    const others = fillPool(store);
    preparation = LATE;
    const late = fixture.outcomes(store.count());
    await fixture.untilBlocked(2);
    await first.release();
    await others;
    const second = await hold();
    expect(await late).toEqual([fixture.unavailable]);
    await second.release();
    await fillPool(store);
    expect(made).toBe(3);
  });

  it('where it waited for a connection of a full pool', async () => {
    const store = await openStore(2);
    const first = await hold();
    const others = fillPool(store);
    const late = fixture.outcomes(store.count());
    await fixture.untilBlocked(2);
    // It comes after the two that wait, and before the third.
    const second = hold();
    await pause(LATE);
    await first.release();
    await others;
    expect(await late).toEqual([fixture.unavailable]);
    await (await second).release();
    await fillPool(store);
    expect(made).toBe(2);
  });

  it('where the network is slow: it recovers from the loss of all connections while visitors come without a pause', async () => {
    const url = new URL(fixture.database.url);
    const proxy = await TcpProxy.start(Number(url.port));
    [url.hostname, url.port] = ['127.0.0.1', String(proxy.port)];
    const store = await fixture.openStore({ queryTimeout: TIMEOUT }, 6, url.href);
    closing.push(
      () => proxy.close(),
      () => store.close(),
    );
    const sessions = await Promise.all(Array.from({ length: 20 }, () => fixture.create()));
    const visit = async (id: string): Promise<unknown> =>
      (await store.find(id)) && store.commit(id, 0, changesOf({ set: { a: 1 } }));
    await Promise.all(sessions.map(({ id }) => visit(id)));
    proxy.set('delay', 150);
    proxy.reset();
    const end = performance.now() + 15_000;
    let served = 0;
    const visitor = async (id: string): Promise<void> => {
      let inARow = 0;
      while (inARow < 6 && performance.now() < end) {
        inARow = (await visit(id).catch(() => null)) === null ? 0 : inARow + 1;
      }
      if (inARow === 6) served++;
    };
    await Promise.all(sessions.map(({ id }) => visitor(id)));
    expect(served).toBe(sessions.length);
  });
});
