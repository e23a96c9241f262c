import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { RedisSessionStore } from 'nestjs-mikro-session/redis';
import type { NewSession } from 'nestjs-mikro-session/store';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { newSession, RedisStores } from '../../support/redis-stores.js';
import { until } from '../../support/redis-cluster.js';

describeWithRedis(
  'A Redis with an append-only file, as docs/redis.md asks for one, that was killed and is back,',
  () => {
    const stores = new RedisStores();
    let redis: RedisServer;
    let store: RedisSessionStore;
    beforeAll(async () => {
      redis = await startRedis({ appendonly: 'yes', save: '3600 1' });
      store = await stores.open({ nodes: [redis.url] });
    });
    afterAll(async () => {
      await stores.close();
      await redis.stop();
    });

    it('has every end, and every new secret, that was acknowledged', async () => {
      const [loggedOut, revoked, rotated, kept] = [1, 2, 3, 4].map((n) => newSession({ userId: `user ${n}` })) as [
        NewSession,
        NewSession,
        NewSession,
        NewSession,
      ];
      for (const session of [loggedOut, revoked, rotated, kept]) await store.create(session);
      // What a Redis without the file would go on from.
      await redis.command('SAVE');
      const { generation } = (await store.find(rotated.id)) as { generation: number };
      const secretHash = randomBytes(32);
      expect(await store.delete(loggedOut.id, null)).toBe(true);
      for await (const ids of store.deleteByUser('user 2', null)) expect(ids).toEqual([revoked.id]);
      await store.rotate({ id: rotated.id, generation, knownHash: rotated.secretHash, secretHash });
      await redis.crash();
      await until(async () => (await store.find(kept.id).catch(() => null)) !== null);
      expect(await store.find(loggedOut.id)).toBeNull();
      expect(await store.find(revoked.id)).toBeNull();
      expect((await store.find(rotated.id))?.secretHash).toEqual(secretHash);
    });
  },
);
