import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { RedisSessionStore } from 'nestjs-mikro-session/redis';
import { SessionDataError, SessionStoreUnavailableError } from 'nestjs-mikro-session';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { until } from '../../support/redis-cluster.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { StoreReports } from '../../support/store-listener.js';
import { changing, loginOf, newSession, RedisStores, setting } from '../../support/redis-stores.js';

const MINUTE = 60_000;

describeWithRedis('A session in Redis', () => {
  const stores = new RedisStores();
  let redis: RedisServer;
  let store: RedisSessionStore;
  beforeAll(async () => {
    redis = await startRedis();
    store = await stores.open({ nodes: [redis.url] });
  });
  beforeEach(async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await redis.command('FLUSHALL');
  });
  afterAll(async () => {
    await stores.close();
    await redis.stop();
  });
  const keyOf = (id: string): string => `session:s:${id}`;
  const data = async (id: string): Promise<unknown> => JSON.parse((await store.find(id))?.data ?? 'null') as unknown;

  it('ends with all others, though the clock was set back since it began; one that has begun meanwhile does not', async () => {
    const { id, createdAt } = await store.create(newSession());
    await redis.command('HSET', keyOf(id), 'c', String(createdAt + 2 * MINUTE));
    const ended: string[] = [];
    const began: string[] = [];
    for await (const ids of store.deleteAll()) {
      ended.push(...ids);
      if (began.length === 0) began.push((await store.create(newSession())).id);
    }
    expect(ended).toEqual([id]);
    expect(await Promise.all([id, ...began].map((one) => store.find(one)))).toEqual([null, expect.any(Object)]);
  });

  it('does not end with all others if it began meanwhile, however long it takes until Redis runs what is to end it', async () => {
    const before = await store.create(newSession());
    const ended: string[] = [];
    const began: string[] = [];
    for await (const ids of store.deleteAll()) {
      ended.push(...ids);
      if (began.length > 0) continue;
      began.push((await store.create(newSession())).id);
      await redis.command('CLIENT', 'PAUSE', '300', 'WRITE');
    }
    expect(ended).toEqual([before.id]);
    expect(await store.find(began[0] as string)).not.toBeNull();
  });

  it('is looked for among others without reading the data of any but the one', async () => {
    const ids = await Promise.all(
      Array.from({ length: 30 }, async () => (await store.create(newSession({ data: '{"a":1}' }))).id),
    );
    const reads = async (): Promise<number> =>
      Number(/cmdstat_hgetall:calls=(\d+)/.exec(await redis.command<string>('INFO', 'commandstats'))?.[1]);
    const before = await reads();
    const [one] = ids as [string];
    expect(await store.findOneOf(ids, (live) => (live.length === 30 ? null : one))).toBeNull();
    expect(await reads()).toBe(before);
    expect(await store.findOneOf([...ids, newSession().id], () => one)).toMatchObject({ id: one, data: '{"a":1}' });
    expect(await reads()).toBe(before + 1);
  });

  it('is one hash: a field for each top-level key of the data, and no secret', async () => {
    const { id } = await store.create(newSession({ data: '{"cart":{"items":["book"]},"n":1}', userId: 'ada' }));
    expect(await redis.command('HMGET', keyOf(id), '"cart"', '"n"', 'u')).toEqual(['{"items":["book"]}', '1', 'ada']);
    expect(await redis.command('KEYS', '*')).toHaveLength(2);
  });

  it('gets a generation that is made of the secret, after each login another', async () => {
    const { id, generation } = await store.create(newSession());
    const login = loginOf(id, generation);
    const signedIn = await store.login(login);
    expect(signedIn?.generation).toBe(store.generationOf(login.secretHash));
    // A failover loses the login: the next one must not get its number.
    const other = store.generationOf(randomBytes(32));
    expect(new Set([generation, signedIn?.generation, other]).size).toBe(3);
    for (const hash of [Buffer.alloc(32, 0), Buffer.alloc(32, 255)]) {
      expect(store.generationOf(hash)).toBeLessThan(2 ** 31 - 1);
    }
  });

  it.each([
    [0.1, 0.2, '0.30000000000000004'],
    [1, 0.1, '1.1'],
    [2 ** 53, 1, String(2 ** 53)],
    [1e21, 1, '1e+21'],
    [-5, 5, '0'],
    [1e-7, 1e-7, '2e-07'],
    [123_456_789, 0.25, '123456789.25'],
    [5e-324, 0, '4.94065645841247e-324'],
    [1.7e308, 0, '1.7e+308'],
  ])('adds to %p as JavaScript does: %p', async (start, by, text) => {
    const { id, generation } = await store.create(newSession({ data: JSON.stringify({ n: start }) }));
    await store.commit(id, generation, changing({ increment: new Map([['n', by]]) }));
    expect(await data(id)).toEqual({ n: start + by });
    expect(await redis.command('HGET', keyOf(id), '"n"')).toBe(text);
  });

  it('appends without a look at what is in the list', async () => {
    const nested = ['a]', ['b', []], { c: '[' }, '"', '\\'];
    const { id, generation } = await store.create(newSession({ data: JSON.stringify({ l: nested, e: [] }) }));
    const push = (key: string, items: unknown[]) =>
      store.commit(id, generation, changing({ push: new Map([[key, JSON.stringify(items)]]) }));
    await push('l', ['x', [1]]);
    await push('e', []);
    await push('e', [null]);
    await push('new', []);
    expect(await data(id)).toEqual({ l: [...nested, 'x', [1]], e: [null], new: [] });
  });

  it('keeps any key, and any text', async () => {
    const keys = [
      '',
      'e',
      '"',
      '\\',
      'a\nb',
      'é',
      '😀',
      '\u0000',
      '\ud800',
      '__proto__',
      'constructor',
      'x'.repeat(500),
    ];
    const values = Object.fromEntries(keys.map((key, index) => [key, index % 2 ? `${key} – ${key}` : { [key]: key }]));
    const { id, generation } = await store.create(newSession({ data: JSON.stringify({ [keys[1] as string]: 1 }) }));
    await store.commit(id, generation, setting(values));
    expect(await data(id)).toEqual(JSON.parse(JSON.stringify(values)));
    await store.commit(id, generation, changing({ unset: keys }));
    expect(await data(id)).toEqual({});
    expect((await store.find(id))?.expiresAt).toBeGreaterThan(store.now());
  });

  it('has as many bytes of data as it may, and not one more, however it came to them', async () => {
    const most = JSON.stringify({ a: 'é'.repeat(100), b: '' }).length + 100;
    const [small] = [await new RedisStores().open({ nodes: [redis.url] })];
    await small.close();
    const bounded = await stores.open({ nodes: [redis.url] }, { maxDataBytes: most });
    const fits = JSON.stringify({ a: 'é'.repeat(100), b: '' });
    expect(Buffer.byteLength(fits)).toBe(most);
    const { id, generation } = await bounded.create(newSession({ data: fits }));
    await expect(bounded.create(newSession({ data: fits.replace('""', '"x"') }))).rejects.toThrow(SessionDataError);
    const commit = (values: Record<string, unknown>) => bounded.commit(id, generation, setting(values));
    await expect(commit({ b: 'x' })).rejects.toThrow(SessionDataError);
    await expect(commit({ c: 0 })).rejects.toThrow(SessionDataError);
    await commit({ a: 'é'.repeat(99), b: 'xy' });
    await bounded.commit(id, generation, changing({ unset: ['b', 'absent'], set: new Map([['a', '""']]) }));
    await bounded.commit(id, generation, changing({ push: new Map([['l', JSON.stringify(['x'.repeat(190)])]]) }));
    await expect(
      bounded.commit(id, generation, changing({ push: new Map([['l', JSON.stringify(['x'.repeat(50)])]]) })),
    ).rejects.toThrow(SessionDataError);
    const stored = (await bounded.find(id))?.data as string;
    expect(Number(await redis.command('HGET', keyOf(id), 'b')) + 1).toBe(Buffer.byteLength(stored));
  });

  it('takes thousands of keys at once', async () => {
    const many = Object.fromEntries(Array.from({ length: 4_000 }, (_, index) => [`k${index}`, index % 10]));
    const { id, generation } = await store.create(newSession({ data: JSON.stringify(many) }));
    expect(await data(id)).toEqual(many);
    const next = Object.fromEntries(Object.keys(many).map((key) => [key, 7]));
    await store.commit(id, generation, setting(next));
    expect(await data(id)).toEqual(next);
    const login = await store.login(loginOf(id, generation, { flush: true }));
    expect([login?.data, await data(id)]).toEqual(['{}', {}]);
  });

  it('is updated by processes one after the other, each of which sees what the one before has written', async () => {
    const others = await Promise.all(Array.from({ length: 3 }, () => stores.open({ nodes: [redis.url] })));
    const { id, generation } = await store.create(newSession({ data: '{"n":0,"hits":0}' }));
    const updates = Array.from({ length: 60 }, (_, index) =>
      (others[index % 3] as RedisSessionStore).update(id, null, (stored) => {
        const { n } = JSON.parse(stored.data) as { n: number };
        return setting({ n: n + 1 });
      }),
    );
    const commits = Array.from({ length: 20 }, () =>
      store.commit(id, generation, changing({ increment: new Map([['hits', 1]]) })),
    );
    await Promise.all([...updates, ...commits]);
    expect(await data(id)).toEqual({ n: 60, hits: 20 });
  });

  it('is not logged in to by two requests of one generation', async () => {
    const { id, generation } = await store.create(newSession());
    const logins = ['ada', 'bob'].map((userId) => store.login(loginOf(id, generation, { userId })));
    const done = (await Promise.all(logins)).filter((login) => login !== null);
    expect(done).toHaveLength(1);
    expect((await store.find(id))?.userId).toBe(done[0]?.userId);
  });

  it('is not written once the time is up, though Redis gets to it later', async () => {
    const impatient = await stores.open({ nodes: [redis.url] }, { queryTimeout: 150 });
    const { id, generation } = await impatient.create(newSession());
    // What is sent meanwhile lies there, and is done once Redis goes on.
    redis.process.kill('SIGSTOP');
    try {
      await expect(impatient.commit(id, generation, setting({ late: 1 }))).rejects.toThrow(
        SessionStoreUnavailableError,
      );
      await expect(impatient.find(id)).rejects.toThrow('could not look up a session');
    } finally {
      redis.process.kill('SIGCONT');
    }
    expect(await data(id)).toEqual({});
    expect(await redis.command('HGET', keyOf(id), 'v')).toBe('0');
  });

  it('survives scripts that Redis has forgotten', async () => {
    const { id, generation } = await store.create(newSession());
    await redis.command('SCRIPT', 'FLUSH');
    await store.commit(id, generation, setting({ a: 1 }));
    expect(await data(id)).toEqual({ a: 1 });
  });

  it('survives connections that end', async () => {
    const { id } = await store.create(newSession());
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    expect((await store.find(id))?.id).toBe(id);
  });

  describe('is kept by the engine a while longer than it lives, and then removed by it', () => {
    const SLACK = 3_600;
    /** In seconds, from its end to its removal. */
    const keptFor = async (id: string): Promise<number> => {
      const removedAt = Number(await redis.command('PEXPIRETIME', keyOf(id)));
      return Math.round((removedAt - Number((await store.find(id))?.expiresAt)) / 1000);
    };
    const renew = async (id: string): Promise<void> => {
      store.renew({ id, at: store.now(), expiresAt: store.now() + MINUTE });
      await store.flush();
    };

    it('which is said when it begins, and when its lifetime changes by much', async () => {
      const { id, generation } = await store.create(newSession({ lifetime: { ttl: MINUTE, absolute: null } }));
      expect(await keptFor(id)).toBe(SLACK);
      for (const ttl of [40 * MINUTE, 9 * MINUTE]) {
        await store.commit(id, generation, { ...setting({ a: 1 }), lifetime: { ttl, absolute: undefined } });
        expect([ttl, await keptFor(id)]).toEqual([ttl, SLACK]);
      }
      await store.login({ ...loginOf(id, generation), lifetime: { ttl: 2 * MINUTE, absolute: null } });
      expect(await keptFor(id)).toBe(SLACK);
    });

    it('which is said again once accesses have moved its end by a third of that time, and not at each', async () => {
      const { id } = await store.create(newSession({ lifetime: { ttl: MINUTE, absolute: null } }));
      await redis.command('PEXPIRE', keyOf(id), '1000000000');
      await renew(id);
      expect(await keptFor(id)).toBeGreaterThan(2 * SLACK);
      const said = Number(await redis.command('HGET', keyOf(id), 'y'));
      await redis.command('HSET', keyOf(id), 'y', String(said - (SLACK * 1000) / 3 - 1));
      await renew(id);
      expect(await keptFor(id)).toBe(SLACK);
    });
  });

  it('can be read and ended where the memory is full, and not begun', async () => {
    const sessions = await stores.open({ nodes: [redis.url] }, { queryTimeout: 1_000 });
    const created = await sessions.create(newSession({ data: '{"a":1}', userId: 'ada' }));
    await redis.command('CONFIG', 'SET', 'maxmemory', '1mb');
    const refused = await sessions.create(newSession()).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(SessionStoreUnavailableError);
    expect(String((refused as Error).cause)).toContain('the memory of Redis is full ("maxmemory")');
    await expect(sessions.commit(created.id, created.generation, setting({ b: 1 }))).rejects.toThrow('could not save');
    expect((await sessions.find(created.id))?.data).toBe('{"a":1}');
    sessions.renew({ id: created.id, at: sessions.now(), expiresAt: created.expiresAt });
    await sessions.flush();
    expect((await sessions.find(created.id))?.expiresAt).toBeGreaterThan(created.expiresAt);
    expect(await sessions.findByUser('ada')).toHaveLength(1);
    expect(await sessions.delete(created.id, created.generation)).toBe(true);
  });

  it('that another hand has spoilt fails alone', async () => {
    const reports = new StoreReports();
    const own = new RedisSessionStore({ nodes: [redis.url] }, { maxDataBytes: 65_536, queryTimeout: 5_000 });
    await own.open(reports);
    const [spoilt, well, gone] = [await own.create(newSession()), await own.create(newSession()), newSession()];
    await redis.command('DEL', keyOf(spoilt.id));
    await redis.command('SET', keyOf(spoilt.id), 'text');
    await expect(own.find(spoilt.id)).rejects.toThrow(SessionStoreUnavailableError);
    for (const { id } of [spoilt, well, gone]) own.renew({ id, at: own.now(), expiresAt: well.expiresAt });
    await own.flush();
    expect((await own.find(well.id))?.expiresAt).toBeGreaterThan(well.expiresAt);
    await own.close();
    expect([reports.renewals, reports.refusals]).toEqual([[well.id], [spoilt.id]]);
  });

  it.each<[string, () => unknown, () => unknown]>([
    ['answers again', () => redis.process.kill('SIGSTOP'), () => redis.process.kill('SIGCONT')],
    [
      'takes writes again',
      () => redis.command('REPLICAOF', '127.0.0.1', '1'),
      () => redis.command('REPLICAOF', 'NO', 'ONE'),
    ],
  ])('is renewed once Redis %s', async (_what, begin, end) => {
    const reports = new StoreReports();
    const own = new RedisSessionStore({ nodes: [redis.url] }, { maxDataBytes: 65_536, queryTimeout: 200 });
    await own.open(reports);
    const { id, expiresAt } = await own.create(newSession());
    await begin();
    try {
      own.renew({ id, at: own.now(), expiresAt });
      await own.flush();
    } finally {
      await end();
    }
    expect([reports.failures.length, reports.renewals, reports.refusals]).toEqual([1, [], []]);
    await own.close();
    expect(reports.renewals).toEqual([id]);
    expect((await store.find(id))?.expiresAt).toBeGreaterThan(expiresAt);
  });
});

describeWithRedis('The sessions of a user in Redis', () => {
  const stores = new RedisStores();
  let redis: RedisServer;
  let store: RedisSessionStore;
  beforeAll(async () => {
    redis = await startRedis();
    store = await stores.open({ nodes: [redis.url] });
  });
  beforeEach(() => redis.command('FLUSHALL'));
  afterAll(async () => {
    await stores.close();
    await redis.stop();
  });
  const entries = () => redis.command<string[]>('ZRANGE', 'session:u:ada', '0', '-1');
  const listed = async (): Promise<string[]> => (await store.findByUser('ada')).map(({ id }) => id);

  it('are those that are live and still the user’s, whatever the list says', async () => {
    const mine = await store.create(newSession({ userId: 'ada' }));
    const taken = await store.create(newSession({ userId: 'ada' }));
    await store.login(loginOf(taken.id, taken.generation, { userId: 'bob' }));
    const expired = await store.create(newSession({ userId: 'ada', lifetime: { ttl: 0, absolute: null } }));
    const unknown = newSession().id;
    await redis.command('ZADD', 'session:u:ada', '1', unknown);
    expect(await entries()).toHaveLength(4);
    expect(await listed()).toEqual([mine.id]);
    // What may still be on its way stays; what is older than a minute goes.
    expect((await entries()).toSorted()).toEqual([mine.id, taken.id, expired.id].toSorted());
    // Nor is another user's session one of those that a limit leaves.
    for await (const ended of store.keepNewest('ada', 1)) expect(ended).toEqual([]);
    expect(await listed()).toEqual([mine.id]);
  });

  it('are limited to the newest logins, of which those from before the clock was set back are the oldest', async () => {
    const sessions = [
      await store.create(newSession({ userId: 'ada' })),
      await store.create(newSession({ userId: 'ada' })),
    ];
    for (const { id, authenticatedAt } of sessions) {
      await redis.command('HSET', `session:s:${id}`, 'n', String(Number(authenticatedAt) + 2 * MINUTE));
    }
    const latest = await store.create(newSession({ userId: 'ada' }));
    for await (const ended of store.keepNewest('ada', 2)) expect(ended).toEqual([sessions[0]?.id]);
    for await (const ended of store.keepNewest('ada', 1)) expect(ended).toEqual([sessions[1]?.id]);
    expect(await store.find(latest.id)).not.toBeNull();
  });

  it('are listed without what is kept in them, which is not read', async () => {
    const created = await store.create(newSession({ userId: 'ada', auth: '{"roles":[]}', data: '{"a":1}', ip: '::1' }));
    const reads = async (): Promise<number> =>
      Number(/cmdstat_hgetall:calls=(\d+)/.exec(await redis.command<string>('INFO', 'commandstats'))?.[1]);
    const before = await reads();
    const { auth: _auth, data: _data, readAt: _readAt, ...rest } = created;
    expect(await store.findByUser('ada')).toEqual([{ ...rest, readAt: expect.any(Number) }]);
    expect(await reads()).toBe(before);
  });

  it('are listed again where a failover has lost the entry, once the session is used', async () => {
    const ways: ((id: string, generation: number) => Promise<unknown>)[] = [
      async (id) => {
        store.renew({ id, at: store.now(), expiresAt: store.now() + MINUTE });
        await store.flush();
      },
      (id, generation) => store.commit(id, generation, setting({ a: 1 })),
    ];
    for (const use of ways) {
      await redis.command('FLUSHALL');
      const { id, generation } = await store.create(newSession({ userId: 'ada' }));
      await redis.command('DEL', 'session:u:ada');
      expect(await listed()).toEqual([]);
      // Another process: this one remembers that it has made the entry.
      const other = await stores.open({ nodes: [redis.url] });
      const before = store;
      store = other;
      await use(id, generation);
      await other.close();
      store = before;
      expect(await listed()).toEqual([id]);
    }
  });

  it('are forgotten with the session, by a logout as by the sweep', async () => {
    const [one, other] = [
      await store.create(newSession({ userId: 'ada' })),
      await store.create(newSession({ userId: 'ada', lifetime: { ttl: 0, absolute: null } })),
    ];
    await store.delete(one.id, one.generation);
    expect(await entries()).toEqual([other.id]);
    for await (const _ of store.deleteExpired());
    expect(await entries()).toEqual([]);
  });

  it('are looked through while the user goes on signing in, where nothing else forgets those that have ended', async () => {
    const ended = Array.from({ length: 254 }, () => ['1', newSession().id]).flat();
    await redis.command('ZADD', 'session:u:ada', ...ended);
    const one = await store.create(newSession({ userId: 'ada' }));
    await store.login(loginOf(one.id, one.generation));
    expect(await entries()).toHaveLength(255);
    const other = await store.create(newSession({ userId: 'ada' }));
    await until(async () => (await entries()).length === 2);
    expect((await entries()).toSorted()).toEqual([one.id, other.id].toSorted());
  });

  const scripts = async (): Promise<number> =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.command<string>('INFO', 'commandstats'))?.[1] ?? 0);

  it('are looked through once where the user signs in and out again and again, however long the list is', async () => {
    const signing = await stores.open({ nodes: [redis.url] });
    const now = String(Math.round(store.now()));
    await redis.command('ZADD', 'session:u:ada', ...Array.from({ length: 255 }, () => [now, newSession().id]).flat());
    await signing.create(newSession());
    const before = await scripts();
    for (let time = 0; time < 5; time++) {
      const { id, generation } = await signing.create(newSession({ userId: 'ada' }));
      await signing.delete(id, generation);
    }
    await signing.close();
    const count = (await scripts()) - before;
    expect(count).toBeGreaterThan(256);
    expect(count).toBeLessThan(2 * 256);
  });

  it('are looked at once each to be listed, and no others than those that are', async () => {
    const signing = await stores.open({ nodes: [redis.url] });
    for (let round = 0; round < 13; round++) {
      await Promise.all(Array.from({ length: 100 }, () => signing.create(newSession({ userId: 'ada' }))));
    }
    const last = await signing.create(newSession({ userId: 'ada' }));
    await signing.close();
    const before = await scripts();
    const found = await listed();
    expect((await scripts()) - before).toBeLessThan(1_010);
    expect(found).toHaveLength(1_000);
    expect(found.at(-1)).toBe(last.id);
  });

  it('are kept in a list that outlives each of them, and not much longer', async () => {
    const expiry = async (): Promise<number> => Number(await redis.command('PEXPIRETIME', 'session:u:ada'));
    const short = await store.create(newSession({ userId: 'ada', lifetime: { ttl: MINUTE, absolute: null } }));
    expect(await expiry()).toBeGreaterThan(short.expiresAt);
    const long = await store.create(newSession({ userId: 'ada', lifetime: { ttl: 99 * MINUTE, absolute: null } }));
    expect(await expiry()).toBeGreaterThan(long.expiresAt);
    await store.create(newSession({ userId: 'ada', lifetime: { ttl: MINUTE, absolute: null } }));
    expect(await expiry()).toBeGreaterThan(long.expiresAt);
    const longer = { ...setting({}), lifetime: { ttl: 999 * MINUTE, absolute: undefined } };
    const times = await store.commit(short.id, short.generation, longer);
    await store.flush();
    await new Promise(setImmediate);
    expect((await store.findByUser('ada')).length).toBe(3);
    expect(await expiry()).toBeGreaterThan(Number(times?.expiresAt));
    expect(await expiry()).toBeLessThan(Number(times?.expiresAt) + 2 * 3_600_000);
  });

  it('are at most 1,000 in a list, those that began last, and are ended all', async () => {
    const ids: string[] = [];
    for (let round = 0; round < 11; round++) {
      const made = await Promise.all(Array.from({ length: 100 }, () => store.create(newSession({ userId: 'ada' }))));
      ids.push(...made.map(({ id }) => id));
    }
    const found = await listed();
    expect(found).toHaveLength(1_000);
    expect(found.filter((id) => !ids.includes(id))).toEqual([]);
    expect(found.at(-1)).toBe((await store.findByUser('ada')).at(-1)?.id);
    const ended: string[] = [];
    for await (const piece of store.deleteByUser('ada', ids[0] as string)) ended.push(...piece);
    expect(ended).toHaveLength(1_099);
    expect(await listed()).toEqual([ids[0]]);
  });

  it('are swept by one process of several, until it gives that up or is silent for the lease', async () => {
    const [one, other] = [await stores.open({ nodes: [redis.url] }), await stores.open({ nodes: [redis.url] })];
    expect([await one.claimSweep(60_000), await other.claimSweep(60_000)]).toEqual([true, false]);
    expect(await one.claimSweep(60_000)).toBe(true);
    await one.close();
    expect(await other.claimSweep(1)).toBe(true);
    await redis.command('DEBUG', 'SLEEP', '0.01').catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await store.claimSweep(60_000)).toBe(true);
  });
});
