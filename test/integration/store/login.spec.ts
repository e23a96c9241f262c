import { describe, expect, it } from '@jest/globals';
import { issueCredential } from '../../../lib/session/token.js';
import type { Login } from '../../../lib/session-store.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { SessionDataError } from '../../../lib/session.errors.js';
import { changesOf, HOUR, ABSENT, useStores } from './stores.js';

describe('MikroOrmSessionStore: login()', () => {
  const fixture = useStores();
  const { create, row, commit, alter, expire, lock, databaseNow, expectNear, unavailable, outcomes } = fixture;

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
    const after = (await fixture.store.login(login)) as StoredSession;
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
    expect(after).toMatchObject({ ...(await fixture.store.find(before.id)), readAt: expect.any(Number) });
    expect(await commit(before.id, { set: { late: 1 } })).toBeNull();
    expect(await commit(before.id, { set: { b: 1 } }, 1)).not.toBeNull();
  });

  it('drops the data of another user', async () => {
    const before = await create({ userId: 'eve', data: { cart: [1] } });
    const lifetime = { ttl: HOUR, absolute: null };
    expect(await fixture.store.login(loginTo(before, { flush: true, lifetime }))).toMatchObject({
      data: '{}',
      endsAt: null,
    });
  });

  it('finds no session that is absent, expired, or was logged in to', async () => {
    const [expired, newer] = [await create(), await create()];
    await expire(expired.id);
    await alter(newer.id, 'generation = 1');
    const all = [{ ...newer, id: ABSENT }, expired, newer];
    expect(await outcomes(...all.map((one) => fixture.store.login(loginTo(one))))).toEqual([null, null, null]);
    expect(await row(newer.id)).toMatchObject({ user_id: null, generation: 1, secret_hash: newer.secretHash });
  });

  it('lets one of those in who come at once', async () => {
    const before = await create();
    const answers = await outcomes(...Array.from({ length: 5 }, () => fixture.store.login(loginTo(before))));
    expect(answers.filter((answer) => answer !== null)).toEqual([expect.objectContaining({ generation: 1 })]);
  });

  it('changes nothing when the data would be too large, or are refused', async () => {
    const stored = await create({ data: { text: 'x'.repeat(900) } });
    const before = await row(stored.id);
    for (const change of [{ set: { more: 'x'.repeat(200) } }, { increment: { text: 1 } }]) {
      const login = loginTo(stored, { changes: changesOf(change).data });
      await expect(fixture.store.login(login)).rejects.toThrow(SessionDataError);
    }
    expect(await row(stored.id)).toEqual(before);
  });

  it('waits for a locked row, until its time is up', async () => {
    const stored = await create();
    const holder = await lock(stored.id);
    expect(await outcomes(fixture.impatient.login(loginTo(stored)))).toEqual([unavailable]);
    const login = fixture.store.login(loginTo(stored));
    await holder.release();
    expect(await login).toMatchObject({ generation: 1 });
  });
});
