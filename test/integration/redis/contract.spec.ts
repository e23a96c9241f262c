import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, it } from '@jest/globals';
import { RedisSessionStore } from 'nestjs-mikro-session/redis';
import type { SessionStore } from 'nestjs-mikro-session/store';
import { sessionStoreContract } from 'nestjs-mikro-session/testing';
import { EncryptingSessionStore } from '../../../lib/store/encrypting.session-store.js';
import { KeyRing } from '../../../lib/store/encryption.js';
import { startRedisCluster, type TestRedisCluster } from '../../support/redis-cluster.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { startRedis } from '../../support/redis-server.js';
import { StoreReports } from '../../support/store-listener.js';

const OPTIONS = { maxDataBytes: 65_536, queryTimeout: 10_000 };

const encrypted = (store: SessionStore, keys: KeyRing): SessionStore =>
  new EncryptingSessionStore(store, keys, () => {}, { queryTimeout: OPTIONS.queryTimeout });

/** One Redis by itself, as a cluster is. */
async function startSingle(): Promise<Pick<TestRedisCluster, 'urls' | 'stop'> & { clear(): Promise<unknown> }> {
  const server = await startRedis();
  return { urls: [server.url], clear: () => server.command('FLUSHALL'), stop: () => server.stop() };
}

describeWithRedis('RedisSessionStore', () => {
  describe.each([
    ['on a single Redis', startSingle],
    ['on a cluster', startRedisCluster],
  ])('%s', (_where, start) => {
    let redis: Awaited<ReturnType<typeof startSingle>>;
    beforeAll(async () => {
      redis = await start();
    });
    beforeEach(() => redis.clear());
    afterAll(() => redis.stop());

    describe.each([
      ['as it is', (store: SessionStore) => store, {}],
      ['encrypted', encrypted, {}],
      ['with commits that wait for replicas', (store: SessionStore) => store, { waitForReplicasOnCommit: true }],
    ])('%s', (_how, wrap, more) => {
      let [store, other]: SessionStore[] = [];
      beforeAll(async () => {
        const keys = new KeyRing([randomBytes(32)]);
        const open = async (): Promise<SessionStore> => {
          const opened = wrap(new RedisSessionStore({ nodes: redis.urls, ...more }, OPTIONS), keys);
          await opened.open(new StoreReports());
          return opened;
        };
        [store, other] = [await open(), await open()];
      });
      afterAll(() => Promise.all([store?.close(), other?.close()]));

      // oxlint-disable-next-line jest/expect-expect -- the contract asserts
      it.each(sessionStoreContract)('$name', ({ run }) => run(store as SessionStore, other));
    });
  });
});
