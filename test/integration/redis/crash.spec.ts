import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { RedisSessionStore } from 'nestjs-mikro-session/redis';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { newSession, RedisStores } from '../../support/redis-stores.js';
import { until } from '../../support/redis-cluster.js';

describeWithRedis('A Redis that writes to its append-only file before it answers, and was killed and is back,', () => {
  const stores = new RedisStores();
  let redis: RedisServer;
  let store: RedisSessionStore;
  beforeAll(async () => {
    redis = await startRedis({ appendonly: 'yes', appendfsync: 'always', save: '3600 1' });
    store = await stores.open({ nodes: [redis.url] });
  });
  afterAll(async () => {
    await stores.close();
    await redis.stop();
  });

  it('has every end, and every new secret, that was acknowledged', async () => {
    const create = (userId: string) => store.create(newSession({ userId }));
    const loggedOut = await create('ada');
    const revoked = await create('bob');
    const rotated = await create('cleo');
    const kept = await create('dan');
    // What a Redis without the file would go on from.
    await redis.command('SAVE');
    const secretHash = randomBytes(32);
    expect(await store.delete(loggedOut.id, null)).toBe(true);
    for await (const ids of store.deleteByUser('bob', null)) expect(ids).toEqual([revoked.id]);
    const { id, generation, secretHash: knownHash } = rotated;
    expect(await store.rotate({ id, generation, knownHash, secretHash })).toBe('rotated');
    await redis.crash();
    await until(async () => (await store.find(kept.id).catch(() => null)) !== null);
    expect(await store.find(loggedOut.id)).toBeNull();
    expect(await store.find(revoked.id)).toBeNull();
    expect((await store.find(rotated.id))?.secretHash).toEqual(secretHash);
  });
});
