import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { DataChanges, SessionChanges } from '../session/data/changes.js';
import { createSessionId } from '../session/token.js';
import type { NewSession, SessionStore } from '../session-store.js';
import type { StoredSession } from '../session/stored-session.js';
import { SessionDataError } from '../session.errors.js';

/** One thing that every store must do. */
export interface StoreExpectation {
  /** A sentence, with the store as its subject. */
  readonly name: string;
  /**
   * Tries it.
   *
   * @param store opened, empty, with 65,536 `maxDataBytes`
   * @throws {AssertionError} when the store does not do it.
   */
  readonly run: (store: SessionStore) => Promise<void>;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function newSession(more: Partial<NewSession> = {}): NewSession {
  return {
    id: createSessionId(),
    secretHash: randomBytes(32),
    userId: null,
    auth: null,
    data: '{}',
    lifetime: { ttl: 30 * MINUTE, absolute: 12 * HOUR },
    ip: null,
    userAgent: null,
    ...more,
  };
}

function changes(data: Partial<DataChanges> | null, more: Partial<SessionChanges> = {}): SessionChanges {
  const none = { set: new Map(), unset: [], increment: new Map(), push: new Map() };
  return { data: data && { ...none, ...data }, lifetime: null, renew: true, ...more };
}

const set = (entries: Record<string, unknown>) => ({
  set: new Map(Object.entries(entries).map(([key, value]) => [key, JSON.stringify(value)])),
});

async function found(store: SessionStore, id: string): Promise<StoredSession> {
  const stored = await store.find(id);
  assert.ok(stored, 'the session is live');
  return stored;
}

/** Has an access written, from now unless given. */
async function access(store: SessionStore, id: string, at = store.now()): Promise<void> {
  store.renew({ id, at, expiresAt: at + HOUR });
  await store.flush();
}

const dataOf = async (store: SessionStore, id: string): Promise<unknown> =>
  JSON.parse((await found(store, id)).data) as unknown;

/**
 * What every store must do, whatever it keeps sessions in; for the tests of a store of your own:
 *
 * ```ts
 * for (const { name, run } of sessionStoreContract) it(name, async () => run(await openEmptyStore()));
 * ```
 */
export const sessionStoreContract: readonly StoreExpectation[] = [
  {
    name: 'gives back what it was given, and null for what it has not got',
    async run(store) {
      const session = newSession({ userId: 'u', auth: '{"roles":["r"]}', data: '{"a":1}', ip: '::1', userAgent: 'x' });
      const created = await store.create(session);
      const stored = await found(store, session.id);
      assert.equal(stored.id, session.id);
      assert.deepEqual([stored.userId, stored.ip, stored.userAgent], ['u', '::1', 'x']);
      assert.deepEqual([JSON.parse(stored.auth ?? ''), JSON.parse(stored.data)], [{ roles: ['r'] }, { a: 1 }]);
      assert.ok(Buffer.from(stored.secretHash).equals(session.secretHash));
      assert.deepEqual([stored.previousSecretHash, stored.rotatedAt, stored.generation], [null, null, 0]);
      assert.equal(stored.authenticatedAt, stored.createdAt);
      assert.equal(created.createdAt, stored.createdAt);
      assert.equal(await store.find(createSessionId()), null);
    },
  },
  {
    name: 'sets all times by its own clock',
    async run(store) {
      const session = newSession();
      const before = store.now();
      await store.create(session);
      const stored = await found(store, session.id);
      assert.ok(Math.abs(stored.createdAt - before) < MINUTE);
      assert.equal(Math.round(stored.expiresAt - stored.createdAt), 30 * MINUTE);
      assert.equal(Math.round(Number(stored.endsAt) - stored.createdAt), 12 * HOUR);
      assert.ok(stored.readAt >= stored.createdAt);
    },
  },
  {
    name: 'counts an expired session as absent at once, for every method',
    async run(store) {
      const session = newSession({ userId: 'u', lifetime: { ttl: 0, absolute: null } });
      await store.create(session);
      assert.equal(await store.find(session.id), null);
      assert.equal(await store.commit(session.id, 0, changes(set({ a: 1 }))), null);
      assert.equal(await store.update(session.id, 0, () => changes(set({ a: 1 }))), null);
      await access(store, session.id);
      assert.equal(await store.find(session.id), null);
      assert.equal(await store.delete(session.id, null), false);
      assert.deepEqual(await store.findByUser('u'), []);
      assert.equal(await store.count(), 0);
    },
  },
  {
    name: 'merges a commit into what is there, key by key',
    async run(store) {
      const session = newSession({ data: '{"a":1,"b":{"x":1},"n":1,"l":[1]}' });
      await store.create(session);
      const commit = (data: Partial<DataChanges>) => store.commit(session.id, 0, changes(data));
      await commit({ ...set({ c: 3 }), unset: ['a', 'absent'] });
      await commit({
        ...set({ b: { y: 2 } }),
        increment: new Map([
          ['n', 2],
          ['m', 0.5],
        ]),
      });
      await commit({
        push: new Map([
          ['l', '[2,3]'],
          ['k', '["x"]'],
        ]),
      });
      const expected = { b: { y: 2 }, c: 3, k: ['x'], l: [1, 2, 3], m: 0.5, n: 3 };
      assert.deepEqual(await dataOf(store, session.id), expected);
    },
  },
  {
    name: 'adds exactly, and appends exactly, however many commits come at once',
    async run(store) {
      const session = newSession();
      await store.create(session);
      const each = (index: number) => ({
        ...set({ [`k${index}`]: index }),
        increment: new Map([['n', 1]]),
        push: new Map([['l', `[${index}]`]]),
      });
      await Promise.all(Array.from({ length: 100 }, (_, index) => store.commit(session.id, 0, changes(each(index)))));
      const data = (await dataOf(store, session.id)) as { n: number; l: number[] };
      assert.equal(data.n, 100);
      assert.equal(new Set(data.l).size, 100);
      assert.equal(Object.keys(data).length, 102);
    },
  },
  {
    name: 'keeps sessions apart, and keys that mean something to JavaScript',
    async run(store) {
      const [one, other] = [newSession({ data: '{"__proto__":1,"constructor":2}' }), newSession()];
      await Promise.all([store.create(one), store.create(other)]);
      await store.commit(one.id, 0, changes(set({ toString: 3 })));
      assert.deepEqual(await dataOf(store, other.id), {});
      const { data } = await found(store, one.id);
      for (const member of ['"__proto__":1', '"constructor":2', '"toString":3']) {
        assert.ok(data.replaceAll(' ', '').includes(member), member);
      }
    },
  },
  {
    name: 'refuses a commit, and writes nothing of it, under another generation or to a session that is gone',
    async run(store) {
      const session = newSession({ data: '{"a":1}' });
      await store.create(session);
      assert.equal(await store.commit(session.id, 1, changes(set({ a: 2 }))), null);
      assert.equal(await store.update(session.id, 1, () => changes(set({ a: 2 }))), null);
      assert.deepEqual(await dataOf(store, session.id), { a: 1 });
      await store.delete(session.id, 0);
      assert.equal(await store.commit(session.id, 0, changes(set({ a: 2 }))), null);
      assert.equal(await store.find(session.id), null);
    },
  },
  {
    name: 'refuses what it cannot add or append to, and data that would get too big, and keeps what it has',
    async run(store) {
      const session = newSession({ data: '{"text":"t","n":1}' });
      await store.create(session);
      const refused = [
        { increment: new Map([['text', 1]]) },
        { push: new Map([['n', '[1]']]) },
        {
          increment: new Map([
            ['n', 1],
            ['text', 1],
          ]),
        },
        {
          push: new Map([
            ['list', '[1]'],
            ['n', '[1]'],
          ]),
        },
        set({ big: 'x'.repeat(70_000) }),
      ];
      for (const data of refused) {
        await assert.rejects(store.commit(session.id, 0, changes(data)), SessionDataError);
      }
      await store.commit(session.id, 0, changes(set({ half: 'x'.repeat(40_000) })));
      await assert.rejects(store.commit(session.id, 0, changes(set({ more: 'x'.repeat(40_000) }))), SessionDataError);
      await assert.rejects(
        store.create(newSession({ data: JSON.stringify({ big: 'x'.repeat(70_000) }) })),
        SessionDataError,
      );
      assert.deepEqual(Object.keys((await dataOf(store, session.id)) as object).toSorted(), ['half', 'n', 'text']);
    },
  },
  {
    name: 'moves the expiry with a commit that counts as an access, and with no other',
    async run(store) {
      const session = newSession();
      const { expiresAt, lastAccessAt } = await store.create(session);
      const quiet = await store.commit(session.id, 0, changes(set({ a: 1 }), { renew: false }));
      assert.deepEqual([quiet?.expiresAt, quiet?.lastAccessAt], [expiresAt, lastAccessAt]);
      const loud = await store.commit(session.id, 0, changes(set({ a: 2 })));
      assert.ok(Number(loud?.expiresAt) > expiresAt && Number(loud?.lastAccessAt) > lastAccessAt);
      assert.deepEqual((await found(store, session.id)).expiresAt, loud?.expiresAt);
    },
  },
  {
    name: 'commits if values are still what was found, and says so where they are not',
    async run(store) {
      const session = newSession({ data: '{"a":"x","b":{"y":[1],"z":2},"n":null}' });
      await store.create(session);
      const commitIf = (found: Record<string, string | null>, data: Partial<DataChanges>, generation = 0) =>
        store.commitIf(session.id, generation, new Map(Object.entries(found)), changes(data));
      const times = await commitIf({ a: '"x"', b: '{"z":2,"y":[1]}', n: null, absent: null }, set({ a: 0 }));
      assert.ok(times !== null && times !== 'changed');
      assert.equal((await found(store, session.id)).expiresAt, times.expiresAt);
      for (const values of [{ a: '"x"' }, { b: null }, { absent: '0' }, { a: '0', n: '1' }] as const) {
        assert.equal(await commitIf(values, set({ a: 1 })), 'changed');
      }
      assert.deepEqual(await dataOf(store, session.id), { a: 0, b: { y: [1], z: 2 }, n: null });
      const all = await Promise.all(Array.from({ length: 10 }, (_, n) => commitIf({ a: '0' }, set({ a: n + 1 }))));
      assert.equal(all.filter((outcome) => outcome === 'changed').length, 9);
      const large = set({ big: 'x'.repeat(70_000) });
      await assert.rejects(async () => commitIf({ n: null }, large), SessionDataError);
      assert.equal(await commitIf({}, set({ a: 11 }), 1), null);
      await store.delete(session.id, 0);
      assert.equal(await commitIf({ n: null }, set({ a: 11 })), null);
    },
  },
  {
    name: 'gives a session a lifetime of its own',
    async run(store) {
      const session = newSession();
      const { createdAt } = await store.create(session);
      const change = async (ttl: number, absolute?: number | null) => {
        const times = await store.commit(session.id, 0, changes(null, { lifetime: { ttl, absolute } }));
        assert.ok(times);
        const { lastAccessAt, expiresAt, endsAt } = times;
        return [Math.round(expiresAt - lastAccessAt), endsAt === null ? null : Math.round(endsAt - createdAt)];
      };
      assert.deepEqual(await change(HOUR), [HOUR, 12 * HOUR]);
      assert.deepEqual((await change(24 * HOUR))[1], 24 * HOUR);
      assert.deepEqual(await change(HOUR, 48 * HOUR), [HOUR, 48 * HOUR]);
      assert.deepEqual(await change(HOUR, null), [HOUR, null]);
      assert.deepEqual((await found(store, session.id)).ttl, HOUR);
      await change(0);
      assert.equal(await store.find(session.id), null);
    },
  },
  {
    name: 'updates one at a time: each sees what the one before has written',
    async run(store) {
      const session = newSession({ data: '{"n":0}' });
      await store.create(session);
      const increment = (stored: StoredSession) => {
        const { n } = JSON.parse(stored.data) as { n: number };
        return changes(set({ n: n + 1 }));
      };
      await Promise.all(Array.from({ length: 30 }, () => store.update(session.id, null, increment)));
      assert.deepEqual(await dataOf(store, session.id), { n: 30 });
    },
  },
  {
    name: 'writes nothing for an update that throws, which reaches the caller, or that has nothing to change',
    async run(store) {
      const session = newSession({ data: '{"n":0}' });
      await store.create(session);
      const failure = new Error('no');
      await assert.rejects(
        store.update(session.id, 0, () => {
          throw failure;
        }),
        (error) => error === failure,
      );
      assert.equal((await store.update(session.id, 0, () => null))?.id, session.id);
      assert.deepEqual(await dataOf(store, session.id), { n: 0 });
    },
  },
  {
    name: 'renews from the moment of the access, only ever forward, and never beyond the absolute end',
    async run(store) {
      const [one, short] = [newSession(), newSession({ lifetime: { ttl: HOUR, absolute: 2 * HOUR } })];
      const { expiresAt, createdAt } = await store.create(one);
      await store.create(short);
      await access(store, createSessionId());
      await access(store, one.id, createdAt - MINUTE);
      assert.equal((await found(store, one.id)).expiresAt, expiresAt);
      await access(store, one.id);
      const renewed = await found(store, one.id);
      assert.ok(renewed.expiresAt > expiresAt && renewed.expiresAt <= store.now() + 30 * MINUTE + MINUTE);
      await store.commit(short.id, 0, changes(null, { lifetime: { ttl: 5 * HOUR, absolute: 3 * HOUR } }));
      await access(store, short.id);
      const capped = await found(store, short.id);
      assert.equal(capped.expiresAt, capped.endsAt);
    },
  },
  {
    name: 'logs in with a new secret, a new generation and a new start, and keeps or drops the data as told',
    async run(store) {
      const session = newSession({ data: '{"cart":1}' });
      const created = await store.create(session);
      const login = (generation: number, userId: string | null, flush: boolean) =>
        store.login({
          id: session.id,
          generation,
          secretHash: randomBytes(32),
          userId,
          auth: null,
          flush,
          lifetime: { ttl: HOUR, absolute: 2 * HOUR },
          changes: flush ? null : changes(set({ more: 2 })).data,
        });
      const first = await login(0, 'alice', false);
      assert.ok(first);
      assert.deepEqual([first.userId, first.generation, JSON.parse(first.data)], ['alice', 1, { cart: 1, more: 2 }]);
      assert.ok(first.previousSecretHash && Buffer.from(first.previousSecretHash).equals(created.secretHash));
      assert.equal(first.rotatedAt, first.authenticatedAt);
      assert.equal(Math.round(Number(first.endsAt) - Number(first.authenticatedAt)), 2 * HOUR);
      assert.equal(await login(0, 'mallory', false), null);
      const second = await login(1, 'bob', true);
      assert.deepEqual([second?.userId, second?.generation, second?.data], ['bob', 2, '{}']);
      assert.equal(await store.commit(session.id, 0, changes(set({ late: 1 }))), null);
      const nobody = await login(2, null, true);
      assert.ok(nobody);
      assert.deepEqual([nobody.userId, nobody.generation, nobody.data], [null, 3, '{}']);
      assert.equal(nobody.rotatedAt, nobody.authenticatedAt);
      assert.deepEqual(await store.findByUser('bob'), []);
    },
  },
  {
    name: 'rotates for whoever knows the current secret, and tells the others of the same generation that they came late',
    async run(store) {
      const session = newSession();
      await store.create(session);
      const next = randomBytes(32);
      const rotate = (knownHash: Buffer, secretHash: Buffer, generation = 0) =>
        store.rotate({ id: session.id, generation, knownHash, secretHash });
      assert.equal(await rotate(session.secretHash, next, 1), 'gone');
      assert.equal(await rotate(session.secretHash, next), 'rotated');
      assert.equal(await rotate(session.secretHash, randomBytes(32)), 'overtaken');
      const stored = await found(store, session.id);
      assert.ok(Buffer.from(stored.secretHash).equals(next));
      assert.ok(stored.previousSecretHash && Buffer.from(stored.previousSecretHash).equals(session.secretHash));
      assert.equal(stored.generation, 0);
      await store.delete(session.id, 0);
      assert.equal(await rotate(next, randomBytes(32)), 'gone');
    },
  },
  {
    name: 'lists, counts and deletes the sessions of a user',
    async run(store) {
      const mine: string[] = [];
      for (let index = 0; index < 4; index++) mine.push((await store.create(newSession({ userId: 'me' }))).id);
      const other = await store.create(newSession({ userId: 'other' }));
      assert.deepEqual(
        (await store.findByUser('me')).map(({ id }) => id),
        mine,
      );
      assert.deepEqual(await store.keepNewest('me', 3), [mine[0]]);
      assert.deepEqual((await store.deleteByUser('me', mine[3] as string)).toSorted(), mine.slice(1, 3).toSorted());
      assert.equal(await store.count(), 2);
      assert.equal(await store.delete(mine[3] as string, 1), false);
      assert.equal(await store.delete(mine[3] as string, 0), true);
      assert.equal(await store.delete(other.id, null), true);
      assert.equal(await store.delete(other.id, null), false);
    },
  },
  {
    name: 'removes what has expired, and on demand all',
    async run(store) {
      const dead = [
        newSession({ lifetime: { ttl: 0, absolute: null } }),
        newSession({ lifetime: { ttl: -1, absolute: null } }),
      ];
      for (const session of dead) await store.create(session);
      await store.create(newSession());
      const removed: string[] = [];
      for await (const ids of store.deleteExpired()) removed.push(...ids);
      assert.deepEqual(removed.toSorted(), dead.map(({ id }) => id).toSorted());
      assert.equal(await store.deleteAll(), 1);
      assert.equal(await store.count(), 0);
    },
  },
];
