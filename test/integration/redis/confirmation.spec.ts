import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { SessionModule, SessionStoreUnavailableError } from 'nestjs-mikro-session';
import { redisSessionStore, type RedisSessionStore, type RedisSessionStoreOptions } from 'nestjs-mikro-session/redis';
import { startApp, type TestApp } from '../../support/app.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { answered, tryVisit } from '../../support/probe.js';
import { until } from '../../support/redis-cluster.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { newSession, RedisStores } from '../../support/redis-stores.js';

/** In milliseconds. */
const QUERY_TIMEOUT = 1_000;
const DAY = 86_400_000;

async function collected<Item>(pieces: AsyncIterable<readonly Item[]>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const piece of pieces) all.push(...piece);
  return all;
}

describeWithRedis('What a primary has ended and no replica has confirmed', () => {
  const stores = new RedisStores();
  let primary: RedisServer;
  let replica: RedisServer;
  let options: RedisSessionStoreOptions;
  let store: RedisSessionStore;
  let app: TestApp;
  beforeAll(async () => {
    primary = await startRedis();
    replica = await startRedis({ replicaof: `127.0.0.1 ${primary.port}` });
    await until(async () => /state=online/.test(await primary.command<string>('INFO', 'replication')));
    options = { nodes: [primary.url], waitForReplicas: 1 };
    store = await stores.open(options, { queryTimeout: QUERY_TIMEOUT });
    const session = SessionModule.forRoot({ queryTimeout: QUERY_TIMEOUT, store: redisSessionStore(options) });
    app = await startApp(null, { session });
  });
  beforeEach(() => primary.command('FLUSHALL'));
  afterEach(() => catchUp());
  afterAll(async () => {
    await app.close();
    await stores.close();
    await Promise.all([primary.stop(), replica.stop()]);
  });
  const isThere = async (node: RedisServer, id: string): Promise<boolean> =>
    (await node.command('EXISTS', `session:s:${id}`)) === 1;
  const lag = (): unknown => replica.process.kill('SIGSTOP');
  const catchUp = async (): Promise<void> => {
    replica.process.kill('SIGCONT');
    await until(async () => Number(await primary.command('WAIT', '1', '100')) === 1);
  };

  const WAYS: readonly (readonly [string, (other: RedisSessionStore, id: string) => Promise<unknown>, unknown])[] = [
    ['a revocation', (other, id) => other.delete(id, null), false],
    ['the end of all of a user’s', (other) => collected(other.deleteByUser('ada', null)), []],
    ['the end of all', (other) => collected(other.deleteAll()), []],
    ['a logout that finds no session', (other, id) => other.confirmEnd(id), undefined],
  ];

  it.each(WAYS)(
    'is not confirmed by %s that is called again either, until a replica has it',
    async (_way, end, none) => {
      const { id } = await store.create(newSession({ userId: 'ada' }));
      // Of another process, which has written nothing that replicas would lack.
      const other = await stores.open(options, { queryTimeout: QUERY_TIMEOUT });
      // An entry that is older than a minute goes when it is found to be stale.
      await primary.command('ZADD', 'session:u:ada', String(Date.now() - DAY), id);
      lag();
      await expect(store.delete(id, null)).rejects.toThrow('could not end a session');
      expect(await isThere(primary, id)).toBe(false);
      // Whoever lists them meanwhile.
      expect(await store.findByUser('ada')).toEqual([]);
      await expect(end(other, id)).rejects.toThrow(SessionStoreUnavailableError);
      await catchUp();
      expect(await end(other, id)).toEqual(none);
      expect(await isThere(replica, id)).toBe(false);
      expect(await store.findByUser('ada')).toEqual([]);
      await until(async () => (await primary.command('EXISTS', 'session:u:ada')) === 0);
    },
  );

  it('is not confirmed by the end of a user’s sessions where the session is another user’s by a login that was not', async () => {
    const { id } = await store.create(newSession({ userId: 'ada' }));
    const other = await stores.open(options, { queryTimeout: QUERY_TIMEOUT });
    lag();
    // As by the script of a login.
    await primary.command('HSET', `session:s:${id}`, 'u', 'bob');
    await expect(collected(other.deleteByUser('ada', null))).rejects.toThrow(SessionStoreUnavailableError);
    await catchUp();
    expect(await collected(other.deleteByUser('ada', null))).toEqual([]);
    expect(await replica.command('HGET', `session:s:${id}`, 'u')).toBe('bob');
  });

  it('is answered 503 when the visitor signs out again', async () => {
    const client = app.client();
    await answered(client, (session) => session.login('ada'));
    lag();
    const signOut = async (): Promise<number> => (await tryVisit(client, (session) => session.logout())).status;
    expect([await signOut(), await signOut()]).toEqual([503, 503]);
    await catchUp();
    expect(await signOut()).toBeLessThan(300);
    expect(await replica.command('KEYS', 'session:s:*')).toEqual([]);
  });

  it.each(WAYS)('is confirmed by %s with a write, as Redis 7.2 and newer wait for nothing else', async (_way, end) => {
    const { id } = newSession();
    await primary.command('ZADD', 'session:u:ada', String(Date.now() - DAY), id);
    const writes = async (): Promise<number> =>
      Number(/cmdstat_hset:calls=(\d+)/.exec(await replica.command<string>('INFO', 'commandstats'))?.[1]);
    const other = await stores.open(options, { queryTimeout: QUERY_TIMEOUT });
    await store.confirmEnd(newSession().id);
    const before = await writes();
    await end(other, id);
    expect(await writes()).toBe(before + 1);
  });

  it('leaves no trace of being confirmed, and nothing of a session changed', async () => {
    const { id } = await store.create(newSession({ userId: 'ada', data: '{"a":1}' }));
    const before = await primary.command('HGETALL', `session:s:${id}`);
    expect(await store.delete(id, null, 'bob')).toBe(false);
    expect(await store.delete(newSession().id, null)).toBe(false);
    await store.confirmEnd(newSession().id);
    await expect(store.confirmEnd(id)).rejects.toThrow(SessionStoreUnavailableError);
    expect(await primary.command('HGETALL', `session:s:${id}`)).toEqual(before);
    expect(await primary.command<string[]>('KEYS', '*')).toHaveLength(2);
  });
});
