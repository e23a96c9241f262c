import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { RedisSessionStore } from 'nestjs-mikro-session/redis';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { cartOf, documentedSizes } from '../../support/documented-sizes.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { newSession, RedisStores } from '../../support/redis-stores.js';

const SESSIONS = 2_000;

describeWithRedis('What a session takes in the memory of Redis, with its entry in the list of a user,', () => {
  const stores = new RedisStores();
  let redis: RedisServer;
  let store: RedisSessionStore;
  beforeAll(async () => {
    redis = await startRedis();
    store = await stores.open({ nodes: [redis.url] });
  });
  afterAll(async () => {
    await stores.close();
    await redis.stop();
  });
  const used = async (): Promise<number> =>
    Number(/^used_memory:(\d+)/m.exec(await redis.command<string>('INFO', 'memory'))?.[1]);

  it('is said of several sizes', () => expect(documentedSizes('redis.md').length).toBeGreaterThan(2));

  it.each(documentedSizes('redis.md'))(
    'is, with %i bytes of data, the %i bytes of docs/redis.md, give or take a tenth',
    async (data, memory) => {
      await redis.command('FLUSHALL');
      const before = await used();
      for (let n = 0; n < SESSIONS; n += 50) {
        const some = Array.from({ length: 50 }, (_, index) =>
          newSession({ userId: `user-${n + index}`, auth: '{"roles":["reader"]}', data: JSON.stringify(cartOf(data)) }),
        );
        await Promise.all(some.map((session) => store.create(session)));
      }
      const measured = ((await used()) - before) / SESSIONS;
      expect(Math.abs(measured / memory - 1)).toBeLessThan(0.1);
    },
  );
});
