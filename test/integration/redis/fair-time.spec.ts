import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SessionStoreUnavailableError } from 'nestjs-mikro-session';
import type { RedisSessionStore } from 'nestjs-mikro-session/redis';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { changing, newSession, RedisStores } from '../../support/redis-stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

/** In milliseconds. */
const QUERY_TIMEOUT = 600;
const PATIENCE = 15_000;
const IN_A_ROW = 20;
/** How often another connection is made at most. */
const EVERY = 500;
const ADD = changing({ increment: new Map([['n', 1]]) });

describeWithRedis('A Redis at the other end of a slow network', () => {
  const stores = new RedisStores();
  let redis: RedisServer;
  let proxy: TcpProxy;
  let store: RedisSessionStore;
  beforeEach(async () => {
    redis = await startRedis();
    proxy = await TcpProxy.start(redis.port);
    store = await stores.open({ nodes: [`redis://127.0.0.1:${proxy.port}`] }, { queryTimeout: QUERY_TIMEOUT });
  });
  afterEach(async () => {
    await stores.close();
    await proxy.close();
    await redis.stop();
  });

  const figure = async (section: string, name: string): Promise<number> =>
    Number(new RegExp(`^${name}(\\d+)`, 'm').exec(await redis.command<string>('INFO', section))?.[1]);
  /** How many there have ever been. */
  const connections = (): Promise<number> => figure('stats', 'total_connections_received:');
  const lookUps = (): Promise<number> => figure('commandstats', 'cmdstat_hgetall:calls=');

  it.each([1, 40, 200])('is not left for another connection by an operation that had only %d ms', async (left) => {
    const { id } = await store.create(newSession());
    await pause(EVERY);
    proxy.set('delay', 150);
    const before = await connections();
    await expect(store.update(id, null, () => ADD, store.now() + left)).rejects.toThrow(SessionStoreUnavailableError);
    expect((await store.find(id))?.data).toBe('{}');
    expect(await connections()).toBe(before);
  });

  it('is not asked for an update whose time is up when its turn comes', async () => {
    const { id } = await store.create(newSession());
    proxy.set('delay', 40);
    const before = await lookUps();
    const first = store.update(id, null, () => ADD);
    const second = store.update(id, null, () => ADD, store.now() + 1);
    await expect(second).rejects.toThrow('could not update a session');
    expect((await first)?.id).toBe(id);
    // It comes behind all that was sent before.
    expect((await store.find(id))?.data).toBe('{"n":1}');
    expect(await lookUps()).toBe(before + 2);
  });

  it.each([
    [60, 20],
    [60, 5],
    [25, 4],
  ])('recovers after an outage while requests go on: %d ms each way, one every %d ms', async (way, every) => {
    const { id } = await store.create(newSession());
    const end = performance.now() + PATIENCE;
    let isOut = true;
    let inARow = 0;
    const visits: Promise<unknown>[] = [];
    const visit = async (): Promise<void> => {
      const isServed = (await store.find(id).catch(() => null)) !== null;
      inARow = isServed && !isOut ? inARow + 1 : 0;
    };
    const load = (async () => {
      while (inARow < IN_A_ROW && performance.now() < end) {
        visits.push(visit());
        await pause(every);
      }
    })();
    proxy.set('reset');
    // So that there are operations with all amounts of time left.
    await pause(QUERY_TIMEOUT);
    isOut = false;
    proxy.set('delay', way);
    await load;
    expect(inARow).toBeGreaterThanOrEqual(IN_A_ROW);
    await Promise.all(visits);
  });
});
