import { AsyncLocalStorage } from 'node:async_hooks';
import { Socket } from 'node:net';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { SessionStoreUnavailableError } from 'nestjs-mikro-session';
import type { RedisSessionStore } from 'nestjs-mikro-session/redis';
import type { StoredSession } from 'nestjs-mikro-session/store';
import { blockFor } from '../../support/block.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { startRedisCluster, type TestRedisCluster, until } from '../../support/redis-cluster.js';
import type { RedisServer } from '../../support/redis-server.js';
import { changing, newSession, RedisStores } from '../../support/redis-stores.js';

/** In milliseconds. */
const QUERY_TIMEOUT = 400;
/** How often connections are made anew at most, and a little. */
const EVERY = 600;
const ADD = changing({ increment: new Map([['n', 1]]) });

describeWithRedis('A primary of a cluster that is silent for a moment', () => {
  const stores = new RedisStores();
  let cluster: TestRedisCluster;
  let store: RedisSessionStore;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());
  beforeEach(async () => {
    store = await stores.open({ nodes: cluster.urls }, { queryTimeout: QUERY_TIMEOUT });
  });
  afterEach(async () => {
    for (const node of cluster.primaries) node.process.kill('SIGCONT');
    await stores.close();
  });

  /** A new session, on a primary. */
  const sessionOn = async (node: RedisServer): Promise<StoredSession> => {
    for (;;) {
      const session = await store.create(newSession());
      const found = await node.command('EXISTS', `session:s:${session.id}`).catch(() => 0);
      if (found === 1) return session;
    }
  };

  /** A moment without answers, less than that after which its replica takes over. */
  async function silence(node: RedisServer, { id }: StoredSession): Promise<void> {
    node.process.kill('SIGSTOP');
    await expect(store.find(id)).rejects.toThrow(SessionStoreUnavailableError);
    node.process.kill('SIGCONT');
    await until(async () => (await store.find(id).catch(() => null)) !== null);
  }

  /** How many those have ever had that are asked. */
  const connections = async (nodes = cluster.primaries): Promise<number> => {
    const said = await Promise.all(nodes.map((node) => node.command<string>('INFO', 'stats')));
    return said.reduce((sum, info) => sum + Number(/total_connections_received:(\d+)/.exec(info)?.[1]), 0);
  };

  it.each([0, 1, 2])('is connected to anew once, not again and again: the one of number %d', async (number) => {
    const node = cluster.primaries[number] as RedisServer;
    const session = await sessionOn(node);
    await pause(EVERY);
    const before = await connections();
    await silence(node, session);
    await pause(2 * EVERY);
    // To ask which nodes there are, and to the node.
    expect((await connections()) - before).toBeLessThanOrEqual(2);
  });

  it('is connected to outside of the requests that need it, of which the connections keep nothing', async () => {
    const request = new AsyncLocalStorage<string>();
    const session = await sessionOn(cluster.primaries[0] as RedisServer);
    const others = await Promise.all(cluster.primaries.map(sessionOn));
    const seen: unknown[] = [];
    // oxlint-disable-next-line typescript/unbound-method -- called on what it is called on
    const connect = Socket.prototype.connect as (...args: unknown[]) => Socket;
    jest.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...args: unknown[]) {
      seen.push(request.getStore());
      return connect.apply(this, args);
    } as never);
    await pause(EVERY);
    await request.run('the first', async () => {
      await silence(cluster.primaries[0] as RedisServer, session);
      for (const { id } of others) expect(await store.find(id)).toMatchObject({ id });
    });
    jest.restoreAllMocks();
    expect(new Set(seen)).toEqual(new Set([undefined]));
  });

  it('is not left for other connections by an operation that had hardly any time', async () => {
    const node = cluster.primaries[0] as RedisServer;
    const { id } = await sessionOn(node);
    await pause(EVERY);
    const before = await connections();
    await node.command('CLIENT', 'PAUSE', String(QUERY_TIMEOUT / 2), 'ALL');
    await expect(store.update(id, null, () => ADD, store.now() + 1)).rejects.toThrow(SessionStoreUnavailableError);
    expect((await store.find(id))?.id).toBe(id);
    expect(await connections()).toBe(before);
  });

  it('is looked for now and then, not for each operation that could not connect to it', async () => {
    const [one, other, third] = cluster.primaries as [RedisServer, RedisServer, RedisServer];
    const { id } = await sessionOn(other);
    // After this there are connections only to those that have been asked for something since.
    await silence(one, await sessionOn(one));
    const before = await connections([one, third]);
    other.process.kill('SIGSTOP');
    const lost: Promise<unknown>[] = [];
    for (let n = 0; n < 20; n++) {
      lost.push(store.find(id).catch((error: unknown) => error));
      await pause(QUERY_TIMEOUT / 20);
    }
    for (const outcome of await Promise.all(lost)) expect(outcome).toBeInstanceOf(SessionStoreUnavailableError);
    expect((await connections([one, third])) - before).toBeLessThan(5);
  });

  it('is not what a process that computes takes it for, while connections are made and writes are under way', async () => {
    const [first, ...others] = cluster.primaries as [RedisServer, RedisServer, RedisServer];
    const sessions = await Promise.all(cluster.primaries.map(sessionOn));
    // After this there is a connection to the first one only, but for those that are left.
    await pause(EVERY);
    await silence(first, sessions[0] as StoredSession);
    await pause(2 * EVERY);
    const before = await connections(others);
    await Promise.all(cluster.primaries.map((node) => node.command('CLIENT', 'PAUSE', '100', 'ALL')));
    const written = Promise.all(sessions.map(({ id, generation }) => store.commit(id, generation, ADD)));
    await pause(50);
    await turn();
    blockFor(2_200);
    expect(await written).not.toContain(null);
    for (const { id } of sessions) expect((await store.find(id))?.data).toBe('{"n":1}');
    expect(await connections(others)).toBe(before + others.length);
  });
});
