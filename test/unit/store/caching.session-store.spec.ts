import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { NewSession, StoreListener } from '../../../lib/session-store.js';
import type { DataChanges } from '../../../lib/session/data/changes.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { createSessionId, type SessionId } from '../../../lib/session/token.js';
import type { CacheStats } from '../../../lib/stats/session-stats.js';
import { CachingSessionStore, type SessionCacheOptions } from '../../../lib/store/caching.session-store.js';
import { MemorySessionStore } from '../../../lib/store/memory.session-store.js';
import { collected } from '../../../lib/testing/contract/support.js';
import { StoreReports } from '../../support/store-listener.js';
import { mapsWith } from './maps.js';

const MINUTE = 60_000;
const NO_CHANGES = { data: null, lifetime: null, renew: false };
const NO_DATA = { set: new Map(), unset: [], increment: new Map(), push: new Map() };

/** What is in front of is a database for all processes: it says what changes, and waits when it is told to. */
class InnerStore extends MemorySessionStore {
  time = 1_000_000;
  finds = 0;
  closed = 0;
  listener!: StoreListener;
  /** What look-ups wait for. */
  gate: Promise<void> = Promise.resolve();
  alter: (stored: StoredSession) => StoredSession = (stored) => stored;

  override now(): number {
    return this.time;
  }

  override async open(listener: StoreListener): Promise<void> {
    this.listener = listener;
    await super.open(listener);
  }

  override async close(): Promise<void> {
    this.closed++;
  }

  override async find(id: SessionId): Promise<StoredSession | null> {
    this.finds++;
    const { gate } = this;
    const found = await super.find(id);
    await gate;
    return found && this.alter(found);
  }
}

/** So many microtasks later. */
async function after(turns: number): Promise<void> {
  for (let left = turns; left > 0; left--) await Promise.resolve();
}

describe('The cache', () => {
  let inner: InnerStore;
  let store: CachingSessionStore;
  let reports: StoreReports;
  const changed: (readonly SessionId[] | null)[] = [];
  const meter: { cache: (() => CacheStats) | null } = { cache: null };
  const stats = () => meter.cache?.();

  beforeEach(() => open());

  async function open(options: Partial<SessionCacheOptions> = {}, isConnected = true): Promise<void> {
    changed.length = 0;
    inner = new InnerStore({ maxDataBytes: 65_536 });
    store = new CachingSessionStore(inner, { max: 100, ttl: MINUTE, maxBytes: 1e7, ...options });
    reports = new StoreReports();
    await store.open(Object.assign(reports, { meter: meter as never, changed: (ids: any) => changed.push(ids) }));
    if (isConnected) inner.listener.feedConnected(true);
  }

  it('passes on what the store warns the operator of', () => {
    inner.listener.warned?.('It keeps nothing on disk.');
    expect(reports.warnings).toEqual(['It keeps nothing on disk.']);
  });

  function newSession(more: Partial<NewSession> = {}): NewSession {
    const lifetime = { ttl: 30 * MINUTE, absolute: 12 * 60 * MINUTE };
    const rest = { userId: null, auth: null, data: '{"n":1}', lifetime, ip: null, userAgent: null };
    return { id: createSessionId(), secretHash: randomBytes(32), ...rest, ...more };
  }
  async function create(more: Partial<NewSession> = {}): Promise<SessionId> {
    const session = newSession(more);
    await store.create(session);
    return session.id;
  }
  /** How many look-ups reach the inner store. */
  async function lookups(work: () => unknown): Promise<number> {
    const before = inner.finds;
    await work();
    return inner.finds - before;
  }

  it('answers what was created, or looked up, and counts', async () => {
    const id = await create();
    inner.time += 5;
    const found = await store.find(id);
    expect(found).toMatchObject({ id, data: '{"n":1}', readAt: inner.time });
    expect(stats()).toEqual({ hits: 1, misses: 0, entries: 1, max: 100 });
    inner.listener.changed([id]);
    expect(await lookups(() => store.find(id))).toBe(1);
    expect(await lookups(() => store.find(id))).toBe(0);
    expect(stats()).toEqual({ hits: 2, misses: 1, entries: 1, max: 100 });
  });

  it('keeps a session that was taken over, and nothing where there was none to take over', async () => {
    const id = createSessionId();
    const lifetime = { ttl: MINUTE, absolute: null };
    const rest = { userId: 'ada', auth: null, data: '{}', lifetime, ip: null, userAgent: null };
    const adopt = () => store.adopt({ id, secretHash: randomBytes(32), ...rest }, null);
    expect(await adopt()).toMatchObject({ id });
    expect(await lookups(() => store.find(id))).toBe(0);
    expect([await adopt(), stats()?.entries]).toEqual([null, 1]);
  });

  it('keeps nothing of what is not there', async () => {
    const absent = createSessionId();
    expect(await lookups(() => store.find(absent))).toBe(1);
    expect(await lookups(() => store.find(absent))).toBe(1);
    expect(stats()?.entries).toBe(0);
  });

  it('keeps no session that cannot be right', async () => {
    const id = await create();
    inner.listener.changed(null);
    inner.alter = (stored) => ({ ...stored, generation: -1 });
    expect(await store.find(id)).toMatchObject({ generation: -1 });
    inner.alter = (stored) => stored;
    expect(await store.find(id)).toMatchObject({ generation: 0 });
  });

  it('keeps nothing while the feed is not connected, and drops what it has when it breaks', async () => {
    await open({}, false);
    const id = await create();
    expect(await lookups(() => store.find(id))).toBe(1);
    expect(await lookups(() => store.find(id))).toBe(1);
    inner.listener.feedConnected(true);
    await store.find(id);
    expect(await lookups(() => store.find(id))).toBe(0);
    inner.listener.feedConnected(false);
    expect(await lookups(() => store.find(id))).toBe(1);
    expect(reports.feed).toEqual([true, false]);
  });

  it('keeps nothing once it is closed, and closes the inner store', async () => {
    const id = await create();
    await store.close();
    expect([stats()?.entries, inner.closed, await lookups(() => store.find(id))]).toEqual([0, 1, 1]);
    expect(await lookups(() => store.find(id))).toBe(1);
  });

  it('passes on what the inner store reports', () => {
    inner.listener.changed(['a']);
    inner.listener.changed(null);
    inner.listener.renewed([{ id: 'b', at: 1 }]);
    inner.listener.renewalFailed('failed');
    inner.listener.renewalRefused('c', 'refused');
    expect([changed, reports.renewals, reports.failures, reports.refusals]).toEqual([
      [['a'], null],
      ['b'],
      ['failed', 'refused'],
      ['c'],
    ]);
  });

  it('forgets those that changed elsewhere, and no others', async () => {
    const [one, other] = [await create(), await create()];
    inner.listener.changed([one]);
    expect([await lookups(() => store.find(other)), await lookups(() => store.find(one))]).toEqual([0, 1]);
    inner.listener.changed(null);
    expect([await lookups(() => store.find(other)), await lookups(() => store.find(one))]).toEqual([1, 1]);
  });

  it('leaves no copy of a look-up during which the session changed', async () => {
    for (const ids of [null, 'it'] as const) {
      const id = await create();
      inner.listener.changed([id]);
      const gate = Promise.withResolvers<void>();
      inner.gate = gate.promise;
      const looking = store.find(id);
      inner.listener.changed(ids === null ? null : [id]);
      gate.resolve();
      await looking;
      expect(await lookups(() => store.find(id))).toBe(1);
      expect(await lookups(() => store.find(id))).toBe(0);
    }
  });

  it.each<[string, (id: SessionId) => unknown]>([
    ['the sessions of its user', () => collected(store.deleteByUser('ada', null))],
    ['all but the newest of them', () => collected(store.keepNewest('ada', 0))],
    ['all sessions', () => collected(store.deleteAll())],
    ['it', (id) => store.delete(id, null)],
    ['it, elsewhere', (id) => inner.delete(id, null).then(() => inner.listener.changed([id]))],
  ])('leaves no copy of a session that was ended before its creation was answered: by what ends %s', async (_, end) => {
    for (const way of ['create', 'adopt'] as const) {
      const made = inner[way].bind(inner) as (...args: unknown[]) => Promise<never>;
      const gate = Promise.withResolvers<void>();
      jest.spyOn(inner, way).mockImplementation(async (...args) => {
        const stored = await made(...args);
        await gate.promise;
        return stored;
      });
      const session = newSession({ userId: 'ada' });
      const creating = way === 'create' ? store.create(session) : store.adopt(session, null);
      await after(10);
      await end(session.id);
      expect(await inner.count()).toBe(0);
      gate.resolve();
      await creating;
      expect(await store.find(session.id)).toBeNull();
    }
  });

  it('leaves no copy of the older of two look-ups', async () => {
    const id = await create();
    inner.listener.changed([id]);
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    inner.gate = gates[0].promise;
    const older = store.find(id);
    inner.gate = gates[1].promise;
    inner.listener.changed([id]);
    const newer = store.find(id);
    gates[0].resolve();
    await older;
    expect(stats()?.entries).toBe(0);
    gates[1].resolve();
    await newer;
    expect(stats()?.entries).toBe(1);
  });

  it('keeps what the newer of two look-ups found, though the older fails meanwhile', async () => {
    const id = await create();
    inner.listener.changed([id]);
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    inner.gate = gates[0].promise;
    const older = store.find(id);
    inner.gate = gates[1].promise;
    const newer = store.find(id);
    gates[0].reject(new Error('down'));
    await expect(older).rejects.toThrow('down');
    gates[1].resolve();
    await newer;
    expect(stats()?.entries).toBe(1);
  });

  it('keeps nothing of a look-up that is over but the copy', async () => {
    const id = await create();
    inner.listener.changed([id]);
    const [underWay] = await mapsWith(id, () => store.find(id));
    expect(underWay?.size).toBe(0);
    inner.listener.changed([id]);
    inner.gate = Promise.reject(new Error('down'));
    const maps = await mapsWith(id, () => store.find(id).catch(() => {}));
    expect([maps, underWay?.size]).toEqual([[underWay], 0]);
  });

  it('hands on the failure of a look-up, after which the next one is kept', async () => {
    const id = await create();
    inner.listener.changed([id]);
    const error = new Error('down');
    inner.gate = Promise.reject(error);
    await expect(store.find(id)).rejects.toBe(error);
    inner.gate = Promise.resolve();
    await store.find(id);
    expect(await lookups(() => store.find(id))).toBe(0);
  });

  it('asks again where a copy has expired: it may have been renewed elsewhere', async () => {
    const id = await create();
    const { expiresAt } = (await store.find(id)) as StoredSession;
    inner.time = expiresAt - 1;
    expect(await lookups(() => store.find(id))).toBe(0);
    inner.time = expiresAt;
    expect(await lookups(() => store.find(id))).toBe(1);
    expect([await store.find(id), stats()?.entries]).toEqual([null, 0]);
  });

  it('moves the expiry of a copy with each renewal, only ever forward, and never beyond the absolute end', async () => {
    const id = await create({ lifetime: { ttl: 30 * MINUTE, absolute: 40 * MINUTE } });
    const start = inner.time;
    const renewed = async (after: number) => {
      inner.listener.renewed([{ id, at: start + after }]);
      const { lastAccessAt, expiresAt } = (await store.find(id)) as StoredSession;
      return [lastAccessAt - start, expiresAt - start];
    };
    expect(await renewed(5 * MINUTE)).toEqual([5 * MINUTE, 35 * MINUTE]);
    expect(await renewed(MINUTE)).toEqual([5 * MINUTE, 35 * MINUTE]);
    expect(await renewed(20 * MINUTE)).toEqual([20 * MINUTE, 40 * MINUTE]);
    expect(inner.finds).toBe(0);
    inner.listener.renewed([{ id: createSessionId(), at: start }]);
    expect(stats()?.entries).toBe(1);
  });

  it('trusts a copy for its time, however often it is renewed', async () => {
    await open({ ttl: 50 });
    const id = await create();
    const since = performance.now();
    while (stats()?.misses === 0) {
      inner.listener.renewed([{ id, at: inner.time }]);
      await store.find(id);
    }
    expect(stats()?.misses).toBe(1);
    expect(performance.now() - since).toBeGreaterThan(45);
  });

  it.each<[string, (id: SessionId) => unknown]>([
    ['made', () => {}],
    ['looked up', (id) => (inner.listener.changed([id]), store.find(id))],
    ['changed', (id) => store.commit(id, 0, { ...NO_CHANGES, data: { ...NO_DATA, set: new Map([['n', '2']]) } })],
    ['renewed', (id) => inner.listener.renewed([{ id, at: inner.time }])],
  ])('keeps no copy of what was %s when its time is over, though it is not asked for it', async (_what, use) => {
    let now = 1;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    jest.useFakeTimers({ doNotFake: ['performance', 'setImmediate', 'nextTick'] });
    try {
      await open({ ttl: 5_000 });
      await use(await create());
      const pass = (time: number): unknown => ((now += time), jest.advanceTimersByTime(time), stats()?.entries);
      expect([pass(4_000), pass(16_000), jest.getTimerCount()]).toEqual([1, 0, 0]);
    } finally {
      clock.mockRestore();
      jest.useRealTimers();
    }
  });

  it.each<[string, (id: SessionId) => unknown]>([
    ['another look-up', (id) => store.find(id)],
    ['a commit', (id) => store.commit(id, 77, NO_CHANGES)],
  ])('trusts no copy for longer as the process stood still since %s', async (_what, use) => {
    let now = 1;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    await open();
    const [id, other] = [await create(), await create()];
    try {
      const used = use(other);
      now += MINUTE + 1;
      expect(await lookups(() => store.find(id))).toBe(1);
      await used;
    } finally {
      clock.mockRestore();
    }
  });

  it('keeps no more sessions, and no more bytes, than it may', async () => {
    await open({ max: 2 });
    for (let n = 0; n < 3; n++) await create();
    expect(stats()).toMatchObject({ entries: 2, max: 2 });
    await open({ maxBytes: 6_000 });
    const data = JSON.stringify({ text: 'x'.repeat(2_000) });
    const ids = [await create({ data }), await create({ data })];
    expect(stats()?.entries).toBe(1);
    inner.listener.renewed(ids.map((id) => ({ id, at: inner.time })));
    await create();
    expect(stats()?.entries).toBe(2);
  });

  it.each<[string, (id: SessionId) => Promise<unknown>]>([
    ['update', (id) => store.update(id, 0, () => null)],
    ['delete', (id) => store.delete(id, 0)],
    ['rotate', (id) => store.rotate({ id, generation: 9, knownHash: randomBytes(32), secretHash: randomBytes(32) })],
    [
      'login',
      (id) =>
        store.login({
          id,
          generation: 9,
          secretHash: randomBytes(32),
          userId: 'ada',
          auth: null,
          lifetime: { ttl: 1, absolute: null },
          flush: false,
          changes: null,
        }),
    ],
  ])('forgets a session before and after a %s', async (_what, change) => {
    const id = await create();
    const changing = change(id);
    const meanwhile = store.find(id);
    await Promise.all([changing, meanwhile]);
    expect(inner.finds).toBe(1);
    expect(stats()?.entries).toBe(0);
  });

  describe('after a commit', () => {
    const change = (data: Partial<DataChanges>) => ({
      ...NO_CHANGES,
      renew: true,
      data: { set: new Map(), unset: [], increment: new Map(), push: new Map(), ...data } as DataChanges,
    });
    const setting = (value: string) => change({ set: new Map([['a', value]]) });
    const add = change({ set: new Map([['a', '[2]']]), unset: ['b'], increment: new Map([['n', 2]]) });

    it('has a copy with what was committed, and with its times', async () => {
      const id = await create({ data: '{"n":1,"b":2}' });
      const generation = (await store.find(id))?.generation as number;
      inner.time += MINUTE;
      const times = await store.commit(id, generation, add);
      await store.commit(id, generation, NO_CHANGES);
      const found = await store.find(id);
      expect([inner.finds, found?.data, found?.expiresAt]).toEqual([0, '{"n":3,"a":[2]}', times?.expiresAt]);
      expect(found?.lastAccessAt).toBe(inner.time);
    });

    it('has none where the session changed elsewhere meanwhile, or the feed broke', async () => {
      const events = [
        (id: SessionId) => inner.listener.changed([id]),
        () => inner.listener.changed(null),
        () => {
          inner.listener.feedConnected(false);
          inner.listener.feedConnected(true);
        },
      ];
      for (const happen of events) {
        const id = await create();
        const committing = store.commit(id, (await store.find(id))?.generation as number, setting('1'));
        happen(id);
        await committing;
        expect(await lookups(() => store.find(id))).toBe(1);
      }
    });

    it('has none where another change of this process was under way', async () => {
      const id = await create();
      const generation = (await store.find(id))?.generation as number;
      await Promise.all([store.commit(id, generation, setting('1')), store.commit(id, generation, setting('2'))]);
      expect(await lookups(() => store.find(id))).toBe(1);
      await Promise.all([store.commit(id, generation, setting('1')), store.update(id, generation, () => null)]);
      expect(await lookups(() => store.find(id))).toBe(1);
    });

    it.each<[string, (id: SessionId) => Promise<unknown>]>([
      ['a look-up', (id) => store.find(id)],
      ['a look-up of several', (id) => store.findOneOf([id], () => id)],
    ])('has none where %s meanwhile may have seen what is newer than the copy', async (_what, look) => {
      const id = await create();
      const generation = (await store.find(id))?.generation as number;
      const committing = store.commit(id, generation, setting('1'));
      await Promise.all([committing, look(id)]);
      expect(await lookups(() => store.find(id))).toBe(1);
      expect((await store.find(id))?.data).toContain('"a":1');
    });

    it('has none of a session that was gone, or of which the copy is of another login', async () => {
      const id = await create();
      expect(await store.commit(id, 77, setting('1'))).toBeNull();
      expect(await lookups(() => store.find(id))).toBe(1);
      inner.alter = (stored) => ({ ...stored, generation: 77 });
      inner.listener.changed([id]);
      await store.find(id);
      inner.alter = (stored) => stored;
      expect(await store.commit(id, (await inner.find(id))?.generation as number, setting('1'))).not.toBeNull();
      expect(await lookups(() => store.find(id))).toBe(1);
    });

    it('has none of a session that has ended', async () => {
      const id = await create();
      const generation = (await store.find(id))?.generation as number;
      await inner.delete(id, generation);
      expect(await store.commit(id, generation, setting('1'))).toBeNull();
      expect(await store.find(id)).toBeNull();
    });

    it('has none where what was added to is another in the database', async () => {
      const id = await create();
      inner.listener.changed([id]);
      inner.alter = (stored) => ({ ...stored, data: '{"n":"text"}' });
      const generation = (await store.find(id))?.generation as number;
      inner.alter = (stored) => stored;
      expect(await store.commit(id, generation, add)).not.toBeNull();
      expect(await lookups(() => store.find(id))).toBe(1);
    });

    it.each([
      ['nested too deep', `{"role":"admin","a":${'['.repeat(70)}${']'.repeat(70)}}`],
      ['a list', '["admin"]'],
      ['no JSON', '{"role":"admin"'],
    ])('makes nothing readable of what no session reads: %s', async (_what, data) => {
      const id = await create();
      inner.listener.changed([id]);
      inner.alter = (stored) => ({ ...stored, data });
      const generation = (await store.find(id))?.generation as number;
      expect(await store.commit(id, generation, setting('1'))).not.toBeNull();
      expect(await lookups(() => store.find(id))).toBe(1);
      expect((await store.find(id))?.data).toBe(data);
    });

    it.each([1, 2, 3, 4, 5])(
      'has none where a message comes as the commit is answered, %i microtasks later',
      async (turns) => {
        const id = await create();
        const generation = (await store.find(id))?.generation as number;
        const commit = inner.commit.bind(inner);
        inner.commit = async (...args) => {
          const times = await commit(...args);
          void after(turns).then(() => inner.listener.changed([id]));
          return times;
        };
        await store.commit(id, generation, setting('1'));
        await after(20);
        expect(await lookups(() => store.find(id))).toBe(1);
      },
    );

    it('trusts the copy no longer than the one before', async () => {
      await open({ ttl: 50 });
      const id = await create();
      const generation = (await store.find(id))?.generation as number;
      const since = performance.now();
      let commits = 0;
      for (; (await lookups(() => store.find(id))) === 0; commits++) await store.commit(id, generation, setting('1'));
      expect(commits).toBeGreaterThan(0);
      expect(performance.now() - since).toBeLessThan(500);
    });

    it('keeps none of a copy whose time is over as the commit is answered, to the millisecond', async () => {
      let now = 1;
      const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
      await open();
      const id = await create();
      const generation = (await inner.find(id))?.generation as number;
      const commit = inner.commit.bind(inner);
      inner.commit = async (...args) => {
        now += MINUTE;
        return commit(...args);
      };
      await store.commit(id, generation, setting('1'));
      now += MINUTE;
      expect([stats()?.entries, await lookups(() => store.find(id))]).toEqual([0, 1]);
      clock.mockRestore();
    });

    it('has none where the session was looked for, among several, while the commit was under way', async () => {
      const id = await create();
      const { generation } = (await store.find(id)) as StoredSession;
      const commit = inner.commit.bind(inner);
      inner.commit = async (...args) => {
        await store.findOneOf([id], () => null);
        return commit(...args);
      };
      await store.commit(id, generation, setting('1'));
      expect(await lookups(() => store.find(id))).toBe(1);
    });

    it('reads the session anew where that is asked for, as it was not read as it is', async () => {
      const id = await create();
      const found = (await store.find(id)) as StoredSession;
      inner.time += 1;
      await store.commit(id, found.generation, setting('1'));
      expect(await lookups(() => store.refind(found))).toBe(1);
    });
  });

  it('forgets a session after a change that fails', async () => {
    const id = await create();
    const error = new Error('down');
    inner.commit = async () => {
      await Promise.resolve();
      throw error;
    };
    await expect(store.commit(id, 0, NO_CHANGES)).rejects.toBe(error);
    expect(stats()?.entries).toBe(0);
  });

  it('passes on to whom a session must belong, until when, and what to add, of a change', async () => {
    const calls: unknown[] = [];
    const note =
      (name: string) =>
      async (...args: unknown[]): Promise<never> => {
        calls.push([name, ...args]);
        return null as never;
      };
    for (const name of ['update', 'login', 'delete', 'findOneOf', 'flush', 'claimSweep'] as const) {
      Object.defineProperty(inner, name, { value: note(name) });
    }
    const [change, choose] = [() => null, () => null];
    await store.update('id', 1, change, 5);
    await store.login('login' as never, change);
    await store.delete('id', 1, 'ada');
    await store.findOneOf(['id'], choose);
    await store.flush();
    await store.claimSweep(7);
    expect(calls).toEqual([
      ['update', 'id', 1, change, 5],
      ['login', 'login', change],
      ['delete', 'id', 1, 'ada'],
      ['findOneOf', ['id'], choose],
      ['flush'],
      ['claimSweep', 7],
    ]);
    expect(store.description).toBe(inner.description);
  });

  it.each<[string, (userId: string, ids: SessionId[]) => AsyncIterable<readonly SessionId[]>, number[]]>([
    ['deleteByUser', (userId, [one]) => store.deleteByUser(userId, one as SessionId), [0]],
    ['keepNewest', (userId) => store.keepNewest(userId, 1), [1]],
    ['deleteAll', () => store.deleteAll(), []],
  ])('forgets what %s ends, and hands it on', async (_what, end, kept) => {
    const ids = [await create({ userId: 'ada' })];
    inner.time += 1;
    ids.push(await create({ userId: 'ada' }));
    const ended: SessionId[] = [];
    for await (const piece of end('ada', ids)) ended.push(...piece);
    expect(ended.toSorted()).toEqual(ids.filter((_id, index) => !kept.includes(index)).toSorted());
    expect(stats()?.entries).toBe(kept.length);
  });

  it.each<[string, () => AsyncIterable<readonly SessionId[]>]>([
    ['deleteByUser', () => store.deleteByUser('ada', null)],
    ['deleteAll', () => store.deleteAll()],
  ])('forgets what %s has ended in a call whose answer was lost, once it is called again', async (name, end) => {
    const id = await create({ userId: 'ada' });
    let row = await inner.find(id);
    Object.defineProperty(inner, 'find', { value: () => Promise.resolve(row) });
    const answering = (next: () => Promise<unknown>) =>
      Object.defineProperty(inner, name, {
        configurable: true,
        value: () => ({ [Symbol.asyncIterator]: () => ({ next }) }),
      });
    const call = async (): Promise<void> => {
      for await (const _ids of end());
    };
    answering(() => Promise.reject(new Error('the answer is lost')));
    await expect(call()).rejects.toThrow('the answer is lost');
    // A look-up before the server has carried it out.
    expect(await store.find(id)).not.toBeNull();
    row = null;
    answering(() => Promise.resolve({ done: true }));
    await call();
    expect(await store.find(id)).toBeNull();
  });

  it('shows nothing older than what it has found by one of several credentials', async () => {
    const id = await create();
    const { generation } = (await store.find(id)) as StoredSession;
    // Another process, whose message is on its way.
    const data = { set: new Map([['a', '1']]), unset: [], increment: new Map(), push: new Map() };
    await inner.commit(id, generation, { ...NO_CHANGES, data });
    expect((await store.find(id))?.data).not.toContain('"a"');
    expect((await store.findOneOf([id], () => id))?.data).toContain('"a":1');
    expect((await store.find(id))?.data).toContain('"a":1');
  });

  it('reads a session anew that came from a copy, and no other', async () => {
    const id = await create();
    inner.listener.changed(null);
    const read = (await store.find(id)) as StoredSession;
    expect([await store.refind(read), inner.finds]).toEqual([read, 1]);
    inner.time += 1;
    const copy = (await store.find(id)) as StoredSession;
    const refound = await store.refind(copy);
    expect([refound?.readAt, inner.finds]).toEqual([inner.time, 2]);
    expect(await lookups(() => store.find(id))).toBe(0);
  });

  it('reads a session anew that it has no copy of any more', async () => {
    const copy = (await store.find(await create())) as StoredSession;
    inner.listener.changed(null);
    expect(await store.refind(copy)).toMatchObject({ id: copy.id });
    expect(inner.finds).toBe(1);
  });

  it('keeps no copy of a session that is gone when it is read anew', async () => {
    const id = await create();
    inner.time += 1;
    const copy = (await store.find(id)) as StoredSession;
    await inner.delete(id, null);
    expect([await store.refind(copy), await store.find(id)]).toEqual([null, null]);
  });

  it('answers the hits of one turn together', async () => {
    const ids = [await create(), await create()];
    const order: string[] = [];
    const finds = ids.map((id) => store.find(id).then(() => order.push('hit')));
    setImmediate(() => order.push('next turn'));
    await Promise.all(finds);
    await new Promise(setImmediate);
    expect(order).toEqual(['hit', 'hit', 'next turn']);
  });
});
