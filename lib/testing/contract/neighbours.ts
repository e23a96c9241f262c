import assert from 'node:assert/strict';
import type { SessionStore } from '../../session-store.js';
import type { StoredSession } from '../../session/stored-session.js';
import {
  access,
  changes,
  collected,
  dataOf,
  found,
  HOUR,
  loginTo,
  newSession,
  set,
  type StoreExpectation,
} from './support.js';

/** Sessions enough that some lie at the same place of different partitions, where a store has such. */
const MANY = 60;

/** Sessions beside one another: those that a store must leave alone, and those of which another store has written. */
export const NEIGHBOURS: readonly StoreExpectation[] = [
  {
    name: 'renews sessions, and leaves their neighbours as they are',
    async run(store) {
      const [renewed, others] = [await created(store, HOUR), await created(store, HOUR)];
      const before = await allOf(store, others);
      const at = store.now();
      for (const { id } of renewed) store.renew({ id, at, expiresAt: at + HOUR });
      await store.flush();
      for (const { id, expiresAt } of renewed) assert.ok((await found(store, id)).expiresAt > expiresAt);
      assert.deepEqual(await allOf(store, others), before);
    },
  },
  {
    name: 'sweeps what has expired, and leaves live neighbours as they are',
    async run(store) {
      const live: StoredSession[] = [];
      const dead: string[] = [];
      for (let index = 0; index < MANY; index++) {
        const lifetime = { ttl: index % 2 === 0 ? HOUR : 0, absolute: null };
        const session = await store.create(newSession({ data: `{"index":${index}}`, lifetime }));
        if (index % 2 === 0) live.push(session);
        else dead.push(session.id);
      }
      const before = await allOf(store, live);
      assert.deepEqual((await collected(store.deleteExpired())).toSorted(), dead.toSorted());
      assert.deepEqual(await allOf(store, live), before);
      assert.equal(await store.count(), live.length);
    },
  },
  {
    name: 'sees at once what another store on the same sessions has written',
    async run(store, other = store) {
      const session = newSession({ userId: 'me', data: '{"n":1}' });
      const { generation } = await store.create(session);
      assert.deepEqual(await dataOf(other, session.id), { n: 1 });
      await other.commit(session.id, generation, changes({ increment: new Map([['n', 1]]) }));
      assert.deepEqual(await dataOf(store, session.id), { n: 2 });
      await store.update(session.id, generation, ({ data }) => changes(set({ seen: JSON.parse(data) as unknown })));
      assert.deepEqual(await dataOf(other, session.id), { n: 2, seen: { n: 2 } });
      const { expiresAt } = await found(other, session.id);
      await access(store, session.id);
      assert.ok((await found(other, session.id)).expiresAt > expiresAt);

      const login = await other.login(loginTo({ id: session.id, generation }, { userId: 'me' }));
      assert.ok(login);
      assert.deepEqual((await found(store, session.id)).secretHash, login.secretHash);
      assert.equal(await store.commit(session.id, generation, changes(set({ late: 1 }))), null);

      assert.equal(await store.delete(session.id, login.generation), true);
      assert.equal(await other.find(session.id), null);
      assert.equal(await other.commit(session.id, login.generation, changes(set({ late: 1 }))), null);
      assert.deepEqual(await other.findByUser('me'), []);
    },
  },
];

async function created(store: SessionStore, ttl: number): Promise<StoredSession[]> {
  const lifetime = { ttl, absolute: null };
  return Promise.all(Array.from({ length: MANY / 2 }, () => store.create(newSession({ lifetime }))));
}

/** What a store has of sessions, but for when it was read. */
async function allOf(
  store: SessionStore,
  sessions: readonly StoredSession[],
): Promise<Omit<StoredSession, 'readAt'>[]> {
  return Promise.all(
    sessions.map(async ({ id }) => {
      const { readAt: _, ...stored } = await found(store, id);
      return stored;
    }),
  );
}
