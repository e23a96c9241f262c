import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EncryptingSessionStore } from '../../../lib/store/encrypting.session-store.js';
import { KeyRing } from '../../../lib/store/encryption.js';
import { blockFor } from '../../support/block.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { changing, newSession, RedisStores } from '../../support/redis-stores.js';
import { StoreReports } from '../../support/store-listener.js';

const SOON = 400;
const ADD = changing({ increment: new Map([['n', 1]]) });

describeWithRedis('An encrypted addition in Redis, in a process that is kept from its work', () => {
  const stores = new RedisStores();
  let redis: RedisServer;
  let store: EncryptingSessionStore;
  beforeAll(async () => {
    redis = await startRedis();
    const plain = await stores.open({ nodes: [redis.url] }, { queryTimeout: SOON });
    await plain.close();
    store = new EncryptingSessionStore(plain, new KeyRing([Buffer.alloc(32, 7)]), () => {}, { queryTimeout: SOON });
    await store.open(new StoreReports());
  });
  afterAll(async () => {
    await store.close();
    await redis.stop();
  });

  it('is stored though it was begun just before, and so is the one that waits for it', async () => {
    const { id, generation } = await store.create(newSession());
    const outcomes = Promise.all([store.commit(id, generation, ADD), store.commit(id, generation, ADD)]);
    blockFor(2 * SOON);
    expect(await outcomes).toEqual([expect.any(Object), expect.any(Object)]);
    expect((await store.find(id))?.data).toBe('{"n":2}');
  });

  it('has the same outcome for the request as in the store, where Redis is slow besides', async () => {
    const { id, generation } = await store.create(newSession());
    for (let added = 0, tried = 0; tried < 8; tried++) {
      await redis.command('CLIENT', 'PAUSE', String(SOON - 50 + tried * 50), 'WRITE');
      const outcome = store.commit(id, generation, ADD).then(
        () => 1,
        () => 0,
      );
      setImmediate(() => blockFor(SOON / 2));
      added += await outcome;
      await redis.command('CLIENT', 'UNPAUSE');
      expect(JSON.parse((await store.find(id))?.data ?? '')).toEqual(added === 0 ? {} : { n: added });
    }
  });
});
