import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionStoreUnavailableError } from 'nestjs-mikro-session';
import type { RedisSessionStore } from 'nestjs-mikro-session/redis';
import type { StoredSession } from 'nestjs-mikro-session/store';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { until } from '../../support/redis-cluster.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { changing, loginOf, newSession, RedisStores } from '../../support/redis-stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

/** In milliseconds. */
const QUERY_TIMEOUT = 1_000;
/** Less than a connection that was replaced has. */
const SOON = 1_000;
/** In which a connection is noticed to be silent, and made anew. */
const NOTICED = 4_000;
const ADD = changing({ increment: new Map([['n', 1]]) });

describeWithRedis('A Redis that is silent for longer than an operation has', () => {
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
    redis.process.kill('SIGCONT');
    await stores.close();
    await proxy.close();
    await redis.stop();
  });

  const login = async ({ id, generation }: StoredSession): Promise<unknown> =>
    store.login(loginOf(id, generation, { userId: null }));

  describe('has what still had time answered when it goes on:', () => {
    it.each<[string, (session: StoredSession) => Promise<unknown>]>([
      ['a change', (session) => store.commit(session.id, session.generation, ADD)],
      ['an update', (session) => store.update(session.id, null, () => ADD)],
      ['a login', login],
      ['a session that begins', () => store.create(newSession())],
      ['a session that ends', async (session) => (await store.delete(session.id, session.generation)) || null],
      ['a look-up', (session) => store.find(session.id)],
    ])('%s', async (_what, operate) => {
      const sessions = await Promise.all(Array.from({ length: 3 }, () => store.create(newSession())));
      const [one] = sessions as [StoredSession];
      redis.process.kill('SIGSTOP');
      const first = store.find(one.id);
      first.catch(() => {});
      await pause(QUERY_TIMEOUT / 2);
      const later = Promise.allSettled(sessions.map((session) => operate(session)));
      await expect(first).rejects.toThrow(SessionStoreUnavailableError);
      redis.process.kill('SIGCONT');
      const done: unknown = { status: 'fulfilled', value: expect.anything() };
      expect(await later).toEqual(sessions.map(() => done));
    });
  });

  describe('because its connection is,', () => {
    const received = async (): Promise<number> =>
      Number(/total_connections_received:(\d+)/.exec(await redis.command<string>('INFO', 'stats'))?.[1]);

    it('is asked on another one, which is not left for what is given up on the first', async () => {
      const { id } = await store.create(newSession());
      const before = await received();
      proxy.forget();
      const lost: Promise<unknown>[] = [];
      for (let n = 0; n < 10; n++) {
        lost.push(store.find(id).catch((error: unknown) => error));
        await pause(QUERY_TIMEOUT / 12);
      }
      await lost[0];
      expect((await store.find(id))?.id).toBe(id);
      for (const outcome of await Promise.all(lost)) expect(outcome).toBeInstanceOf(SessionStoreUnavailableError);
      expect((await store.find(id))?.id).toBe(id);
      expect(await received()).toBe(before + 1);
    });

    it('is asked on another one, before anything is asked for', async () => {
      const { id } = await store.create(newSession());
      const before = await received();
      proxy.forget();
      await until(async () => (await received()) > before, NOTICED);
      expect((await store.find(id))?.id).toBe(id);
      expect(await received()).toBe(before + 1);
    });

    it('is connected to once more, where that was still being made, and however often it is asked for meanwhile', async () => {
      const { id } = await store.create(newSession());
      proxy.set('reset');
      await until(async () => proxy.connections === 0);
      proxy.set('half-open');
      await until(async () => proxy.connections === 1);
      proxy.set('pass');
      const start = performance.now();
      await until(async () => (await store.find(id).catch(() => null)) !== null, NOTICED);
      expect(performance.now() - start).toBeLessThan(NOTICED);
    });

    it('is left with all its connections when the store is closed', async () => {
      const { id } = await store.create(newSession());
      proxy.forget();
      await expect(store.find(id)).rejects.toThrow(SessionStoreUnavailableError);
      expect((await store.find(id))?.id).toBe(id);
      await stores.close();
      await until(async () => proxy.connections === 0, SOON);
    });
  });
});
