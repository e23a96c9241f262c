import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { changesOf, HOUR, SOON, useStores } from './stores.js';

describe('MikroOrmSessionStore: the clock of the database', () => {
  const fixture = useStores();
  const { create, outcomes } = fixture;
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

  /** As if so much time had gone by, in milliseconds, until the test ends. */
  function passTime(passed: number): void {
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + passed);
  }

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
    const store = await fixture.openStore({ queryTimeout: SOON, ensureSchema: false });
    await moveTo(10);
    const stored = await create();
    // The first time it may learn of it.
    await outcomes(use(store, stored));
    const another = await create();
    expect(await use(store, another)).toEqual(expected);
  });

  it('jumps back, and a process that only ends sessions follows it', async () => {
    await moveTo(60);
    const store = await fixture.openStore({ queryTimeout: SOON, ensureSchema: false });
    await moveTo(0);
    expect(store.now() - (await fixture.databaseNow())).toBeGreaterThan(50_000);
    // For how long a reading that was further ahead counts.
    passTime(30_000);
    expect(await store.delete((await create()).id, null)).toBe(true);
    expect(Math.abs(store.now() - (await fixture.databaseNow()))).toBeLessThan(10_000);
  });
});
