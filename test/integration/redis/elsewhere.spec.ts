import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { startRedisCluster, type TestRedisCluster, until } from '../../support/redis-cluster.js';
import type { RedisServer } from '../../support/redis-server.js';
import { newSession, RedisStores } from '../../support/redis-stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

/** In milliseconds. */
const QUERY_TIMEOUT = 500;

describeWithRedis('A cluster whose name leads to another one', () => {
  const stores = new RedisStores();
  const clusters: TestRedisCluster[] = [];
  let name: TcpProxy;
  afterEach(async () => {
    await stores.close();
    await name.close();
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  });
  const startCluster = async (): Promise<readonly [RedisServer, RedisServer]> => {
    const cluster = await startRedisCluster();
    clusters.push(cluster);
    return cluster.primaries as unknown as readonly [RedisServer, RedisServer];
  };

  it('is found there, also where connections were left once, as one was silent', async () => {
    const [first, hung] = await startCluster();
    const [next] = await startCluster();
    name = await TcpProxy.start(first.port);
    const nodes = [`redis://127.0.0.1:${name.port}`];
    const store = await stores.open({ nodes, waitForReplicas: 0 }, { queryTimeout: QUERY_TIMEOUT });
    const create = (): Promise<boolean> =>
      store.create(newSession()).then(
        () => true,
        () => false,
      );
    await Promise.all(Array.from({ length: 50 }, create));
    const connected = async (): Promise<string> => first.command<string>('CLIENT', 'LIST', 'TYPE', 'normal');
    const before = await connected();
    hung.process.kill('SIGSTOP');
    // It has left them: of those to the first one, none is as it was but this test's own.
    const idsOf = (list: string): string[] => list.match(/^id=\d+/gm) ?? [];
    await until(async () => {
      await Promise.all(Array.from({ length: 10 }, create));
      const now = new Set(idsOf(await connected()));
      return idsOf(before).filter((id) => now.has(id)).length === 1;
    });
    hung.process.kill('SIGCONT');
    await until(async () => (await Promise.all(Array.from({ length: 20 }, create))).every(Boolean));
    await clusters[0]?.stop();
    name.lead(next.port);
    await until(async () => {
      await pause(50);
      return create();
    });
    expect((await Promise.all(Array.from({ length: 20 }, create))).every(Boolean)).toBe(true);
  }, 90_000);
});
