import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { SessionDataError, SessionSetupError } from '../../session.errors.js';
import {
  access,
  changes,
  collected,
  found,
  HOUR,
  loginTo,
  newSession,
  past,
  set,
  type StoreExpectation,
} from './support.js';

const sizeOf = (value: unknown): number => JSON.stringify(value).length;

/** Logins, rotations, the sessions of a user, and their end. */
export const IDENTITY: readonly StoreExpectation[] = [
  {
    name: 'logs in with a new secret, a new generation and a new start, and keeps or drops the data as told',
    async run(store) {
      const session = newSession({ data: '{"cart":1}' });
      const created = await store.create(session);
      const login = (generation: number, userId: string | null, flush: boolean) =>
        store.login(
          loginTo(
            { id: session.id, generation },
            {
              userId,
              flush,
              lifetime: { ttl: HOUR, absolute: 2 * HOUR },
              changes: flush ? null : changes(set({ more: 2 })).data,
            },
          ),
        );
      const first = await login(created.generation, 'alice', false);
      assert.ok(first);
      assert.deepEqual([first.userId, JSON.parse(first.data)], ['alice', { cart: 1, more: 2 }]);
      assert.ok(first.previousSecretHash && Buffer.from(first.previousSecretHash).equals(created.secretHash));
      assert.equal(first.rotatedAt, first.authenticatedAt);
      assert.equal(Math.round(Number(first.endsAt) - Number(first.authenticatedAt)), 2 * HOUR);
      assert.equal(await login(created.generation, 'mallory', false), null);
      const second = await login(first.generation, 'bob', true);
      assert.ok(second);
      assert.deepEqual([second.userId, second.data], ['bob', '{}']);
      assert.equal(await store.commit(session.id, created.generation, changes(set({ late: 1 }))), null);
      const anonymous = await login(second.generation, null, true);
      assert.ok(anonymous);
      assert.deepEqual([anonymous.userId, anonymous.data], [null, '{}']);
      const generations = [created, first, second, anonymous].map(({ generation }) => generation);
      assert.equal(new Set(generations).size, 4, 'each login gives a generation that the session has not had');
      assert.equal((await found(store, session.id)).generation, anonymous.generation);
      assert.equal(anonymous.rotatedAt, anonymous.authenticatedAt);
      assert.deepEqual(await store.findByUser('bob'), []);
    },
  },
  {
    name: 'gives a login all that it says, and leaves nothing of the one before',
    async run(store) {
      const created = await store.create(
        newSession({
          userId: 'ada',
          auth: '{"roles":["admin"]}',
          persistent: false,
          lifetime: { ttl: HOUR, absolute: HOUR },
        }),
      );
      await past(store, created.createdAt);
      const login = loginTo(created, { userId: 'bob', lifetime: { ttl: 2 * HOUR, absolute: null }, persistent: null });
      assert.ok(await store.login(login));
      const stored = await found(store, created.id);
      assert.ok(Buffer.from(stored.secretHash).equals(login.secretHash));
      assert.deepEqual([stored.userId, stored.auth, stored.persistent], ['bob', null, null]);
      assert.deepEqual([stored.ttl, stored.endsAt, stored.createdAt], [2 * HOUR, null, created.createdAt]);
      assert.ok(Number(stored.authenticatedAt) > created.createdAt);
      assert.equal(Math.round(stored.expiresAt - Number(stored.authenticatedAt)), 2 * HOUR);
      assert.equal(stored.generation, store.generationOf(login.secretHash, created.generation));
      const again = loginTo(stored, { userId: 'eve', auth: '{"roles":[]}', persistent: true });
      assert.ok(await store.login(again));
      const last = await found(store, created.id);
      assert.deepEqual([last.userId, JSON.parse(last.auth ?? ''), last.persistent], ['eve', { roles: [] }, true]);
    },
  },
  {
    name: 'logs in with changes that a function makes of the session as it is',
    async run(store) {
      const created = await store.create(newSession({ data: '{"n":1}' }));
      await store.commit(created.id, created.generation, changes({ increment: new Map([['n', 1]]) }));
      const increment = ({ data }: { readonly data: string }) =>
        changes(set({ n: (JSON.parse(data) as { n: number }).n + 1 })).data;
      assert.ok(await store.login(loginTo(created, { userId: 'ada' }), increment));
      assert.deepEqual(JSON.parse((await found(store, created.id)).data), { n: 3 });
      const late = loginTo(created, { userId: 'eve' });
      assert.equal(await store.login(late, () => assert.fail('it is of another login by now')), null);
    },
  },
  {
    name: 'refuses a snapshot of a login that is too big, bounds it apart from the data, and keeps what it has',
    async run(store) {
      const snapshot = (length: number): string => JSON.stringify({ note: 'x'.repeat(length) });
      const data = JSON.stringify({ big: 'x'.repeat(40_000) });
      const isTooBig = (error: unknown): boolean => {
        assert.ok(error instanceof SessionDataError && error.path === 'auth', 'a SessionDataError about "auth"');
        return /65536.*maxDataBytes/.test(error.message);
      };
      const large = newSession({ userId: 'u', auth: snapshot(70_000) });
      await assert.rejects(store.create(large), isTooBig);
      assert.equal(await store.find(large.id), null);
      const session = newSession({ userId: 'u', auth: snapshot(40_000), data });
      const created = await store.create(session);
      const login = (auth: string) => store.login(loginTo(created, { userId: 'v', auth }));
      await assert.rejects(login(snapshot(70_000)), isTooBig);
      const stored = await found(store, session.id);
      assert.deepEqual([stored.userId, stored.generation], ['u', created.generation]);
      assert.deepEqual([JSON.parse(stored.auth ?? ''), JSON.parse(stored.data)].map(sizeOf), [40_011, 40_010]);
      assert.equal((await login(snapshot(30_000)))?.userId, 'v');
    },
  },
  {
    name: 'takes over a session of another library once, not as a login of now, or says that it takes over none',
    async run(store) {
      if (!store.canAdopt) return assert.rejects(store.adopt(newSession(), null), SessionSetupError);
      const session = newSession({ userId: 'ada', auth: '{"roles":["staff"]}', data: '{"cart":1}' });
      const adopted = await store.adopt(session, null);
      assert.ok(adopted);
      assert.deepEqual([adopted.userId, adopted.authenticatedAt], ['ada', null]);
      assert.deepEqual(JSON.parse(adopted.auth ?? ''), { roles: ['staff'] });
      await store.commit(session.id, adopted.generation, changes(set({ cart: 2 })));
      assert.equal(await store.adopt({ ...session, userId: 'eve' }, null), null);
      const stored = await found(store, session.id);
      assert.deepEqual([stored.userId, JSON.parse(stored.data)], ['ada', { cart: 2 }]);
      assert.deepEqual(
        (await store.findByUser('ada')).map(({ id }) => id),
        [session.id],
      );
    },
  },
  {
    name: 'rotates for a request that knows the current secret, and answers others of the same generation that they are overtaken',
    async run(store) {
      const session = newSession({ userId: 'ada' });
      const { generation, authenticatedAt, createdAt } = await store.create(session);
      await past(store, createdAt);
      const next = randomBytes(32);
      const rotate = (knownHash: Buffer, secretHash: Buffer, under = generation) =>
        store.rotate({ id: session.id, generation: under, knownHash, secretHash });
      assert.equal(await rotate(session.secretHash, next, generation + 1), 'gone');
      assert.equal(await rotate(session.secretHash, next), 'rotated');
      assert.equal(await rotate(session.secretHash, randomBytes(32)), 'overtaken');
      const stored = await found(store, session.id);
      assert.ok(Buffer.from(stored.secretHash).equals(next));
      assert.ok(stored.previousSecretHash && Buffer.from(stored.previousSecretHash).equals(session.secretHash));
      assert.deepEqual([stored.generation, stored.authenticatedAt], [generation, authenticatedAt]);
      assert.ok(Number(stored.rotatedAt) > Number(authenticatedAt), 'it is no login');
      await store.delete(session.id, generation);
      assert.equal(await rotate(next, randomBytes(32)), 'gone');
    },
  },
  {
    name: 'finds the one of several sessions that is chosen of those that are live',
    async run(store) {
      const first = newSession({ data: '{"who":"one"}' });
      const second = newSession({ data: '{"who":"two"}' });
      const sessions = [first, second];
      const [{ generation }] = await Promise.all([store.create(first), store.create(second)]);
      const dead = await store.create(newSession({ lifetime: { ttl: 0, absolute: null } }));
      const many = Array.from({ length: 190 }, () => newSession().id);
      const [one, two] = [first.id, second.id];
      const choosing = async (chosen: string | null): Promise<unknown> => {
        let seen: string[] = [];
        const stored = await store.findOneOf([dead.id, one, ...many, two], (live) => {
          seen = live.map(({ id }) => id);
          for (const { id, secretHash, previousSecretHash, rotatedAt, authenticatedAt, readAt } of live) {
            assert.ok(sessions.some((session) => session.id === id && session.secretHash.equals(secretHash)));
            assert.deepEqual([previousSecretHash, rotatedAt, authenticatedAt], [null, null, null]);
            assert.equal(typeof readAt, 'number');
          }
          return chosen;
        });
        assert.deepEqual(seen.toSorted(), [one, two].toSorted());
        return stored && [stored.id, JSON.parse(stored.data)];
      };
      assert.deepEqual(await choosing(two), [two, { who: 'two' }]);
      assert.equal(await choosing(null), null);
      assert.equal(await store.findOneOf(many, () => null), null);
      await store.rotate({ id: one, generation, knownHash: first.secretHash, secretHash: randomBytes(32) });
      await store.findOneOf([one], ([live]) => {
        assert.ok(live?.previousSecretHash && first.secretHash.equals(live.previousSecretHash));
        assert.equal(typeof live.rotatedAt, 'number');
        return null;
      });
    },
  },
  {
    name: 'lists, counts and deletes the sessions of a user',
    async run(store) {
      const mine: string[] = [];
      let generation = 0;
      for (let index = 0; index < 4; index++) {
        const created = await store.create(newSession({ userId: 'me' }));
        mine.push(created.id);
        ({ generation } = created);
      }
      const other = await store.create(newSession({ userId: 'other' }));
      assert.deepEqual(
        (await store.findByUser('me')).map(({ id }) => id),
        mine,
      );
      assert.deepEqual(await collected(store.keepNewest('me', 3)), [mine[0]]);
      assert.deepEqual(
        (await collected(store.deleteByUser('me', mine[3] as string))).toSorted(),
        mine.slice(1, 3).toSorted(),
      );
      assert.equal(await store.count(), 2);
      assert.equal(await store.delete(mine[3] as string, generation + 1), false);
      assert.equal(await store.delete(mine[3] as string, generation), true);
      assert.equal(await store.delete(other.id, null), true);
      assert.equal(await store.delete(other.id, null), false);
    },
  },
  {
    name: 'takes the id of a user for exactly that, also where it is like those of others',
    async run(store) {
      const users = ['me', 'ME', 'm', 'mee', 'm_', 'm%', '%', 'é', 'e\u0301'];
      const idOf = new Map<string, string>();
      for (const userId of users) idOf.set(userId, (await store.create(newSession({ userId }))).id);
      for (const userId of users) {
        const listed = (await store.findByUser(userId)).map(({ id }) => id);
        assert.deepEqual(listed, [idOf.get(userId)]);
      }
      for (const userId of users) {
        assert.deepEqual(await collected(store.deleteByUser(userId, null)), [idOf.get(userId)]);
      }
      assert.equal(await store.count(), 0);
    },
  },
  {
    name: 'keeps the newest logins of a user, whenever the sessions began, and were used last',
    async run(store) {
      const create = async () => {
        const created = await store.create(newSession({ userId: 'me' }));
        await past(store, created.createdAt);
        return created;
      };
      const [first, second, third, fourth] = [await create(), await create(), await create(), await create()];
      assert.ok(await store.login(loginTo(first, { userId: 'me' })));
      await access(store, second.id);
      assert.deepEqual((await collected(store.keepNewest('me', 2))).toSorted(), [second.id, third.id].toSorted());
      const left = (await store.findByUser('me')).map(({ id }) => id);
      assert.deepEqual(left.toSorted(), [first.id, fourth.id].toSorted());
    },
  },
  {
    name: 'deletes a session only if it is of the user that is named',
    async run(store) {
      const create = async (userId: string | null) => (await store.create(newSession({ userId }))).id;
      const { id: mine, generation } = await store.create(newSession({ userId: 'me' }));
      const others = [await create('you'), await create(null), await create('ME'), await create('m')];
      for (const id of others) assert.equal(await store.delete(id, null, 'me'), false);
      assert.equal(await store.count(), 5);
      assert.equal(await store.delete(mine, generation + 1, 'me'), false);
      assert.equal(await store.delete(mine, null, 'me'), true);
      assert.equal(await store.delete(mine, null, 'me'), false);
      assert.equal(await store.delete(others[0] as string, null), true);
      // At once, as if it were not there: together with others, and with one that is.
      const again = await create('me');
      const outcomes = [...others.slice(1), again].map((id) => store.delete(id, null, 'me'));
      assert.deepEqual(await Promise.all(outcomes), [false, false, false, true]);
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
      const removed = await collected(store.deleteExpired());
      assert.deepEqual(removed.toSorted(), dead.map(({ id }) => id).toSorted());
      assert.equal((await collected(store.deleteAll())).length, 1);
      assert.equal(await store.count(), 0);
    },
  },
];
