import { describe, expect, it } from '@jest/globals';
import type { NewSession } from '../../../lib/session-store.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { collected } from '../../../lib/testing/contract/support.js';
import { changesOf, HOUR, ABSENT, useStores } from './stores.js';

describe('MikroOrmSessionStore: what the database gets to do only after the time is up', () => {
  const fixture = useStores();
  const { create, untilIdle, unavailable, outcomes } = fixture;

  it.each<[string, (stored: StoredSession) => Promise<unknown>]>([
    ['create', () => fixture.impatient.create({ ...NEW, id: ABSENT })],
    ['commit', ({ id }) => fixture.impatient.commit(id, 0, changesOf({ set: { a: 1 } }))],
    ['update', ({ id }) => fixture.impatient.update(id, 0, () => changesOf({ set: { a: 1 } }))],
    [
      'renew',
      async ({ id }) => {
        const { failures } = fixture.reportsOf(fixture.impatient);
        const before = failures.length;
        await fixture.renew([id], -HOUR, fixture.impatient);
        // Once: the same access, of a test before this one, is none.
        throw failures.at(before);
      },
    ],
    [
      'login',
      ({ id }) => fixture.impatient.login({ ...NEW, id, generation: 0, userId: 'ada', flush: true, changes: null }),
    ],
    [
      'rotate',
      ({ id, secretHash }) => fixture.impatient.rotate({ id, generation: 0, knownHash: secretHash, secretHash: HASH }),
    ],
    ['delete', ({ id }) => fixture.impatient.delete(id, null)],
    ['deleteByUser', () => collected(fixture.impatient.deleteByUser('eve', null))],
    ['keepNewest', () => collected(fixture.impatient.keepNewest('eve', 0))],
    ['deleteAll', () => collected(fixture.impatient.deleteAll())],
  ])('is not done at all: %s', async (_what, operation) => {
    const stored = await create({ userId: 'eve' });
    const before = await fixture.database.query('select * from sessions');
    const holder = await fixture.database.hold('lock table sessions in exclusive mode');
    expect(await outcomes(operation(stored))).toEqual([unavailable]);
    // A timer may be early, and two clocks do not run alike: by some milliseconds.
    await fixture.database.query('select pg_sleep(0.05)');
    await holder.release();
    await untilIdle();
    expect(await fixture.database.query('select * from sessions')).toEqual(before);
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
