import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { SessionStoreUnavailableError } from 'nestjs-mikro-session';
import { RedisSessionStore } from 'nestjs-mikro-session/redis';
import type { StoredSession } from 'nestjs-mikro-session/store';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { startRedisCluster, type TestRedisCluster, until } from '../../support/redis-cluster.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { newSession, RedisStores } from '../../support/redis-stores.js';
import { StoreReports } from '../../support/store-listener.js';

/** In milliseconds. */
const QUERY_TIMEOUT = 1_000;
/** For what takes the time of an operation twice at most, to reach what is silent and to end what is there, on a busy machine. */
const BOUND = 3 * QUERY_TIMEOUT;
/** More pieces than that bound has times. */
const MANY = 1_000;
const PATIENCE = 60_000;
const MORTAL = { lifetime: { ttl: 1, absolute: null } };

type Ending = (store: RedisSessionStore) => AsyncIterable<readonly string[]>;

const ENDINGS: readonly (readonly [string, Ending])[] = [
  ['of everybody', (store) => store.deleteAll()],
  ['of a user', (store) => store.deleteByUser('ada', null)],
  ['of a user but for the newest', (store) => store.keepNewest('ada', 0)],
];

/** What was told of, until it came to its end or failed. */
async function toldBy(
  pieces: AsyncIterable<readonly string[]>,
): Promise<{ readonly told: string[]; readonly error: unknown; readonly took: number }> {
  const told: string[] = [];
  const since = performance.now();
  const took = (): number => performance.now() - since;
  try {
    for await (const ids of pieces) told.push(...ids);
    return { told: told.toSorted(), error: null, took: took() };
  } catch (error) {
    return { told: told.toSorted(), error, took: took() };
  }
}

const idsOf = (sessions: readonly { readonly id: string }[]): string[] => sessions.map(({ id }) => id).toSorted();

async function keysOn(nodes: readonly RedisServer[]): Promise<string[]> {
  return (await Promise.all(nodes.map((node) => node.command<string[]>('KEYS', 'session:s:*')))).flat();
}

async function begin(store: RedisSessionStore, many: number, more: Parameters<typeof newSession>[0] = {}) {
  const all: StoredSession[] = [];
  while (all.length < many) {
    all.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(100, many - all.length) }, () => store.create(newSession(more))),
      )),
    );
  }
  return all;
}

describeWithRedis('While one primary of a cluster has no replica that confirms', () => {
  const stores = new RedisStores();
  let cluster: TestRedisCluster;
  let plain: RedisSessionStore;
  let store: RedisSessionStore;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    plain = await stores.open({ nodes: cluster.urls, waitForReplicas: 0 });
    store = await stores.open({ nodes: cluster.urls }, { queryTimeout: QUERY_TIMEOUT });
  }, PATIENCE);
  beforeEach(() => cluster.clear());
  afterEach(() => catchUp());
  afterAll(async () => {
    await stores.close();
    await cluster.stop();
  });
  const replica = (): RedisServer => cluster.replicas[1] as RedisServer;
  const catchUp = (): void => {
    replica().process.kill('SIGCONT');
  };

  it.each(ENDINGS)(
    'all sessions %s end on each primary, are told of by the call that fails, and are confirmed by the next one',
    async (_whose, end) => {
      const all = await begin(plain, MANY, { userId: 'ada' });
      replica().process.kill('SIGSTOP');
      const { told, error, took } = await toldBy(end(store));
      expect(error).toBeInstanceOf(SessionStoreUnavailableError);
      expect(await keysOn(cluster.primaries)).toEqual([]);
      expect(told).toEqual(idsOf(all));
      expect(took).toBeLessThan(BOUND);
      catchUp();
      const more: string[] = [];
      await until(async () => {
        const next = await toldBy(end(store));
        more.push(...next.told);
        return next.error === null;
      });
      expect(more).toEqual([]);
      await until(async () => (await keysOn(cluster.replicas)).length === 0);
    },
    PATIENCE,
  );

  it('the end of a user’s sessions is not confirmed by a call that finds none left', async () => {
    await begin(plain, 300, { userId: 'ada' });
    replica().process.kill('SIGSTOP');
    for (let call = 0; call < 2; call++) {
      const { error } = await toldBy(store.deleteByUser('ada', null));
      expect(error).toBeInstanceOf(SessionStoreUnavailableError);
    }
  });
});

describeWithRedis('While one primary of a cluster and its replica are silent', () => {
  const stores = new RedisStores();
  let cluster: TestRedisCluster;
  let store: RedisSessionStore;
  /** Those that answer. */
  let others: readonly RedisServer[];
  let mortal: StoredSession[];
  beforeAll(async () => {
    cluster = await startRedisCluster();
    // The list of ada is with one of them: its slot is 5,616.
    others = cluster.primaries.slice(1);
    store = await stores.open({ nodes: cluster.urls, waitForReplicas: 0 }, { queryTimeout: QUERY_TIMEOUT });
    mortal = await begin(store, 300, MORTAL);
    await begin(store, MANY, { userId: 'ada' });
    for (const node of silent()) node.process.kill('SIGSTOP');
  }, PATIENCE);
  afterAll(async () => {
    await stores.close();
    await cluster.stop();
  });
  const silent = (): RedisServer[] => [cluster.primaries[0] as RedisServer, cluster.replicas[0] as RedisServer];
  const isWithOthers = async (key: string): Promise<boolean> =>
    (await (others[0] as RedisServer).command<number>('CLUSTER', 'KEYSLOT', key)) > 5_460;
  const there = async (): Promise<Set<string>> => new Set((await keysOn(others)).map((key) => key.slice(10)));

  it(
    'those that have expired on the others are swept',
    async () => {
      const before = await there();
      const reached = idsOf(mortal).filter((id) => before.has(id));
      const { told, error, took } = await toldBy(store.deleteExpired());
      expect(error).toBeInstanceOf(SessionStoreUnavailableError);
      expect(told).toEqual(reached);
      expect(took).toBeLessThan(BOUND);
    },
    PATIENCE,
  );

  it.each(ENDINGS.toReversed())(
    'all sessions %s that are on the others end, and are told of',
    async (_whose, end) => {
      if ((await there()).size < MANY / 4) {
        const sessions = Array.from({ length: MANY / 2 }, () => newSession({ userId: 'ada' }));
        for (const session of sessions) if (await isWithOthers(`session:s:${session.id}`)) await store.create(session);
      }
      const before = await there();
      expect(before.size).toBeGreaterThan(MANY / 4);
      const { told, error, took } = await toldBy(end(store));
      expect(error).toBeInstanceOf(SessionStoreUnavailableError);
      expect(await keysOn(others)).toEqual([]);
      expect(told).toEqual([...before].toSorted());
      expect(took).toBeLessThan(BOUND);
    },
    PATIENCE,
  );
});

describeWithRedis('A session that another hand has spoilt', () => {
  let redis: RedisServer;
  let store: RedisSessionStore;
  let reports: StoreReports;
  beforeAll(async () => {
    redis = await startRedis();
  });
  beforeEach(async () => {
    await redis.command('FLUSHALL');
    reports = new StoreReports();
    store = new RedisSessionStore({ nodes: [redis.url] }, { maxDataBytes: 65_536, queryTimeout: 5_000 });
    await store.open(reports);
  });
  afterEach(() => store.close());
  afterAll(() => redis.stop());
  const keyOf = (id: string): string => `session:s:${id}`;
  const replace = async (id: string, ...command: [string, ...string[]]): Promise<void> => {
    await redis.command('DEL', keyOf(id));
    await redis.command(command[0], keyOf(id), ...command.slice(1));
  };
  /** And whether it is no session then. */
  const SPOILS: readonly (readonly [string, boolean, (id: string) => Promise<unknown>])[] = [
    ['has no beginning', false, (id) => redis.command('HDEL', keyOf(id), 'c')],
    ['begins at what is no time', false, (id) => redis.command('HSET', keyOf(id), 'c', 'x')],
    ['is a text', true, (id) => replace(id, 'SET', 'text')],
    ['is a list', true, (id) => replace(id, 'RPUSH', 'a', 'b')],
  ];

  it.each(SPOILS)('ends with all others: it %s', async (_what, isNone, spoil) => {
    const all = await begin(store, 700);
    const { id } = all[350] as StoredSession;
    await spoil(id);
    expect(await store.count()).toBe(isNone ? 699 : 700);
    const { told, error } = await toldBy(store.deleteAll());
    expect(error).toBeNull();
    expect(told).toEqual(idsOf(all).filter((one) => !isNone || one !== id));
    expect(await keysOn([redis])).toEqual([]);
    expect(reports.none.includes(id)).toBe(isNone);
  });

  it.each(SPOILS)('is swept around: it %s', async (_what, isNone, spoil) => {
    const all = await begin(store, 300, MORTAL);
    const { id } = all[150] as StoredSession;
    await spoil(id);
    const { told, error } = await toldBy(store.deleteExpired());
    expect(error).toBeNull();
    expect(told).toEqual(idsOf(all).filter((one) => !isNone || one !== id));
  });

  it.each(SPOILS)(
    'keeps nobody from listing and ending the others of its user: it %s',
    async (_what, isNone, spoil) => {
      const all = await begin(store, 250, { userId: 'ada' });
      const { id } = all[100] as StoredSession;
      await spoil(id);
      const well = idsOf(all).filter((one) => !isNone || one !== id);
      expect(idsOf(await store.findByUser('ada'))).toEqual(well);
      const { told: oldest, error } = await toldBy(store.keepNewest('ada', 220));
      expect(error).toBeNull();
      expect(oldest).toHaveLength(well.length - 220);
      const { told: rest, error: none } = await toldBy(store.deleteByUser('ada', null));
      expect(none).toBeNull();
      expect([...oldest, ...rest].toSorted()).toEqual(well);
    },
  );

  it.each(SPOILS)('can be revoked: it %s', async (_what, isNone, spoil) => {
    const { id } = await store.create(newSession({ userId: 'ada' }));
    await spoil(id);
    expect(await store.delete(id, null)).toBe(!isNone);
    expect(await keysOn([redis])).toEqual([]);
  });
});
