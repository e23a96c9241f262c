import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SessionStoreUnavailableError } from 'nestjs-mikro-session';
import type { RedisSessionStore } from 'nestjs-mikro-session/redis';
import { type DatabaseProxy, startDatabaseProxy } from '../../support/database-proxy.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { until } from '../../support/redis-cluster.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { changing, loginOf, newSession, RedisStores } from '../../support/redis-stores.js';

const WAIT = Buffer.from('$4\r\nWAIT\r\n');
/** Of another application, in milliseconds: longer than Redis takes for slow. */
const SLOW = 300;
const SLOW_SCRIPT = `
local since = redis.call('TIME')
local function passed()
  local now = redis.call('TIME')
  return (now[1] - since[1]) * 1000 + (now[2] - since[2]) / 1000
end
while passed() < ${SLOW} do end`;

describeWithRedis('A Redis that refuses to wait for replicas', () => {
  const stores = new RedisStores();
  let primary: RedisServer;
  let replica: RedisServer;
  let proxy: DatabaseProxy;
  let store: RedisSessionStore;
  /** What happens before the next WAIT arrives, which it is kept back for. */
  let beforeWait: (() => Promise<unknown>) | null = null;
  beforeEach(async () => {
    primary = await startRedis({ 'busy-reply-threshold': '1' });
    replica = await startRedis({ replicaof: `127.0.0.1 ${primary.port}` });
    await until(async () => /state=online/.test(await primary.command<string>('INFO', 'replication')));
    proxy = await startDatabaseProxy(primary.url, (client, connect) => {
      const upstream = connect();
      let sent = Promise.resolve();
      client.on('data', (chunk) => {
        const at = chunk.indexOf(WAIT);
        const before = at < 0 ? null : beforeWait;
        if (before !== null) beforeWait = null;
        sent = sent.then(async () => {
          if (before === null) {
            upstream.write(chunk);
            return;
          }
          const start = chunk.lastIndexOf('*', at);
          upstream.write(chunk.subarray(0, start));
          await before();
          upstream.write(chunk.subarray(start));
        });
      });
      upstream.on('data', (chunk) => client.write(chunk));
      upstream.on('close', () => client.destroy());
    });
    store = await stores.open(
      { nodes: [proxy.url], waitForReplicas: 1, waitForReplicasOnCommit: true },
      { queryTimeout: 2_000 },
    );
  });
  afterEach(async () => {
    await stores.close();
    await proxy.close();
    await Promise.all([primary.stop(), replica.stop()]);
  });

  /** Has Redis be busy with a script of another application when the next WAIT arrives, which is when what was sent before it is done. */
  function refuseNextWait(id: string, isDone: (hash: Record<string, string>) => boolean): void {
    beforeWait = async () => {
      await until(async () => isDone(await primary.command<Record<string, string>>('HGETALL', `session:s:${id}`)));
      void primary.command('EVAL', SLOW_SCRIPT, '0');
      await pause(SLOW / 3);
    };
  }

  it('has carried out a commit, which is not asked for again', async () => {
    const { id, generation } = await store.create(newSession({ data: '{"n":1}' }));
    refuseNextWait(id, (hash) => hash['"n"'] === '2');
    const written = store.commit(id, generation, changing({ increment: new Map([['n', 1]]) }));
    await expect(written).rejects.toThrow(SessionStoreUnavailableError);
    expect(beforeWait).toBeNull();
    expect((await store.find(id))?.data).toBe('{"n":2}');
  });

  it('has carried out a login, after which the session is not taken for gone', async () => {
    const { id, generation } = await store.create(newSession());
    refuseNextWait(id, (hash) => hash['g'] !== String(generation));
    const loggedIn = store.login(loginOf(id, generation, { userId: null }));
    await expect(loggedIn).rejects.toThrow(SessionStoreUnavailableError);
    expect((await store.find(id))?.generation).not.toBe(generation);
  });

  it('has carried out a logout, after which it is not said that there was none', async () => {
    const { id, generation } = await store.create(newSession());
    refuseNextWait(id, (hash) => hash['s'] === undefined);
    await expect(store.delete(id, generation)).rejects.toThrow(SessionStoreUnavailableError);
    expect(await store.find(id)).toBeNull();
  });
});
