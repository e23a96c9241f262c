import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SessionStoreUnavailableError } from 'nestjs-mikro-session';
import type { RedisSessionStore } from 'nestjs-mikro-session/redis';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { until } from '../../support/redis-cluster.js';
import { freePort, type RedisServer, startRedis } from '../../support/redis-server.js';
import { newSession, RedisStores, setting } from '../../support/redis-stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

/** In milliseconds. */
const QUERY_TIMEOUT = 300;
const SOON = 3_000;

describeWithRedis('A Redis that has become a replica, on connections that stay,', () => {
  const stores = new RedisStores();
  let former: RedisServer;
  let primary: RedisServer;
  let proxy: TcpProxy;
  let store: RedisSessionStore;
  beforeEach(async () => {
    former = await startRedis();
    primary = await startRedis();
    proxy = await TcpProxy.start(former.port);
    store = await stores.open({ nodes: [`redis://127.0.0.1:${proxy.port}`] }, { queryTimeout: QUERY_TIMEOUT });
  });
  afterEach(async () => {
    await stores.close();
    await proxy.close();
    await Promise.all([former.stop(), primary.stop()]);
  });
  /** It goes on answering, with what it knew, as its link to its primary is down. */
  const demote = async (): Promise<unknown> => former.command('REPLICAOF', '127.0.0.1', String(await freePort()));
  const promote = (): Promise<unknown> => former.command('REPLICAOF', 'NO', 'ONE');
  const saysWhy = async (operation: Promise<unknown>): Promise<boolean> => {
    const error: unknown = await operation.then(
      () => null,
      (refusal: unknown) => refusal,
    );
    return String((error as Error | null)?.cause).includes('is a replica, or the primary from before a failover');
  };

  it('is not asked for sessions any more, nor for whose they are, until it takes writes again', async () => {
    const { id } = await store.create(newSession({ userId: 'ada' }));
    expect((await store.find(id))?.id).toBe(id);
    await demote();
    await until(() => saysWhy(store.find(id)), SOON);
    for (const look of [() => store.find(id), () => store.findByUser('ada'), () => store.count()]) {
      await expect(look()).rejects.toThrow(SessionStoreUnavailableError);
    }
    await promote();
    await until(async () => (await store.find(id).catch(() => null))?.id === id, SOON);
  });

  it('ends no sessions, and does not say that there were none', async () => {
    await demote();
    await expect(store.deleteAll()[Symbol.asyncIterator]().next()).rejects.toThrow('could not end all sessions');
    await expect(store.delete(newSession().id, null)).rejects.toThrow('could not end a session');
  });

  it.each<[string, (id: string, generation: number) => Promise<unknown>]>([
    ['looked up', async (id) => (await store.find(id))?.data === '{"a":1,"b":2}'],
    ['written', async (id, generation) => (await store.commit(id, generation, setting({ a: 1 }))) !== null],
  ])('is left for the one that its address leads to by then, once a session is %s', async (_how, isOfPrimary) => {
    const { id, generation } = await store.create(newSession({ data: '{"a":1}' }));
    await primary.command('REPLICAOF', '127.0.0.1', String(former.port));
    await until(async () => (await primary.command('EXISTS', `session:s:${id}`)) === 1);
    await primary.command('REPLICAOF', 'NO', 'ONE');
    await primary.command('HSET', `session:s:${id}`, '"b"', '2');
    await demote();
    proxy.lead(primary.port);
    await until(async () => (await isOfPrimary(id, generation).catch(() => false)) === true, SOON);
    expect((await store.find(id))?.data).toBe('{"a":1,"b":2}');
  });
});
