import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FAULTS, type Fault } from '../../failover/faults.js';
import { play } from '../../failover/play.js';
import { startRedisCluster, type TestRedisCluster } from '../../support/redis-cluster.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import type { RedisServer } from '../../support/redis-server.js';
import { newSession, RedisStores } from '../../support/redis-stores.js';

const PATIENCE = 120_000;

// More of it, and without waiting for replicas: npm run test:failover.
describeWithRedis('A cluster that is written to', () => {
  it.each(FAULTS.filter(({ name }) => name !== 'taken-over').map(({ title, name }) => [title, name]))(
    'loses nothing, and brings nothing back, where all writes wait for a replica: %s',
    async (_title, name) => {
      const fault = FAULTS.find((one) => one.name === name) as Fault;
      const outcome = await play(fault, { waitForReplicas: 1, waitForReplicasOnCommit: true }, 20_261_129);
      expect(outcome).toMatchObject({ lost: 0, revived: 0, wrong: 0 });
      expect(outcome.acknowledged).toBeGreaterThan(100);
    },
    PATIENCE,
  );
});

describeWithRedis('A cluster with a primary whose replica is gone', () => {
  const stores = new RedisStores();
  let cluster: TestRedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(async () => {
    await stores.close();
    await cluster.stop();
  });

  it('refuses to begin and to end sessions there, and says why; reads and changes go on', async () => {
    const store = await stores.open({ nodes: cluster.urls }, { queryTimeout: 400 });
    const sessions = await Promise.all(Array.from({ length: 30 }, () => store.create(newSession())));
    for (const replica of cluster.replicas) (replica as RedisServer).process.kill('SIGKILL');
    const refused = await store.create(newSession()).catch((error: unknown) => error);
    expect(String(refused)).toContain('could not create a session');
    expect(String((refused as Error).cause)).toMatch(/0 of 1 replicas of 127\.0\.0\.1:\d+ have confirmed it in time/);
    const [one] = sessions as [(typeof sessions)[number]];
    await expect(store.delete(one.id, one.generation)).rejects.toThrow('could not end a session');
    for (const { id } of sessions.slice(1)) expect((await store.find(id))?.id).toBe(id);
  });
});
