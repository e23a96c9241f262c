import assert from 'node:assert/strict';
import type { DataChanges } from '../../session/data/changes.js';
import type { StoredSession } from '../../session/stored-session.js';
import { SessionDataError } from '../../session.errors.js';
import { changes, dataOf, found, newSession, set, type StoreExpectation } from './support.js';

/** How a store merges changes of the data, and what it refuses. */
export const DATA: readonly StoreExpectation[] = [
  {
    name: 'merges a commit into what is there, key by key',
    async run(store) {
      const session = newSession({ data: '{"a":1,"b":{"x":1},"n":1,"l":[1]}' });
      const { generation } = await store.create(session);
      const commit = (data: Partial<DataChanges>) => store.commit(session.id, generation, changes(data));
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
      const { generation } = await store.create(session);
      const each = (index: number) => ({
        ...set({ [`k${index}`]: index }),
        increment: new Map([['n', 1]]),
        push: new Map([['l', `[${index}]`]]),
      });
      await Promise.all(
        Array.from({ length: 100 }, (_, index) => store.commit(session.id, generation, changes(each(index)))),
      );
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
      const [{ generation }] = await Promise.all([store.create(one), store.create(other)]);
      await store.commit(one.id, generation, changes(set({ toString: 3 })));
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
      const { generation } = await store.create(session);
      assert.equal(await store.commit(session.id, generation + 1, changes(set({ a: 2 }))), null);
      assert.equal(await store.update(session.id, generation + 1, () => changes(set({ a: 2 }))), null);
      assert.deepEqual(await dataOf(store, session.id), { a: 1 });
      await store.delete(session.id, generation);
      assert.equal(await store.commit(session.id, generation, changes(set({ a: 2 }))), null);
      assert.equal(await store.find(session.id), null);
    },
  },
  {
    name: 'refuses what it cannot add or append to, and data that would get too big, and keeps what it has',
    async run(store) {
      const session = newSession({ data: '{"text":"t","n":1}' });
      const { generation } = await store.create(session);
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
        await assert.rejects(store.commit(session.id, generation, changes(data)), SessionDataError);
      }
      await store.commit(session.id, generation, changes(set({ half: 'x'.repeat(40_000) })));
      await assert.rejects(
        store.commit(session.id, generation, changes(set({ more: 'x'.repeat(40_000) }))),
        SessionDataError,
      );
      await assert.rejects(
        store.create(newSession({ data: JSON.stringify({ big: 'x'.repeat(70_000) }) })),
        SessionDataError,
      );
      assert.deepEqual(Object.keys((await dataOf(store, session.id)) as object).toSorted(), ['half', 'n', 'text']);
    },
  },
  {
    name: 'commits if values are still what was found, and says so where they are not',
    async run(store) {
      const session = newSession({ data: '{"a":"x","b":{"y":[1],"z":2},"n":null}' });
      const { generation } = await store.create(session);
      const commitIf = (found: Record<string, string | null>, data: Partial<DataChanges>, under = generation) =>
        store.commitIf(session.id, under, new Map(Object.entries(found)), changes(data));
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
      assert.equal(await commitIf({}, set({ a: 11 }), generation + 1), null);
      await store.delete(session.id, generation);
      assert.equal(await commitIf({ n: null }, set({ a: 11 })), null);
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
      const { generation } = await store.create(session);
      const failure = new Error('no');
      await assert.rejects(
        store.update(session.id, generation, () => {
          throw failure;
        }),
        (error) => error === failure,
      );
      assert.equal((await store.update(session.id, generation, () => null))?.id, session.id);
      assert.deepEqual(await dataOf(store, session.id), { n: 0 });
    },
  },
];
