import { describe, expect, it, jest } from '@jest/globals';
import { issueCredential } from '../../../lib/session/token.js';
import type { Login } from '../../../lib/session-store.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { SessionDataError, SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { SessionQueries } from '../../../lib/store/postgres/session-queries.js';
import { changesOf, countStatements, HOUR, ABSENT, MINUTE, useStores } from './stores.js';

describe('MikroOrmSessionStore: login()', () => {
  const fixture = useStores();
  const { create, row, commit, alter, expire, lock, databaseNow, expectNear, unavailable, outcomes, openStore } =
    fixture;
  const range = (count: number) => Array.from({ length: count }, (_, n) => n);

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

  it('says that it was too late, and not that the session is gone, where its time is up once the row is locked', async () => {
    const stored = await create({ data: { n: 1 } });
    jest.spyOn(SessionQueries.prototype, 'login').mockResolvedValue(['locked']);
    const login = fixture.store.login(loginTo(stored), () => changesOf({ set: { n: 2 } }).data);
    await expect(login).rejects.toThrow(SessionStoreUnavailableError);
    expect(await fixture.store.find(stored.id)).toMatchObject({ generation: 0, data: '{"n": 1}' });
  });

  it('signs in together those who come at once, each with what is theirs', async () => {
    const sessions = await Promise.all(range(50).map((n) => create({ data: { n, list: [n] } })));
    const counted = countStatements('changed as');
    const logins = sessions.map((session, n) =>
      loginTo(session, {
        userId: n % 5 ? `u"${n}` : null,
        auth: n % 2 ? JSON.stringify([`r"${n}`]) : null,
        lifetime: { ttl: (n + 1) * MINUTE, absolute: n % 3 ? (n + 1) * HOUR : null },
        persistent: n % 4 ? n % 4 === 1 : null,
        flush: n % 7 === 0,
        changes:
          n % 2
            ? changesOf({ set: { text: `{"${n}\\` }, push: { list: ['é'] }, increment: { n: 1 }, unset: ['no'] }).data
            : null,
        ...(n % 6 === 0 && { previousSecretHash: issueCredential(session.id).secretHash }),
      }),
    );
    const all = await Promise.all(logins.map((login) => fixture.store.login(login)));
    expect(counted.count).toBe(1);
    for (const [n, after] of all.entries()) {
      const { id, secretHash, userId, auth, lifetime, persistent, flush, previousSecretHash } = logins[n] as Login;
      const before = sessions[n] as StoredSession;
      const held = previousSecretHash ?? before.secretHash;
      expect(after).toMatchObject({ id, secretHash, userId, auth, persistent, ttl: lifetime.ttl, generation: 1 });
      expect(after?.previousSecretHash).toEqual(held);
      expect(after).toEqual({ ...(await fixture.store.find(id)), readAt: expect.any(Number) });
      const { authenticatedAt, endsAt, expiresAt, data } = after as StoredSession;
      expect(endsAt).toBe(lifetime.absolute === null ? null : (authenticatedAt as number) + lifetime.absolute);
      expect(expiresAt).toBe((authenticatedAt as number) + lifetime.ttl);
      const changed = { n: n + 1, list: [n, 'é'], text: `{"${n}\\` };
      expect(JSON.parse(data)).toEqual(flush ? {} : n % 2 ? changed : { n, list: [n] });
    }
  });

  it('signs in with the next statement those who come while one is under way', async () => {
    const sessions = await Promise.all(range(71).map(() => create()));
    const counted = countStatements('changed as');
    const [first, ...others] = sessions.map((session) => loginTo(session));
    const signedIn = fixture.store.login(first as Login);
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([signedIn, ...others.map((login) => fixture.store.login(login))]);
    // 64 sessions a statement.
    expect(counted.count).toBe(3);
  });

  it('fails only what cannot be done, when many come at once', async () => {
    const sessions = await Promise.all(range(20).map((n) => create({ data: { n, text: 'x' } })));
    const changes: Record<number, Parameters<typeof changesOf>[0]> = {
      3: { set: { more: 'x'.repeat(2_000) } },
      7: { increment: { text: 1 } },
      11: { push: { n: [1] } },
      13: { set: { nul: '\0' } },
    };
    await expire((sessions[5] as StoredSession).id);
    const holder = await lock((sessions[9] as StoredSession).id);
    const logins = sessions.map((session, n) =>
      loginTo(session, { changes: n in changes ? changesOf(changes[n] as object).data : null }),
    );
    const results = outcomes(...logins.map((login) => fixture.store.login(login)));
    await outcomes(fixture.store.login(logins[0] as Login));
    await holder.release();
    const [refused, signedIn] = [expect.any(SessionDataError), expect.objectContaining({ generation: 1 })];
    expect(await results).toEqual(range(20).map((n) => (n in changes ? refused : n === 5 ? null : signedIn)));
    for (const n of [3, 7, 11, 13])
      expect(await row((sessions[n] as StoredSession).id)).toMatchObject({ generation: 0 });
  });

  it.each<[string, Record<string, unknown>, string | null]>([
    ['much data', { value: 'x'.repeat(20_000) }, null],
    ['a big snapshot', {}, JSON.stringify(['x'.repeat(20_000)])],
  ])('keeps nobody waiting for one of %s', async (_what, data, auth) => {
    const store = await openStore({ maxDataBytes: 100_000 });
    const [large, small] = [await create(), await create()];
    await store.commit(large.id, 0, changesOf({ set: data }));
    const { database } = fixture;
    const finished: string[] = [];
    await fixture.withTrigger(
      'before update',
      `if length(new.data::text) + length(coalesce(new.auth::text, '')) > 8192 then perform pg_sleep(2); end if; return new;`,
      async () => {
        const waiting = store.login(loginTo(large, { auth })).then(() => finished.push('large'));
        while ((await database.query(`select from pg_stat_activity where wait_event = 'PgSleep'`)).length === 0);
        await store.login(loginTo(small)).then(() => finished.push('small'));
        await waiting;
      },
    );
    expect(finished).toEqual(['small', 'large']);
  });
});
