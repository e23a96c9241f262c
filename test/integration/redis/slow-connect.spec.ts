import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { StoredSession } from 'nestjs-mikro-session/store';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { startRedisCluster, type TestRedisCluster, until } from '../../support/redis-cluster.js';
import type { RedisServer } from '../../support/redis-server.js';
import { newSession, RedisStores } from '../../support/redis-stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

/** In milliseconds. */
const QUERY_TIMEOUT = 1_000;
const EVERY = 20;
const PATIENCE = 18_000;
/** Longer than what the connections of before still answer. */
const IN_A_ROW = 200;
const SESSIONS = 30;

describeWithRedis('A cluster that is slow to connect to', () => {
  const stores = new RedisStores();
  let cluster: TestRedisCluster;
  let networks: TcpProxy[];
  beforeAll(async () => {
    cluster = await startRedisCluster({ 'cluster-node-timeout': '15000' });
    networks = await Promise.all(cluster.primaries.map(({ port }) => TcpProxy.start(port)));
    for (const [index, node] of cluster.primaries.entries()) {
      await node.command('CONFIG', 'SET', 'cluster-announce-port', String(networks[index]?.port));
    }
    await until(async () => {
      const ports = new Set(networks.map(({ port }) => port));
      const slots = await Promise.all(
        cluster.primaries.map((node) => node.command<[number, number, [string, number]][]>('CLUSTER', 'SLOTS')),
      );
      return slots.flat().every(([, , [, port]]) => ports.has(port));
    });
  }, 60_000);
  afterEach(async () => {
    for (const node of cluster.primaries) node.process.kill('SIGCONT');
    for (const network of networks) network.set('pass');
    await stores.close();
  });
  afterAll(async () => {
    await cluster.stop();
    await Promise.all(networks.map((network) => network.close()));
  });

  it.each([
    ['a bit longer than an operation has', 1_200, 3],
    ['nearly as long as an operation has', 800, 3],
    ['to the silent one longer than an operation has', 1_200, 1],
  ])(
    'is used again after a silent moment of one primary, where it takes %s',
    async (_title, slow, many) => {
      const nodes = networks.map(({ port }) => `redis://127.0.0.1:${port}`);
      const store = await stores.open({ nodes, waitForReplicas: 0 }, { queryTimeout: QUERY_TIMEOUT });
      const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => store.create(newSession())));
      for (const network of networks.slice(0, many)) network.set('slow-to-connect', slow);
      const [silent] = cluster.primaries as [RedisServer];
      silent.process.kill('SIGSTOP');
      const end = performance.now() + QUERY_TIMEOUT + PATIENCE;
      let isOver = false;
      let inARow = 0;
      const visits: Promise<void>[] = [];
      const visit = async ({ id }: StoredSession): Promise<void> => {
        const isServed = (await store.find(id).catch(() => null)) !== null;
        if (!isServed && !isOver) {
          isOver = true;
          silent.process.kill('SIGCONT');
        }
        inARow = isServed && isOver ? inARow + 1 : 0;
      };
      for (let n = 0; inARow < IN_A_ROW && performance.now() < end; n++) {
        visits.push(visit(sessions[n % SESSIONS] as StoredSession));
        await pause(EVERY);
      }
      expect(inARow).toBeGreaterThanOrEqual(IN_A_ROW);
      await Promise.all(visits);
    },
    30_000,
  );
});
