import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import type { SessionStore } from '../../../lib/session-store.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { EncryptingSessionStore } from '../../../lib/store/encrypting.session-store.js';
import { KeyRing } from '../../../lib/store/encryption.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { changesOf, HOUR, SOON, useStores } from './stores.js';

/** For how long a reading counts that was further ahead than those after it, in milliseconds. */
const TRUSTED = 30_000;

describe('MikroOrmSessionStore: the clock of the database', () => {
  const fixture = useStores();
  const { create } = fixture;
  const HASH = Buffer.alloc(32, 7);

  /** Connections from now on have a clock that can be moved. */
  beforeAll(() =>
    fixture.database.query(`
      create schema moved;
      create table moved.clock as select interval '0' as shift;
      create function moved.clock_timestamp() returns timestamptz language sql volatile as
        'select pg_catalog.clock_timestamp() + shift from moved.clock';
      do $$ begin
        execute format('alter database %I set search_path = moved, pg_catalog, public', current_database());
      end $$`),
  );
  const moveTo = (seconds: number) =>
    fixture.database.query('update moved.clock set shift = make_interval(secs => $1)', [seconds]);

  // As if so much time had gone by, in milliseconds. It never goes back, not between tests either.
  let passed = 0;
  const now = performance.now.bind(performance);
  beforeAll(() => void (performance.now = () => now() + passed));
  afterAll(() => void (performance.now = now));

  it.each<[string, (store: MikroOrmSessionStore, stored: StoredSession) => Promise<unknown>, unknown]>([
    ['ends', (store, { id }) => store.delete(id, null), true],
    ['changes', (store, { id }) => store.commit(id, 0, changesOf({ set: { a: 1 } })), expect.any(Object)],
    [
      'gives another secret to',
      (store, { id, secretHash }) => store.rotate({ id, generation: 0, knownHash: secretHash, secretHash: HASH }),
      'rotated',
    ],
    [
      'logs in to',
      (store, { id }) => {
        const lifetime = { ttl: HOUR, absolute: null };
        const who = { secretHash: HASH, userId: 'ada', auth: null, lifetime };
        return store.login({ id, generation: 0, ...who, flush: false, changes: null });
      },
      expect.any(Object),
    ],
  ])('jumps ahead, and a process that only %s sessions follows it', async (_what, use, expected) => {
    await moveTo(0);
    const store = await fixture.openStore({ queryTimeout: 5_000, ensureSchema: false });
    await moveTo(60);
    expect(await use(store, await create())).toEqual(expected);
  });

  it('jumps back, and a process that only ends sessions follows it', async () => {
    await moveTo(60);
    const store = await fixture.openStore({ queryTimeout: SOON, ensureSchema: false });
    await moveTo(0);
    expect(store.now() - (await fixture.databaseNow())).toBeGreaterThan(50_000);
    passed += TRUSTED;
    expect(await store.delete((await create()).id, null)).toBe(true);
    expect(Math.abs(store.now() - (await fixture.databaseNow()))).toBeLessThan(10_000);
  });

  describe('jumps back, and what is under way is given up in time all the same', () => {
    const add = changesOf({ increment: { n: 1 } });

    it.each<[string, (store: SessionStore, stored: StoredSession) => Promise<unknown>]>([
      ['a commit', (store, { id }) => store.commit(id, 0, changesOf({ set: { a: 1 } }))],
      ['an end', (store, { id }) => store.delete(id, null)],
      ['an update', (store, { id }) => store.update(id, 0, () => changesOf({ set: { a: 1 } }))],
      [
        'a rotation',
        (store, { id, secretHash }) => store.rotate({ id, generation: 0, knownHash: secretHash, secretHash: HASH }),
      ],
      [
        'an encrypted addition',
        (store, { id }) =>
          new EncryptingSessionStore(store, new KeyRing([HASH]), () => {}, { queryTimeout: SOON }).commit(id, 0, add),
      ],
    ])(
      '%s',
      async (_what, use) => {
        await moveTo(60);
        const store = await fixture.openStore({ queryTimeout: SOON, ensureSchema: false });
        await moveTo(0);
        const [stored, other] = [await create(), await create()];
        passed += TRUSTED;
        const holder = await fixture.lock(stored.id);
        try {
          const outcome = use(store, stored).catch((error: unknown) => error);
          await store.find(other.id);
          expect(store.now() - (await fixture.databaseNow())).toBeLessThan(10_000);
          expect(await Promise.race([outcome, pause(10_000)])).toEqual(fixture.unavailable);
        } finally {
          await holder.release();
        }
      },
      20_000,
    );
  });
});
