import { describe, expect, it } from '@jest/globals';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { SessionDataError } from '../../../lib/session.errors.js';
import { MINUTE, HOUR, ABSENT, useStores } from './stores.js';

/** What a list leaves out, as it comes. */
const CONTENT = { data: '{"\\\\": "\\\\x00"}', auth: null };

describe('MikroOrmSessionStore: create() and find()', () => {
  const fixture = useStores();
  const { alter, create, dataOf, expire, lock, databaseNow, expectNear, outcomes } = fixture;

  it('knows what time it is in the database', async () => {
    expect(Math.abs(fixture.store.now() - (await databaseNow()))).toBeLessThan(5_000);
  });

  it('give back what was stored, with the database’s times', async () => {
    const data = { text: 'ä"\\\u2028', list: [1, 2.5, -0.1, 1e21, true, null, {}], ['__proto__']: { deep: 1 } };
    const auth = JSON.stringify({ roles: ['admin'] });
    const created = await create({ userId: 'ada', auth, data, ip: '::1', userAgent: 'Agent' });
    const found = await fixture.store.find(created.id);
    expect(found).toEqual({ ...created, readAt: expect.any(Number) });
    expect(JSON.parse(created.data)).toEqual(data);
    expect(JSON.parse(created.auth as string)).toEqual({ roles: ['admin'] });
    expect(created).toMatchObject({ userId: 'ada', ip: '::1', userAgent: 'Agent', generation: 0, rotatedAt: null });
    const now = await databaseNow();
    for (const at of [created.createdAt, created.lastAccessAt, created.authenticatedAt])
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

  it.each(['hex', 'escape'])(
    'say the same as a list does, to the last bit, where bytes are written as %s',
    async (form) => {
      const { pathname } = new URL(fixture.database.url);
      await fixture.database.query(`alter database ${pathname.slice(1)} set bytea_output = ${form}`);
      const store = await fixture.openStore();
      for (let n = 0; n < 100; n++) {
        const { id } = await create({ userId: form });
        await alter(
          id,
          `previous_secret_hash = sha256(secret_hash), rotated_at = now(), data = '${CONTENT.data}', generation = ${n},
         created_at = now() - random() * interval '1 day', ends_at = now() + random() * interval '20 years'`,
        );
      }
      const listed = await store.findByUser(form);
      const found = await Promise.all(listed.map(({ id }) => store.find(id)));
      expect(found).toEqual(listed.map((one) => ({ ...one, ...CONTENT, readAt: expect.any(Number) })));
      expect(listed).toHaveLength(100);
    },
  );

  it('find nothing that is absent or expired', async () => {
    const { id } = await create();
    await expire(id);
    expect(await outcomes(fixture.store.find(id), fixture.store.find(ABSENT), fixture.store.find(ABSENT))).toEqual([
      null,
      null,
      null,
    ]);
  });

  it('find many at once, each its own', async () => {
    const all = await Promise.all(Array.from({ length: 150 }, (_, n) => create({ data: { n } })));
    const found = await Promise.all(all.map(({ id }) => fixture.store.find(id)));
    expect(found.map((stored) => JSON.parse((stored as StoredSession).data))).toEqual(all.map((_, n) => ({ n })));
  });

  it('wait for no transaction that has locked the row', async () => {
    const { id } = await create();
    const holder = await lock(id);
    expect(await fixture.impatient.find(id)).toMatchObject({ id });
    await holder.release();
  });

  it('refuse data that are too large, by the bytes that the database counts', async () => {
    // {"a": "…"} is nine bytes longer than the text.
    const fits = await create({ data: { a: 'x'.repeat(991) } });
    expect(JSON.stringify(await dataOf(fits.id))).toHaveLength(999);
    for (const text of ['x'.repeat(992), 'ä'.repeat(496), 'x'.repeat(1_001)])
      await expect(create({ data: { a: text } })).rejects.toThrow(SessionDataError);
    expect(await fixture.store.count()).toBe(1);
  });
});
