import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSessionId } from '../../session/token.js';
import {
  access,
  changes,
  found,
  HOUR,
  loginTo,
  MINUTE,
  newSession,
  past,
  set,
  type StoreExpectation,
} from './support.js';

/** What a store keeps, and how long. */
export const LIFETIMES: readonly StoreExpectation[] = [
  {
    name: 'gives back what it was given, and null for what it has not got',
    async run(store) {
      const session = newSession({
        userId: 'u',
        auth: '{"roles":["r"]}',
        data: '{"a":1}',
        ip: '::1',
        userAgent: 'x',
        persistent: false,
      });
      const created = await store.create(session);
      const stored = await found(store, session.id);
      assert.equal(stored.id, session.id);
      assert.deepEqual([stored.userId, stored.ip, stored.userAgent], ['u', '::1', 'x']);
      assert.equal(stored.persistent, false);
      assert.deepEqual([JSON.parse(stored.auth ?? ''), JSON.parse(stored.data)], [{ roles: ['r'] }, { a: 1 }]);
      assert.ok(Buffer.from(stored.secretHash).equals(session.secretHash));
      assert.deepEqual([stored.previousSecretHash, stored.rotatedAt], [null, null]);
      assert.equal(stored.generation, created.generation);
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
      const { generation } = await store.create(session);
      assert.equal(await store.find(session.id), null);
      assert.equal(await store.commit(session.id, generation, changes(set({ a: 1 }))), null);
      assert.equal(await store.update(session.id, generation, () => changes(set({ a: 1 }))), null);
      await access(store, session.id);
      assert.equal(await store.find(session.id), null);
      assert.equal(await store.delete(session.id, null), false);
      assert.deepEqual(await store.findByUser('u'), []);
      assert.equal(await store.count(), 0);
    },
  },
  {
    name: 'brings back by no method a session whose idle timeout is over, though it was to live longer',
    async run(store) {
      const session = newSession({ userId: 'u', lifetime: { ttl: 300, absolute: HOUR } });
      const created = await store.create(session);
      const { generation, secretHash } = created;
      const isAbsent = async (): Promise<void> => assert.equal(await store.find(session.id), null);
      await past(store, created.expiresAt);
      await access(store, session.id);
      await isAbsent();
      assert.equal(await store.commit(session.id, generation, changes(set({ a: 1 }))), null);
      assert.equal(await store.update(session.id, generation, () => changes(set({ a: 1 }))), null);
      assert.equal(await store.login(loginTo(created, { userId: 'u' })), null);
      const rotation = { id: session.id, generation, knownHash: secretHash, secretHash: randomBytes(32) };
      assert.equal(await store.rotate(rotation), 'gone');
      assert.equal(await store.delete(session.id, null), false);
      assert.deepEqual(await store.findByUser('u'), []);
      await isAbsent();
    },
  },
  {
    name: 'moves the expiry with a commit that counts as an access, and with no other',
    async run(store) {
      const session = newSession();
      const { generation, expiresAt, lastAccessAt } = await store.create(session);
      const quiet = await store.commit(session.id, generation, changes(set({ a: 1 }), { renew: false }));
      assert.deepEqual([quiet?.expiresAt, quiet?.lastAccessAt], [expiresAt, lastAccessAt]);
      const loud = await store.commit(session.id, generation, changes(set({ a: 2 })));
      assert.ok(Number(loud?.expiresAt) > expiresAt && Number(loud?.lastAccessAt) > lastAccessAt);
      assert.deepEqual((await found(store, session.id)).expiresAt, loud?.expiresAt);
      const short = await store.create(newSession({ lifetime: { ttl: HOUR, absolute: MINUTE } }));
      const capped = await store.commit(short.id, short.generation, changes(set({ a: 1 })));
      assert.deepEqual([capped?.expiresAt, capped?.endsAt], [short.endsAt, short.endsAt]);
    },
  },
  {
    name: 'gives a session a lifetime of its own',
    async run(store) {
      const session = newSession();
      const { generation, createdAt } = await store.create(session);
      const change = async (ttl: number, absolute?: number | null) => {
        const times = await store.commit(session.id, generation, changes(null, { lifetime: { ttl, absolute } }));
        assert.ok(times);
        const { lastAccessAt, expiresAt, endsAt } = times;
        return [Math.round(expiresAt - lastAccessAt), endsAt === null ? null : Math.round(endsAt - createdAt)];
      };
      // An absolute timeout counts from the start, and not from the change.
      await past(store, createdAt);
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
    name: 'renews from the moment of the access, only ever forward, and never beyond the absolute end',
    async run(store) {
      const [one, short] = [newSession(), newSession({ lifetime: { ttl: HOUR, absolute: 2 * HOUR } })];
      const { expiresAt, createdAt } = await store.create(one);
      const { generation } = await store.create(short);
      await access(store, createSessionId());
      await access(store, one.id, createdAt - MINUTE);
      assert.equal((await found(store, one.id)).expiresAt, expiresAt);
      await access(store, one.id);
      const renewed = await found(store, one.id);
      assert.ok(renewed.expiresAt > expiresAt && renewed.expiresAt <= store.now() + 30 * MINUTE + MINUTE);
      await store.commit(short.id, generation, changes(null, { lifetime: { ttl: 5 * HOUR, absolute: 3 * HOUR } }));
      await access(store, short.id);
      const capped = await found(store, short.id);
      assert.equal(capped.expiresAt, capped.endsAt);
    },
  },
];
