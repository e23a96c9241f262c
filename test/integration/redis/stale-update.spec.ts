import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { RedisSessionStore } from 'nestjs-mikro-session/redis';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { until } from '../../support/redis-cluster.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { newSession, RedisStores, setting } from '../../support/redis-stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

describeWithRedis('A failover that loses a write', () => {
  const stores = new RedisStores();
  let former: RedisServer;
  let promoted: RedisServer;
  let proxy: TcpProxy;
  let store: RedisSessionStore;
  let other: RedisSessionStore;
  beforeEach(async () => {
    former = await startRedis();
    promoted = await startRedis({ replicaof: `127.0.0.1 ${former.port}` });
    proxy = await TcpProxy.start(former.port);
    store = await stores.open({ nodes: [`redis://127.0.0.1:${proxy.port}`] });
  });
  afterEach(async () => {
    await stores.close();
    await proxy.close();
    await Promise.all([former.stop(), promoted.stop()]);
  });

  it('has an update that has read it begin anew, though as many were written since', async () => {
    const { id, generation } = await store.create(newSession({ data: '{"items":[]}' }));
    await until(async () => (await promoted.command('EXISTS', `session:s:${id}`)) === 1);
    // What is written from now on gets lost.
    await promoted.command('REPLICAOF', 'NO', 'ONE');
    other = await stores.open({ nodes: [promoted.url] });
    await store.commit(id, generation, setting({ lost: true }));
    const found: string[] = [];
    await store.update(id, generation, ({ data }) => {
      const { items } = JSON.parse(data) as { items: string[] };
      if (found.push(data) === 1) {
        // What is sent now arrives when the other is the primary.
        proxy.set('delay', 300);
        proxy.lead(promoted.port);
        void former.command('REPLICAOF', '127.0.0.1', String(promoted.port));
        void other.commit(id, generation, setting({ items: ['acknowledged'] })).then(() => proxy.set('pass'));
      }
      return setting({ items: [...items, 'added'] });
    });
    expect(found.map((data) => JSON.parse(data) as object)).toEqual([
      { items: [], lost: true },
      { items: ['acknowledged'] },
    ]);
    expect((await other.find(id))?.data).toBe('{"items":["acknowledged","added"]}');
  });
});
