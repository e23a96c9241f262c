import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { MikroORM } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { SessionChanges } from '../../lib/session/changes.js';
import { createSessionId, issueCredential } from '../../lib/session/credential.js';
import type { Login, NewSession } from '../../lib/session/persistence.js';
import type { StoredSession } from '../../lib/session/stored-session.js';
import { SessionDataError, SessionStoreUnavailableError } from '../../lib/session.errors.js';
import { SessionEntity } from '../../lib/store/mikro-orm/session.entity.js';
import {
  MikroOrmSessionStore,
  type MikroOrmSessionStoreOptions,
} from '../../lib/store/mikro-orm/mikro-orm.session-store.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ABSENT = '0199a1b2-c3d4-7e5f-8a6b-0123456789ab';
const OPTIONS: MikroOrmSessionStoreOptions = {
  queryTimeout: 20_000,
  maxDataBytes: 1_000,
  ensureSchema: true,
};
/** Of a store that gives up soon, for what is to fail: long enough for a statement that nothing holds up. */
const SOON = 400;

interface Change {
  set?: Record<string, unknown>;
  unset?: string[];
  increment?: Record<string, number>;
  push?: Record<string, unknown[]>;
  lifetime?: SessionChanges['lifetime'];
  renew?: boolean;
}

function changesOf({ set = {}, unset = [], increment = {}, push = {}, ...rest }: Change): SessionChanges {
  const texts = (values: object) => new Map(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]));
  const data = { set: texts(set), unset, increment: new Map(Object.entries(increment)), push: texts(push) };
  const isEmpty = data.set.size + unset.length + data.increment.size + data.push.size === 0;
  return { data: isEmpty ? null : data, lifetime: null, renew: false, ...rest };
}

describe('MikroOrmSessionStore', () => {
  let database: TestDatabase;
  const orms: MikroORM[] = [];
  let store: MikroOrmSessionStore;
  let impatient: MikroOrmSessionStore;

  async function openStore(
    options: Partial<MikroOrmSessionStoreOptions> = {},
    max = 4,
    url = database.url,
  ): Promise<MikroOrmSessionStore> {
    const name = `store-${orms.length}`;
    const orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: url,
      entities: [SessionEntity],
      pool: { min: 0, max },
      driverOptions: { application_name: name },
    });
    orms.push(orm);
    const opened = new MikroOrmSessionStore(orm, { ...OPTIONS, ...options });
    await opened.open();
    return opened;
  }

  beforeAll(async () => {
    database = await createDatabase();
    store = await openStore();
    impatient = await openStore({ queryTimeout: SOON });
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await database.query('delete from sessions');
  });

  afterAll(async () => {
    await Promise.all(orms.map((orm) => orm.close(true)));
    await database.drop();
  });

  /** A stored session. */
  function create(content: Partial<Omit<NewSession, 'data'>> & { data?: unknown } = {}): Promise<StoredSession> {
    const id = createSessionId();
    return store.create({
      id,
      secretHash: issueCredential(id).secretHash,
      userId: null,
      auth: null,
      lifetime: { ttl: 30 * MINUTE, absolute: 12 * HOUR },
      ip: null,
      userAgent: null,
      ...content,
      data: JSON.stringify(content.data ?? {}),
    });
  }

  async function row(id: string): Promise<Record<string, any>> {
    const rows = await database.query('select * from sessions where id = $1', [id]);
    expect(rows).toHaveLength(1);
    return rows[0] as Record<string, any>;
  }

  const dataOf = async (id: string): Promise<unknown> => (await row(id))['data'];
  const commit = (id: string, change: Change, generation = 0) => store.commit(id, generation, changesOf(change));

  /** Changes a row behind the store's back. */
  const alter = (id: string, assignments: string) =>
    database.query(`update sessions set ${assignments} where id = $1`, [id]);
  const expire = (id: string) => alter(id, 'expires_at = clock_timestamp()');
  const lock = (id: string) => database.hold('select from sessions where id = $1 for update', [id]);

  /** Waits until a question to the database has no answer any more. */
  async function untilNone(query: string): Promise<void> {
    while ((await database.query(query)).length > 0);
  }
  const others = `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
                  and application_name like 'store-%'`;
  const untilIdle = () => untilNone(`${others} and state <> 'idle'`);
  const untilNoTransaction = () => untilNone(`${others} and xact_start is not null`);
  const untilBlocked = async (count = 1): Promise<void> => {
    while ((await database.query(`${others} and wait_event_type = 'Lock'`)).length < count);
  };

  async function databaseNow(): Promise<number> {
    const [answer] = await database.query<{ now: Date }>('select clock_timestamp() as now');
    return (answer as { now: Date }).now.getTime();
  }
  const expectNear = (actual: number | Date | null, expected: number): void =>
    expect(Math.abs(Number(actual) - expected)).toBeLessThan(MINUTE);

  const unavailable = expect.any(SessionStoreUnavailableError);
  const outcomes = async (...all: Promise<unknown>[]): Promise<unknown[]> =>
    (await Promise.allSettled(all)).map((one) => (one.status === 'fulfilled' ? one.value : one.reason));

  it('knows what time it is in the database', async () => {
    expect(Math.abs(store.now() - (await databaseNow()))).toBeLessThan(5_000);
  });

  describe('create() and find()', () => {
    it('give back what was stored, with the database’s times', async () => {
      const data = { text: 'ä"\\\u2028', list: [1, 2.5, -0.1, 1e21, true, null, {}], ['__proto__']: { deep: 1 } };
      const auth = JSON.stringify({ roles: ['admin'] });
      const created = await create({ userId: 'ada', auth, data, ip: '::1', userAgent: 'Agent' });
      const found = await store.find(created.id);
      expect(found).toEqual({ ...created, readAt: expect.any(Number) });
      expect(JSON.parse(created.data)).toEqual(data);
      expect(JSON.parse(created.auth as string)).toEqual({ roles: ['admin'] });
      expect(created).toMatchObject({ userId: 'ada', ip: '::1', userAgent: 'Agent', generation: 0, rotatedAt: null });
      const now = await databaseNow();
      for (const at of [created.createdAt, created.updatedAt, created.lastAccessAt, created.authenticatedAt])
        expect(at).toBe(created.createdAt);
      expectNear(created.createdAt, now);
      expect(created.expiresAt).toBe(created.createdAt + 30 * MINUTE);
      expect(created.endsAt).toBe(created.createdAt + 12 * HOUR);
    });

    it('know no login where nobody is signed in, and no end where there is none', async () => {
      const created = await create({ lifetime: { ttl: HOUR, absolute: null } });
      expect(created).toMatchObject({ userId: null, auth: null, authenticatedAt: null, endsAt: null, ttl: HOUR });
      expect((await create({ lifetime: { ttl: HOUR, absolute: MINUTE } })).expiresAt).toBeLessThan(
        (await databaseNow()) + 2 * MINUTE,
      );
    });

    it('find nothing that is absent or expired', async () => {
      const { id } = await create();
      await expire(id);
      expect(await outcomes(store.find(id), store.find(ABSENT), store.find(ABSENT))).toEqual([null, null, null]);
    });

    it('find many at once, each its own', async () => {
      const all = await Promise.all(Array.from({ length: 150 }, (_, n) => create({ data: { n } })));
      const found = await Promise.all(all.map(({ id }) => store.find(id)));
      expect(found.map((stored) => JSON.parse((stored as StoredSession).data))).toEqual(all.map((_, n) => ({ n })));
    });

    it('wait for nobody who has locked the row', async () => {
      const { id } = await create();
      const holder = await lock(id);
      expect(await impatient.find(id)).toMatchObject({ id });
      await holder.release();
    });

    it('refuse data that are too large, by the bytes that the database counts', async () => {
      // {"a": "…"} is nine bytes longer than the text.
      const fits = await create({ data: { a: 'x'.repeat(991) } });
      expect(JSON.stringify(await dataOf(fits.id))).toHaveLength(999);
      for (const text of ['x'.repeat(992), 'ä'.repeat(496), 'x'.repeat(1_001)])
        await expect(create({ data: { a: text } })).rejects.toThrow(SessionDataError);
      expect(await store.count()).toBe(1);
    });
  });

  describe('commit()', () => {
    it('merges changes into the row as it is', async () => {
      const { id } = await create({ data: { kept: 1, old: 2, gone: 3, n: 4, list: [5] } });
      await alter(id, `data = data || '{"n": 40, "list": [50], "other": 6}'`);
      const change = {
        set: { old: { a: 1 }, new: 'x' },
        unset: ['gone'],
        increment: { n: 2.5 },
        push: { list: [6, []] },
      };
      expect(await commit(id, change)).not.toBeNull();
      expect(await dataOf(id)).toEqual({ kept: 1, old: { a: 1 }, n: 42.5, list: [50, 6, []], other: 6, new: 'x' });
    });

    it.each(['__proto__', 'a.b', '', '"', '$flash:1', '0'])('treats the key %j like any other', async (key) => {
      const { id } = await create();
      const only = (value: unknown): Record<string, any> =>
        JSON.parse(`{${JSON.stringify(key)}: ${JSON.stringify(value)}}`);
      await commit(id, { increment: only(2) });
      await commit(id, { increment: only(3) });
      expect(await dataOf(id)).toEqual(only(5));
      await commit(id, { unset: [key] });
      await commit(id, { push: only(['x']) });
      await commit(id, { push: only(['y']) });
      expect(await dataOf(id)).toEqual(only(['x', 'y']));
      await commit(id, { set: only({ a: null }) });
      expect(await dataOf(id)).toEqual(only({ a: null }));
    });

    it('counts what is absent, or null, as zero and as an empty array', async () => {
      const { id } = await create({ data: { n: null, list: null } });
      await commit(id, { increment: { n: 1, m: -2 }, push: { list: [1], items: [2] } });
      expect(await dataOf(id)).toEqual({ n: 1, m: -2, list: [1], items: [2] });
    });

    it('adds as JavaScript does', async () => {
      const { id } = await create({ data: { n: 0.1, big: 2 ** 53, small: 5e-324 } });
      await commit(id, { increment: { n: 0.2, big: 1, small: 5e-324 } });
      expect(await dataOf(id)).toEqual({ n: 0.1 + 0.2, big: 2 ** 53 + 1, small: 1e-323 });
    });

    it.each(['[1]', '"text"', '5', 'null', 'true'])('takes stored data that are %s for empty', async (data) => {
      const { id } = await create();
      await database.query('update sessions set data = $2 where id = $1', [id, data]);
      await commit(id, { set: { a: 1 }, unset: ['b'], increment: { n: 1 }, push: { list: [1] } });
      expect(await dataOf(id)).toEqual({ a: 1, n: 1, list: [1] });
    });

    it.each<[string, unknown, Change]>([
      ['add to a text', 'text', { increment: { x: 1 } }],
      ['add to a numeral', '1', { increment: { x: 1 } }],
      ['add to true', true, { increment: { x: 1 } }],
      ['add to an array', [1], { increment: { x: 1 } }],
      ['add to an object', {}, { increment: { x: 1 } }],
      ['add beyond what a number holds', 1.7e308, { increment: { x: 1.7e308 } }],
      ['append to a text', 'text', { push: { x: [1] } }],
      ['append to a number', 1, { push: { x: [1] } }],
      ['append to false', false, { push: { x: [1] } }],
      ['append to an object', { a: 1 }, { push: { x: [1] } }],
    ])('does not %s: it says so, and writes nothing', async (_what, value, change) => {
      const { id } = await create({ data: { x: value } });
      await expect(commit(id, { ...change, set: { y: 1 } })).rejects.toThrow(SessionDataError);
      expect(await dataOf(id)).toEqual({ x: value });
    });

    it('refuses what would make the row too large, and lets it shrink', async () => {
      const { id } = await create({ data: { a: 'x'.repeat(900) } });
      await expect(commit(id, { set: { b: 'x'.repeat(200) } })).rejects.toThrow(SessionDataError);
      await expect(commit(id, { set: { b: 'x'.repeat(1_001) } })).rejects.toThrow(SessionDataError);
      await expect(commit(id, { push: { b: ['x'.repeat(200)] } })).rejects.toThrow(SessionDataError);
      await commit(id, { set: { b: 'x'.repeat(200) }, unset: ['a'] });
      expect(await dataOf(id)).toEqual({ b: 'x'.repeat(200) });
    });

    it('is an access only where it says so', async () => {
      const { id } = await create();
      await alter(id, `last_access_at = now() - interval '20 min', expires_at = now() + interval '10 min'`);
      const before = await row(id);
      const times = await commit(id, { set: { a: 1 } });
      expectNear(times?.updatedAt ?? null, await databaseNow());
      const quiet = await row(id);
      for (const column of ['last_access_at', 'expires_at']) expect(quiet[column]).toEqual(before[column]);
      const renewed = await commit(id, { set: { a: 2 }, renew: true });
      expect(renewed?.expiresAt).toBe((renewed?.lastAccessAt as number) + 30 * MINUTE);
      expect(Math.floor(renewed?.endsAt as number)).toBe(before['ends_at'].getTime());
      expectNear((await row(id))['expires_at'], (await databaseNow()) + 30 * MINUTE);
    });

    it('never moves an expiry back, nor beyond the end', async () => {
      const { id } = await create();
      await alter(id, `expires_at = now() + interval '2 h'`);
      const later = await commit(id, { set: { a: 1 }, renew: true });
      expectNear(later?.expiresAt ?? null, (await databaseNow()) + 2 * HOUR);
      await alter(id, `expires_at = now() + interval '5 min', ends_at = now() + interval '5 min'`);
      const ending = await commit(id, { set: { a: 2 }, renew: true });
      expect(ending?.expiresAt).toBe(ending?.endsAt);
    });

    it.each<[string, number, number | null | undefined, number | null]>([
      ['moves the end only where the ttl needs it', HOUR, undefined, 12 * HOUR],
      ['moves the end as far as the ttl', 48 * HOUR, undefined, 48 * HOUR],
      ['sets the end from the start', HOUR, 2 * HOUR, 2 * HOUR],
      ['takes the end away', HOUR, null, null],
    ])('gives a session another lifetime: %s', async (_what, ttl, absolute, end) => {
      const { id, createdAt } = await create();
      const times = await commit(id, { lifetime: { ttl, absolute } });
      expect(times).toMatchObject({ ttl, endsAt: end === null ? null : createdAt + end });
      expectNear(times?.expiresAt ?? null, createdAt + ttl);
      expect(await dataOf(id)).toEqual({});
    });

    it('gives no end to a session that has none, however long its ttl', async () => {
      const { id } = await create({ lifetime: { ttl: MINUTE, absolute: null } });
      expect(await commit(id, { lifetime: { ttl: 48 * HOUR, absolute: undefined } })).toMatchObject({ endsAt: null });
    });

    it('ends a session that is given no time to live', async () => {
      const { id } = await create();
      expect(await commit(id, { lifetime: { ttl: 0, absolute: undefined } })).not.toBeNull();
      expect(await store.find(id)).toBeNull();
    });

    it('writes to nobody who is absent, expired, or was logged in to', async () => {
      const [expired, newer] = [await create(), await create()];
      await expire(expired.id);
      await alter(newer.id, 'generation = 1');
      expect(
        await outcomes(
          commit(ABSENT, { set: { a: 1 } }),
          commit(expired.id, { set: { a: 1 } }),
          commit(newer.id, { set: { a: 1 } }),
        ),
      ).toEqual([null, null, null]);
      expect([await dataOf(expired.id), await dataOf(newer.id)]).toEqual([{}, {}]);
      await commit(newer.id, { set: { a: 1 } }, 1);
      expect(await dataOf(newer.id)).toEqual({ a: 1 });
    });

    it('waits for a row that is locked, and merges into what it is then', async () => {
      const { id } = await create({ data: { n: 1 } });
      const holder = await database.hold(`update sessions set data = '{"n": 10, "held": true}' where id = $1`, [id]);
      const committing = commit(id, { increment: { n: 1 } });
      await commit((await create()).id, { set: { meanwhile: 1 } });
      await holder.release();
      expect(await committing).not.toBeNull();
      expect(await dataOf(id)).toEqual({ n: 11, held: true });
    });

    it('finds the session gone when it was deleted, or logged in to, under the lock', async () => {
      const [one, two] = [await create(), await create()];
      const deleting = await database.hold('delete from sessions where id = $1', [one.id]);
      const raising = await database.hold('update sessions set generation = 1 where id = $1', [two.id]);
      const committing = outcomes(commit(one.id, { set: { a: 1 } }), commit(two.id, { set: { a: 1 } }));
      await commit((await create()).id, { set: { meanwhile: 1 } });
      await deleting.release();
      await raising.release();
      expect(await committing).toEqual([null, null]);
      expect(await dataOf(two.id)).toEqual({});
    });

    it('fails only what cannot be done, when many are committed together', async () => {
      const all = await Promise.all(Array.from({ length: 40 }, () => create({ data: { n: 1, text: 'x' } })));
      const [locked, large, refused, gone] = all as [StoredSession, StoredSession, StoredSession, StoredSession];
      await alter(large.id, `data = data || jsonb_build_object('much', repeat('x', 900))`);
      await store.delete(gone.id, null);
      const holder = await lock(locked.id);
      const patient = await openStore({ queryTimeout: 3_000 });
      // The first goes alone; all others come while it is under way, and go together.
      const first = patient.commit((await create()).id, 0, changesOf({ set: { first: 1 } }));
      const results = await outcomes(
        ...all.map(({ id }) => {
          const change: Change = { increment: { n: 1 }, push: { list: [id] } };
          if (id === large.id) change.set = { more: 'x'.repeat(200) };
          if (id === refused.id) change.increment = { text: 1 };
          return patient.commit(id, 0, changesOf(change));
        }),
        // A second change of each, which is folded in.
        ...all.map(({ id }) => patient.commit(id, 0, changesOf({ increment: { n: 1 } }))),
      );
      await first;
      await holder.release();
      const saved = expect.objectContaining({ ttl: 30 * MINUTE });
      const dataError = expect.any(SessionDataError);
      expect(results.slice(0, 4)).toEqual([unavailable, dataError, dataError, null]);
      expect(results.slice(40, 44)).toEqual([unavailable, saved, saved, null]);
      expect([...results.slice(4, 40), ...results.slice(44)]).toEqual(Array(72).fill(saved));
      expect(await dataOf(locked.id)).toEqual({ n: 1, text: 'x' });
      expect(await dataOf(large.id)).toEqual({ n: 2, text: 'x', much: 'x'.repeat(900) });
      expect(await dataOf(refused.id)).toEqual({ n: 2, text: 'x' });
      for (const { id } of all.slice(4)) expect(await dataOf(id)).toEqual({ n: 3, text: 'x', list: [id] });
    });

    it('loses nothing of what is committed to one session at once', async () => {
      const { id } = await create();
      const stores = [await openStore({ maxDataBytes: 10_000 }), await openStore({ maxDataBytes: 10_000 })];
      await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          (stores[n % 2] as MikroOrmSessionStore).commit(
            id,
            0,
            changesOf({ set: { [`k${n}`]: n }, increment: { n: 1 }, push: { list: [n] } }),
          ),
        ),
      );
      const { list, ...rest } = (await dataOf(id)) as { list: number[] };
      const keys = Array.from({ length: 100 }, (_, n) => n);
      expect(rest).toEqual({ n: 100, ...Object.fromEntries(keys.map((n) => [`k${n}`, n])) });
      expect(list.filter((n) => n % 2 === 0)).toEqual(keys.filter((n) => n % 2 === 0));
      expect(list.toSorted((a, b) => a - b)).toEqual(keys);
    });
  });

  describe('renew()', () => {
    const renew = (id: string, age: number) => store.renew([{ id, at: store.now() - age }]);

    it('counts from the access, not from when it is written down', async () => {
      const { id } = await create();
      await alter(
        id,
        `last_access_at = now() - interval '1 h', expires_at = now() + interval '1 min', data = '{"a":1}'`,
      );
      expect(await renew(id, 10 * MINUTE)).toEqual({ renewed: [id], locked: [] });
      const now = await databaseNow();
      const { last_access_at, expires_at, data } = await row(id);
      expectNear(last_access_at, now - 10 * MINUTE);
      expectNear(expires_at, now + 20 * MINUTE);
      expect(expires_at.getTime()).toBe(last_access_at.getTime() + 30 * MINUTE);
      expect(data).toEqual({ a: 1 });
    });

    it('only ever moves forward, and takes an access in the future for one now', async () => {
      const { id } = await create();
      const before = await row(id);
      expect(await renew(id, 20 * MINUTE)).toEqual({ renewed: [id], locked: [] });
      expect(await row(id)).toEqual(before);
      await renew(id, -2 * HOUR);
      const after = await row(id);
      expect(after['expires_at'].getTime()).toBeGreaterThan(before['expires_at'].getTime());
      expectNear(after['expires_at'], (await databaseNow()) + 30 * MINUTE);
    });

    it('never goes beyond the end', async () => {
      const { id } = await create();
      await alter(id, `expires_at = now() + interval '1 min', ends_at = now() + interval '5 min'`);
      await renew(id, 0);
      const { expires_at, ends_at } = await row(id);
      expect(expires_at).toEqual(ends_at);
    });

    it('revives nobody: the dead are in neither list', async () => {
      const [expired, live] = [await create(), await create()];
      await expire(expired.id);
      const before = await row(expired.id);
      const at = store.now();
      const ids = [expired.id, ABSENT, live.id];
      expect(await store.renew(ids.map((id) => ({ id, at })))).toEqual({ renewed: [live.id], locked: [] });
      expect(await row(expired.id)).toEqual(before);
      expect(await store.renew([])).toEqual({ renewed: [], locked: [] });
    });

    it('waits for no lock, and tells which rows were locked', async () => {
      const [held, free] = [await create(), await create()];
      const holder = await lock(held.id);
      const at = store.now();
      expect(await store.renew([held, free].map(({ id }) => ({ id, at })))).toEqual({
        renewed: [free.id],
        locked: [held.id],
      });
      await holder.release();
    });
  });

  describe('login()', () => {
    const loginTo = (stored: StoredSession, more: Partial<Login> = {}): Login => ({
      id: stored.id,
      generation: stored.generation,
      secretHash: issueCredential(stored.id).secretHash,
      userId: 'ada',
      auth: null,
      lifetime: { ttl: HOUR, absolute: 3 * HOUR },
      flush: false,
      changes: null,
      ...more,
    });

    it('gives a new secret, a new generation, a new start and a user, and keeps the data', async () => {
      const before = await create({ data: { cart: [1] } });
      await alter(before.id, `created_at = created_at - interval '1 day', ends_at = now() + interval '1 min'`);
      const { data } = changesOf({ set: { a: 1 }, increment: { n: 2 }, push: { cart: [2] } });
      const login = loginTo(before, { auth: '{"roles":["admin"]}', changes: data });
      const after = (await store.login(login)) as StoredSession;
      expect(after).toMatchObject({
        id: before.id,
        generation: 1,
        userId: 'ada',
        secretHash: login.secretHash,
        previousSecretHash: before.secretHash,
        ttl: HOUR,
      });
      expect(after.rotatedAt).toBe(after.authenticatedAt);
      expectNear(after.authenticatedAt, await databaseNow());
      expect(after.expiresAt).toBe((after.authenticatedAt as number) + HOUR);
      expect(after.endsAt).toBe((after.authenticatedAt as number) + 3 * HOUR);
      expect(JSON.parse(after.data)).toEqual({ cart: [1, 2], a: 1, n: 2 });
      expect(after).toMatchObject({ ...(await store.find(before.id)), readAt: expect.any(Number) });
      expect(await commit(before.id, { set: { late: 1 } })).toBeNull();
      expect(await commit(before.id, { set: { b: 1 } }, 1)).not.toBeNull();
    });

    it('drops the data of another user', async () => {
      const before = await create({ userId: 'eve', data: { cart: [1] } });
      const lifetime = { ttl: HOUR, absolute: null };
      expect(await store.login(loginTo(before, { flush: true, lifetime }))).toMatchObject({ data: '{}', endsAt: null });
    });

    it('finds nobody who is absent, expired, or was logged in to', async () => {
      const [expired, newer] = [await create(), await create()];
      await expire(expired.id);
      await alter(newer.id, 'generation = 1');
      const all = [{ ...newer, id: ABSENT }, expired, newer];
      expect(await outcomes(...all.map((one) => store.login(loginTo(one))))).toEqual([null, null, null]);
      expect(await row(newer.id)).toMatchObject({ user_id: null, generation: 1, secret_hash: newer.secretHash });
    });

    it('lets one of those in who come at once', async () => {
      const before = await create();
      const answers = await outcomes(...Array.from({ length: 5 }, () => store.login(loginTo(before))));
      expect(answers.filter((answer) => answer !== null)).toEqual([expect.objectContaining({ generation: 1 })]);
    });

    it('changes nothing when the data would be too large, or are refused', async () => {
      const stored = await create({ data: { text: 'x'.repeat(900) } });
      const before = await row(stored.id);
      for (const change of [{ set: { more: 'x'.repeat(200) } }, { increment: { text: 1 } }]) {
        const login = loginTo(stored, { changes: changesOf(change).data });
        await expect(store.login(login)).rejects.toThrow(SessionDataError);
      }
      expect(await row(stored.id)).toEqual(before);
    });

    it('waits for a locked row, until its time is up', async () => {
      const stored = await create();
      const holder = await lock(stored.id);
      expect(await outcomes(impatient.login(loginTo(stored)))).toEqual([unavailable]);
      const login = store.login(loginTo(stored));
      await holder.release();
      expect(await login).toMatchObject({ generation: 1 });
    });
  });

  describe('rotate()', () => {
    const [hash1, hash2, hash3] = ['1', '2', '3'].map((digit) => Buffer.alloc(32, digit)) as [Buffer, Buffer, Buffer];
    const rotate = (id: string, knownHash: Buffer, secretHash: Buffer, generation = 0) =>
      store.rotate({ id, generation, knownHash, secretHash });

    it('replaces the secret, and nothing else', async () => {
      const { id } = await create({ secretHash: hash1, data: { a: 1 } });
      const before = await row(id);
      expect(await rotate(id, hash1, hash2)).toBe('rotated');
      expect(await row(id)).toEqual({
        ...before,
        secret_hash: hash2,
        previous_secret_hash: hash1,
        rotated_at: expect.any(Date),
      });
    });

    it('lets one win of those that come at once, and tells the others so', async () => {
      const { id } = await create({ secretHash: hash1 });
      const answers = await outcomes(...[2, 3, 4, 5].map((n) => rotate(id, hash1, Buffer.alloc(32, n))));
      expect(answers.map(String).toSorted()).toEqual(['rotated', 'superseded', 'superseded', 'superseded']);
    });

    it('tells whoever knows an older secret that somebody was faster, and changes nothing', async () => {
      const { id } = await create({ secretHash: hash1 });
      await rotate(id, hash1, hash2);
      const before = await row(id);
      expect(await rotate(id, hash1, hash3)).toBe('superseded');
      expect(await row(id)).toEqual(before);
      expect(await rotate(id, hash2, hash3)).toBe('rotated');
    });

    it('finds nobody who is absent, expired, or was logged in to', async () => {
      const [expired, newer] = [await create({ secretHash: hash1 }), await create({ secretHash: hash1 })];
      await expire(expired.id);
      await alter(newer.id, 'generation = 1');
      const ids = [ABSENT, expired.id, newer.id];
      expect(await outcomes(...ids.map((id) => rotate(id, hash1, hash2)))).toEqual(['gone', 'gone', 'gone']);
      expect(await rotate(newer.id, hash1, hash2, 1)).toBe('rotated');
    });

    it('waits for a locked row, until its time is up', async () => {
      const { id } = await create({ secretHash: hash1 });
      const holder = await lock(id);
      const rotation = { id, generation: 0, knownHash: hash1, secretHash: hash2 };
      expect(await outcomes(impatient.rotate(rotation))).toEqual([unavailable]);
      const rotating = rotate(id, hash1, hash3);
      await holder.release();
      expect(await rotating).toBe('rotated');
    });
  });

  describe('delete()', () => {
    it('ends a session, of the generation it is asked for or of any', async () => {
      const [one, two] = [await create(), await create()];
      await alter(one.id, 'generation = 1');
      expect(await outcomes(store.delete(one.id, 0))).toEqual([false]);
      expect(await outcomes(store.delete(one.id, 1), store.delete(two.id, null))).toEqual([true, true]);
      expect(await outcomes(store.delete(one.id, 1), store.find(one.id), commit(one.id, { set: { a: 1 } }, 1))).toEqual(
        [false, null, null],
      );
    });

    it('finds nobody who is absent or expired', async () => {
      const { id } = await create();
      await expire(id);
      expect(await outcomes(store.delete(id, null), store.delete(ABSENT, 0))).toEqual([false, false]);
    });

    it('is true for one of those that come at once', async () => {
      const { id } = await create();
      const answers = await outcomes(...Array.from({ length: 5 }, () => store.delete(id, 0)));
      expect(answers.filter((answer) => answer !== false)).toEqual([true]);
    });

    it('waits for a locked row, until its time is up', async () => {
      const { id } = await create();
      const holder = await lock(id);
      expect(await outcomes(impatient.delete(id, null))).toEqual([unavailable]);
      const deleting = store.delete(id, null);
      await holder.release();
      expect(await deleting).toBe(true);
    });
  });

  describe('update()', () => {
    const takeOne = ({ data }: StoredSession): SessionChanges | null => {
      const { stock } = JSON.parse(data) as { stock: number };
      return stock > 0 ? changesOf({ set: { stock: stock - 1 } }) : null;
    };

    it('changes the data as they are, and tells what they were, with the times of the change', async () => {
      const { id } = await create({ data: { a: 1 } });
      await alter(id, `data = '{"stock": 5}', last_access_at = now() - interval '20 min'`);
      const updated = await store.update(id, 0, (stored) => ({ ...(takeOne(stored) as SessionChanges), renew: true }));
      expect(JSON.parse(updated?.data as string)).toEqual({ stock: 5 });
      expect(await dataOf(id)).toEqual({ stock: 4 });
      expectNear(updated?.lastAccessAt ?? null, await databaseNow());
      expect(updated?.updatedAt).toBe((await store.find(id))?.updatedAt);
    });

    it('changes nothing when there is nothing to change', async () => {
      const { id } = await create({ data: { stock: 0 } });
      const before = await row(id);
      expect(await store.update(id, null, takeOne)).toMatchObject({ id });
      expect(await row(id)).toEqual(before);
    });

    it('runs one at a time, in whichever store', async () => {
      const { id } = await create({ data: { stock: 15 } });
      const another = await openStore();
      const answers = await Promise.all(
        Array.from({ length: 40 }, async (_, n) => {
          let won = false;
          await (n % 2 ? store : another).update(id, null, (stored) => {
            const changes = takeOne(stored);
            won = changes !== null;
            return changes;
          });
          return won;
        }),
      );
      expect(answers.filter(Boolean)).toHaveLength(15);
      expect(await dataOf(id)).toEqual({ stock: 0 });
    });

    it('asks nothing of nobody: who is absent, expired, or was logged in to', async () => {
      const [expired, newer] = [await create(), await create()];
      await expire(expired.id);
      await alter(newer.id, 'generation = 1');
      const change = jest.fn(takeOne);
      const ids = [ABSENT, expired.id, newer.id];
      expect(await outcomes(...ids.map((id) => store.update(id, 0, change)))).toEqual([null, null, null]);
      expect(change).not.toHaveBeenCalled();
    });

    it.each<[string, () => SessionChanges | null, unknown]>([
      ['throws', () => JSON.parse('{'), expect.any(SyntaxError)],
      ['makes the data too large', () => changesOf({ set: { a: 'x'.repeat(999) } }), expect.any(SessionDataError)],
      ['is refused by the database', () => changesOf({ increment: { text: 1 } }), expect.any(SessionDataError)],
    ])('changes nothing, and keeps no transaction open, when the function %s', async (_what, change, error) => {
      const { id } = await create({ data: { text: 'x' } });
      const before = await row(id);
      expect(await outcomes(store.update(id, 0, change))).toEqual([error]);
      expect(await database.query(`${others} and xact_start is not null`)).toEqual([]);
      expect(await row(id)).toEqual(before);
      expect(await commit(id, { set: { a: 1 } })).not.toBeNull();
    });

    it('waits for a locked row, and sees what was done to it', async () => {
      const { id } = await create({ data: { stock: 1 } });
      const holder = await database.hold(`update sessions set data = '{"stock": 100}' where id = $1`, [id]);
      const updating = store.update(id, 0, takeOne);
      await untilBlocked();
      await holder.release();
      expect(await updating).not.toBeNull();
      expect(await dataOf(id)).toEqual({ stock: 99 });
    });

    it('gives up on a locked row when its time is up, and leaves no transaction behind', async () => {
      const { id } = await create({ data: { stock: 1 } });
      const holder = await lock(id);
      const change = jest.fn(takeOne);
      expect(await outcomes(impatient.update(id, 0, change))).toEqual([unavailable]);
      await untilNoTransaction();
      await holder.release();
      expect(await dataOf(id)).toEqual({ stock: 1 });
      expect(change).not.toHaveBeenCalled();
      expect(await store.update(id, 0, takeOne)).not.toBeNull();
    });

    it('gives its connection back whatever happens: with a pool of one, everything goes on', async () => {
      const single = await openStore({ queryTimeout: SOON }, 1);
      const { id } = await create({ data: { stock: 3 } });
      const holder = await lock(id);
      const failing = [() => JSON.parse('{') as null, () => changesOf({ push: { stock: [1] } }), () => null];
      for (const change of failing) await outcomes(single.update(id, 0, change));
      await holder.release();
      for (const change of failing) await outcomes(single.update(id, 0, change), single.update(ABSENT, 0, change));
      expect(await outcomes(...Array.from({ length: 3 }, () => single.update(id, 0, takeOne)))).toEqual(
        Array(3).fill(expect.objectContaining({ id })),
      );
      expect(await single.find(id)).toMatchObject({ data: '{"stock": 0}' });
    });

    it('waits for a connection no longer than its time, and takes none that comes later', async () => {
      const single = await openStore({ queryTimeout: SOON }, 1);
      const { id } = await create({ data: { stock: 3 } });
      const holder = await lock(id);
      const other = await create({ data: { stock: 3 } });
      expect(await outcomes(single.update(id, 0, takeOne), single.update(other.id, 0, takeOne))).toEqual([
        unavailable,
        unavailable,
      ]);
      await holder.release();
      await untilNoTransaction();
      expect([await dataOf(id), await dataOf(other.id)]).toEqual([{ stock: 3 }, { stock: 3 }]);
      expect(await single.update(other.id, 0, takeOne)).not.toBeNull();
    });
  });

  describe('what the database gets to do only after the time is up', () => {
    it.each<[string, (stored: StoredSession) => Promise<unknown>]>([
      ['create', () => impatient.create({ ...NEW, id: ABSENT })],
      ['commit', ({ id }) => impatient.commit(id, 0, changesOf({ set: { a: 1 } }))],
      ['update', ({ id }) => impatient.update(id, 0, () => changesOf({ set: { a: 1 } }))],
      ['renew', ({ id }) => impatient.renew([{ id, at: impatient.now() + HOUR }])],
      ['login', ({ id }) => impatient.login({ ...NEW, id, generation: 0, userId: 'ada', flush: true, changes: null })],
      [
        'rotate',
        ({ id, secretHash }) => impatient.rotate({ id, generation: 0, knownHash: secretHash, secretHash: HASH }),
      ],
      ['delete', ({ id }) => impatient.delete(id, null)],
      ['deleteByUser', () => impatient.deleteByUser('eve', null)],
      ['keepNewest', () => impatient.keepNewest('eve', 0)],
      ['deleteAll', () => impatient.deleteAll()],
    ])('is not done at all: %s', async (_what, operation) => {
      const stored = await create({ userId: 'eve' });
      const before = await database.query('select * from sessions');
      const holder = await database.hold('lock table sessions in exclusive mode');
      expect(await outcomes(operation(stored))).toEqual([unavailable]);
      // A timer may be early, and two clocks do not run alike: by some milliseconds.
      await database.query('select pg_sleep(0.05)');
      await holder.release();
      await untilIdle();
      expect(await database.query('select * from sessions')).toEqual(before);
    });

    const HASH = Buffer.alloc(32, 7);
    const NEW: NewSession = {
      id: ABSENT,
      secretHash: HASH,
      userId: null,
      auth: null,
      data: '{"late":true}',
      lifetime: { ttl: HOUR, absolute: null },
      ip: null,
      userAgent: null,
    };
  });

  describe('of all sessions, or those of a user,', () => {
    /** Sessions of a user, in the order of their logins, with one that is expired and one of somebody else. */
    async function several(): Promise<[string, string, string, expired: string, other: string]> {
      const ids: string[] = [];
      for (let n = 0; n < 4; n++) ids.push((await create({ userId: 'ada' })).id);
      ids.push((await create({ userId: 'eve' })).id);
      await expire(ids[3] as string);
      return ids as [string, string, string, string, string];
    }
    const left = async () =>
      (await database.query<{ id: string }>('select id from sessions order by id')).map(({ id }) => id);

    it('findByUser() lists the live ones of a user, oldest first', async () => {
      const [a, b, c] = await several();
      await alter(a, `created_at = created_at + interval '1 s'`);
      expect((await store.findByUser('ada')).map(({ id }) => id)).toEqual([b, c, a]);
      expect(await store.findByUser('nobody')).toEqual([]);
    });

    it('deleteByUser() ends those of a user, and names the live ones', async () => {
      const [a, b, c, , other] = await several();
      expect((await store.deleteByUser('ada', null)).toSorted()).toEqual([a, b, c]);
      expect(await left()).toEqual([other]);
      expect(await store.deleteByUser('ada', null)).toEqual([]);
    });

    it('deleteByUser() spares one if asked to, but only one of that user', async () => {
      const [a, b, c, , other] = await several();
      expect((await store.deleteByUser('ada', b)).toSorted()).toEqual([a, c]);
      expect(await left()).toEqual([b, other]);
      expect(await store.deleteByUser('ada', other)).toEqual([b]);
    });

    it('deleteByUser() waits for a locked row, and finds what is left of it', async () => {
      const [a, b, c, , other] = await several();
      const holder = await database.hold(`update sessions set user_id = 'eve' where id = $1`, [b]);
      const deleting = store.deleteByUser('ada', null);
      await store.count();
      await holder.release();
      expect((await deleting).toSorted()).toEqual([a, c]);
      expect(await left()).toEqual([b, other]);
    });

    it('keepNewest() ends a user’s oldest logins, and counts no expired ones', async () => {
      const [a, b, c, expired, other] = await several();
      await alter(a, `authenticated_at = now() + interval '1 s'`);
      await alter(expired, `authenticated_at = now() + interval '2 s'`);
      expect(await store.keepNewest('ada', 3)).toEqual([]);
      expect(await store.keepNewest('ada', 2)).toEqual([b]);
      expect(await left()).toEqual([a, c, expired, other]);
    });

    it('deleteAll() ends all, and counts the live ones', async () => {
      await several();
      expect(await store.deleteAll()).toBe(4);
      expect(await left()).toEqual([]);
    });

    it('count() counts the live ones', async () => {
      await several();
      expect(await store.count()).toBe(4);
    });

    async function purge(): Promise<string[]> {
      const ids: string[] = [];
      for await (const batch of store.deleteExpired()) ids.push(...batch);
      return ids;
    }

    it('deleteExpired() removes what has expired, however much, but for what is locked', async () => {
      const [a, b, c, expired, other] = await several();
      await expire(c);
      const holder = await lock(c);
      await database.query(
        `insert into sessions select gen_random_uuid(), secret_hash, null, null, 0, null, null, null, '{}', ttl, created_at,
           updated_at, last_access_at, expires_at, ends_at, null, null from sessions, generate_series(1, 2500) where id = $1`,
        [expired],
      );
      const removed = await purge();
      expect(removed).toHaveLength(2_501);
      expect(new Set(removed).size).toBe(2_501);
      await holder.release();
      expect(await left()).toEqual([a, b, c, other]);
      expect(await purge()).toEqual([c]);
      expect(await purge()).toEqual([]);
    });
  });

  describe('what was wrong once', () => {
    /** The process was suspended, or the database's clock set forward: the estimate of its clock is behind. */
    async function suspended(): Promise<MikroOrmSessionStore> {
      const late = await openStore();
      const real = performance.now.bind(performance);
      jest.spyOn(performance, 'now').mockImplementation(() => real() - HOUR);
      return late;
    }

    it('goes on by itself after its process stood still: creates sessions', async () => {
      const created = await create();
      const late = await suspended();
      const session = { ...created, data: '{}', lifetime: { ttl: HOUR, absolute: null } };
      // The first may fail, being what it learns from.
      const answers = [];
      for (let n = 0; n < 2; n++) answers.push(...(await outcomes(late.create({ ...session, id: createSessionId() }))));
      expect(answers[0]).not.toBeInstanceOf(SessionDataError);
      expect(answers[1]).toMatchObject({ data: '{}' });
    });

    it('never says that it ended sessions, or that there were none, when it did not get to it', async () => {
      await create({ userId: 'ada' });
      const late = await suspended();
      const [byUser, newest, all] = await outcomes(
        late.deleteByUser('ada', null),
        late.keepNewest('ada', 0),
        late.deleteAll(),
      );
      const count = await store.count();
      expect([byUser, newest, all, count]).not.toEqual([[], [], 0, 1]);
    });

    it.each<[string, (single: MikroOrmSessionStore) => Promise<unknown>]>([
      ['deleteByUser', (single) => single.deleteByUser('ada', null)],
      ['keepNewest', (single) => single.keepNewest('ada', 0)],
      ['deleteAll', (single) => single.deleteAll()],
    ])('gives its connection back when it waits for a lock in vain: %s', async (_what, operation) => {
      const single = await openStore({ queryTimeout: SOON }, 1);
      const [held, free] = [await create({ userId: 'ada' }), await create({ userId: 'ada' })];
      const holder = await lock(held.id);
      try {
        expect(await outcomes(operation(single))).toEqual([unavailable]);
        // What it could end it has ended, and it holds up nobody.
        expect(
          await outcomes(impatient.commit(free.id, 0, changesOf({ set: { a: 1 } })), single.find(held.id)),
        ).toEqual([null, expect.objectContaining({ id: held.id })]);
      } finally {
        await holder.release();
        await untilIdle();
      }
    });

    it('does not end a session that was logged in to while keepNewest() waited for it', async () => {
      const old = await create({ userId: 'ada' });
      await create({ userId: 'ada' });
      const relogin = `update sessions set authenticated_at = now() + interval '1 s', generation = 1 where id = $1`;
      const holder = await database.hold(relogin, [old.id]);
      const limiting = store.keepNewest('ada', 1);
      await store.count();
      await holder.release();
      await limiting;
      expect(await store.find(old.id)).not.toBeNull();
    });

    it('answers a commit within its time, though it shares a statement with one that has more', async () => {
      const patience = 600;
      const hurried = await openStore({ queryTimeout: patience });
      const sessions = [await create(), await create(), await create()];
      const holder = await database.hold('lock table sessions in access exclusive mode');
      const took: number[] = [];
      const commits = sessions.map(async ({ id }, n) => {
        await new Promise((resolve) => setTimeout(resolve, [0, 20, patience - 50][n]));
        const start = performance.now();
        await hurried.commit(id, 0, changesOf({ set: { a: 1 } })).catch(() => {});
        took.push(performance.now() - start);
      });
      await Promise.all(commits);
      await holder.release();
      await untilIdle();
      expect(Math.max(...took)).toBeLessThan(patience * 1.5);
    });

    it('takes no connection for an update whose time is up before its turn', async () => {
      const { id } = await create();
      const several = await openStore({ queryTimeout: SOON });
      const connection = ((orms.at(-1) as MikroORM).driver as PostgreSqlDriver).getConnection();
      const pool = (await connection.getNativeClient()) as unknown as NodeJS.EventEmitter;
      let connections = 0;
      pool.on('connect', () => connections++);
      const holder = await lock(id);
      await outcomes(...Array.from({ length: 50 }, () => several.update(id, 0, () => null)));
      await holder.release();
      expect(connections).toBeLessThanOrEqual(2);
    });

    it('goes on by itself when connections went silent, and the database can be reached by new ones', async () => {
      const target = new URL(database.url);
      const [silent, sockets] = [new Set<Socket>(), new Set<Socket>()];
      const proxy = createServer((near) => {
        const far = connect(Number(target.port), target.hostname);
        for (const [from, to] of [
          [near, far],
          [far, near],
        ] as const) {
          sockets.add(from);
          from.on('error', () => {});
          from.on('data', (data) => silent.has(near) || to.write(data));
        }
      });
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      target.hostname = '127.0.0.1';
      const url = new URL(target);
      url.port = `${(proxy.address() as AddressInfo).port}`;
      const { id } = await create();
      const remote = await openStore({ queryTimeout: SOON }, 2, url.href);
      await outcomes(remote.find(id), remote.find(id));
      for (const socket of sockets) silent.add(socket);
      const answers: unknown[] = [];
      for (let n = 0; n < 6; n++) answers.push(...(await outcomes(remote.find(id))));
      for (const socket of sockets) socket.destroy();
      proxy.close();
      expect(answers).toContainEqual(expect.objectContaining({ id }));
    });
  });
});
