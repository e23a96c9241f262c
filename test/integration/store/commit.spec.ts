import { describe, expect, it } from '@jest/globals';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { SessionDataError } from '../../../lib/session.errors.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { changesOf, countStatements, MINUTE, HOUR, ABSENT, type Change, useStores } from './stores.js';

describe('MikroOrmSessionStore: commit()', () => {
  const fixture = useStores();
  const {
    openStore,
    create,
    row,
    dataOf,
    commit,
    alter,
    expire,
    lock,
    databaseNow,
    expectNear,
    unavailable,
    outcomes,
  } = fixture;

  it('merges changes into the row as it is', async () => {
    const { id } = await create({ data: { kept: 1, old: 2, gone: 3, n: 4, list: [5] } });
    await alter(id, `data = data || '{"n": 40, "list": [50], "other": 6}'`);
    const change = {
      set: { old: { a: 1 }, new: 'x' },
      unset: ['gone'],
      increment: { n: 2.5 },
      push: { list: [6, []] },
    };
    expect(await commit(id, change)).not.toBeNull();
    expect(await dataOf(id)).toEqual({ kept: 1, old: { a: 1 }, n: 42.5, list: [50, 6, []], other: 6, new: 'x' });
  });

  describe('of a small session waits for none', () => {
    const much = { value: 'x'.repeat(20_000) };
    const setting = (store: MikroOrmSessionStore, { id, generation }: StoredSession, change: Record<string, unknown>) =>
      store.commit(id, generation, changesOf({ set: change }));

    it.each<[string, Record<string, unknown>, (store: MikroOrmSessionStore, large: StoredSession) => Promise<unknown>]>(
      [
        ['of much data, which PostgreSQL takes long to parse', much, async () => {}],
        [
          'to a session that was created with much data, which PostgreSQL takes long to unpack',
          { one: 1 },
          async (store, { id }) => {
            await store.delete(id, null);
            await store.create({
              ...(await create()),
              id,
              data: JSON.stringify(much),
              lifetime: { ttl: HOUR, absolute: null },
            });
          },
        ],
        [
          'to a session that was found with much data',
          { one: 1 },
          async (store, { id }) => {
            await alter(id, `data = '${JSON.stringify(much)}'`);
            await store.find(id);
          },
        ],
        ['to a session that got much data', { one: 1 }, async (store, large) => setting(store, large, much)],
        [
          'to a session that got much data in pieces',
          { one: 1 },
          async (store, large) => {
            for (let piece = 0; piece < 20; piece++) await setting(store, large, { [piece]: 'x'.repeat(500) });
          },
        ],
      ],
    )('%s', async (_, change, prepare) => {
      const store = await openStore({ maxDataBytes: 100_000 });
      const [large, small] = [await create(), await create()];
      await prepare(store, large);
      const finished: string[] = [];
      const { database } = fixture;
      await fixture.withTrigger(
        'before update',
        `if length(new.data::text) > 8192 then perform pg_sleep(2); end if; return new;`,
        async () => {
          const waiting = setting(store, large, change).then(() => finished.push('large'));
          while ((await database.query(`select from pg_stat_activity where wait_event = 'PgSleep'`)).length === 0);
          await setting(store, small, { value: 'x' }).then(() => finished.push('small'));
          await waiting;
        },
      );
      expect(finished).toEqual(['small', 'large']);
    });

    it('but goes with those to one that gets the same data again and again', async () => {
      const store = await openStore({ maxDataBytes: 100_000 });
      const [one, small] = [await create(), await create()];
      for (let time = 0; time < 10; time++) await setting(store, one, { value: 'x'.repeat(2_000) });
      const commits = countStatements('saved as');
      await Promise.all([setting(store, one, { a: 1 }), setting(store, small, { a: 1 })]);
      expect(commits.count).toBe(1);
    });

    it('to one that had much data when it was found before, but not the last time', async () => {
      const store = await openStore({ maxDataBytes: 100_000 });
      const [once, small] = [await create({ data: {} }), await create()];
      await setting(store, once, much);
      await alter(once.id, `data = '{}'`);
      await store.find(once.id);
      const commits = countStatements('saved as');
      await Promise.all([setting(store, once, { a: 1 }), setting(store, small, { a: 1 })]);
      expect(commits.count).toBe(1);
    });
  });

  it.each(['__proto__', 'a.b', '', '"', '$flash:1', '0'])('treats the key %j like any other', async (key) => {
    const { id } = await create();
    const only = (value: unknown): Record<string, any> =>
      JSON.parse(`{${JSON.stringify(key)}: ${JSON.stringify(value)}}`);
    await commit(id, { increment: only(2) });
    await commit(id, { increment: only(3) });
    expect(await dataOf(id)).toEqual(only(5));
    await commit(id, { unset: [key] });
    await commit(id, { push: only(['x']) });
    await commit(id, { push: only(['y']) });
    expect(await dataOf(id)).toEqual(only(['x', 'y']));
    await commit(id, { set: only({ a: null }) });
    expect(await dataOf(id)).toEqual(only({ a: null }));
  });

  it('counts what is absent, or null, as zero and as an empty array', async () => {
    const { id } = await create({ data: { n: null, list: null } });
    await commit(id, { increment: { n: 1, m: -2 }, push: { list: [1], items: [2] } });
    expect(await dataOf(id)).toEqual({ n: 1, m: -2, list: [1], items: [2] });
  });

  it('adds as JavaScript does', async () => {
    const { id } = await create({ data: { n: 0.1, big: 2 ** 53, small: 5e-324 } });
    await commit(id, { increment: { n: 0.2, big: 1, small: 5e-324 } });
    expect(await dataOf(id)).toEqual({ n: 0.1 + 0.2, big: 2 ** 53 + 1, small: 1e-323 });
  });

  it('adds what rounding swallows to the number that is there by then', async () => {
    const { id } = await create({ data: { n: 1e16 } });
    await commit(id, { increment: { n: 1 } });
    expect(await dataOf(id)).toEqual({ n: 1e16 });
    await Promise.all([1, 2, 3].map(() => commit(id, { increment: { n: 2 } })));
    expect(await dataOf(id)).toEqual({ n: 1e16 + 6 });
    await commit(id, { set: { n: 5 } });
    await commit(id, { increment: { n: 1 } });
    expect(await dataOf(id)).toEqual({ n: 6 });
  });

  it.each(['[1]', '"text"', '5', 'null', 'true'])('takes stored data that are %s for empty', async (data) => {
    const { id } = await create();
    await fixture.database.query('update sessions set data = $2 where id = $1', [id, data]);
    await commit(id, { set: { a: 1 }, unset: ['b'], increment: { n: 1 }, push: { list: [1] } });
    expect(await dataOf(id)).toEqual({ a: 1, n: 1, list: [1] });
  });

  it.each<[string, unknown, Change]>([
    ['add to a text', 'text', { increment: { x: 1 } }],
    ['add to a numeral', '1', { increment: { x: 1 } }],
    ['add to true', true, { increment: { x: 1 } }],
    ['add to an array', [1], { increment: { x: 1 } }],
    ['add to an object', {}, { increment: { x: 1 } }],
    ['add beyond what a number holds', 1.7e308, { increment: { x: 1.7e308 } }],
    ['append to a text', 'text', { push: { x: [1] } }],
    ['append to a number', 1, { push: { x: [1] } }],
    ['append to false', false, { push: { x: [1] } }],
    ['append to an object', { a: 1 }, { push: { x: [1] } }],
  ])('does not %s: it says so, and writes nothing', async (_what, value, change) => {
    const { id } = await create({ data: { x: value } });
    await expect(commit(id, { ...change, set: { y: 1 } })).rejects.toThrow(SessionDataError);
    expect(await dataOf(id)).toEqual({ x: value });
  });

  it('refuses what would make the row too large, and lets it shrink', async () => {
    const { id } = await create({ data: { a: 'x'.repeat(900) } });
    await expect(commit(id, { set: { b: 'x'.repeat(200) } })).rejects.toThrow(SessionDataError);
    await expect(commit(id, { set: { b: 'x'.repeat(1_001) } })).rejects.toThrow(SessionDataError);
    await expect(commit(id, { push: { b: ['x'.repeat(200)] } })).rejects.toThrow(SessionDataError);
    await commit(id, { set: { b: 'x'.repeat(200) }, unset: ['a'] });
    expect(await dataOf(id)).toEqual({ b: 'x'.repeat(200) });
  });

  it('is an access only where it says so', async () => {
    const { id } = await create();
    await alter(id, `last_access_at = now() - interval '20 min', expires_at = now() + interval '10 min'`);
    const before = await row(id);
    const times = await commit(id, { set: { a: 1 } });
    const quiet = await row(id);
    expectNear(quiet['updated_at'], await databaseNow());
    expectNear(times?.lastAccessAt ?? null, (before['last_access_at'] as Date).getTime());
    for (const column of ['last_access_at', 'expires_at']) expect(quiet[column]).toEqual(before[column]);
    const renewed = await commit(id, { set: { a: 2 }, renew: true });
    expect(renewed?.expiresAt).toBe((renewed?.lastAccessAt as number) + 30 * MINUTE);
    expect(Math.floor(renewed?.endsAt as number)).toBe(before['ends_at'].getTime());
    expectNear((await row(id))['expires_at'], (await databaseNow()) + 30 * MINUTE);
  });

  it('never moves an expiry back, nor beyond the end', async () => {
    const { id } = await create();
    await alter(id, `expires_at = now() + interval '2 h'`);
    const later = await commit(id, { set: { a: 1 }, renew: true });
    expectNear(later?.expiresAt ?? null, (await databaseNow()) + 2 * HOUR);
    await alter(id, `expires_at = now() + interval '5 min', ends_at = now() + interval '5 min'`);
    const ending = await commit(id, { set: { a: 2 }, renew: true });
    expect(ending?.expiresAt).toBe(ending?.endsAt);
  });

  it.each<[string, number, number | null | undefined, number | null]>([
    ['moves the end only where the ttl needs it', HOUR, undefined, 12 * HOUR],
    ['moves the end as far as the ttl', 48 * HOUR, undefined, 48 * HOUR],
    ['sets the end from the start', HOUR, 2 * HOUR, 2 * HOUR],
    ['takes the end away', HOUR, null, null],
  ])('gives a session another lifetime: %s', async (_what, ttl, absolute, end) => {
    const { id, createdAt } = await create();
    const times = await commit(id, { lifetime: { ttl, absolute } });
    expect(times).toMatchObject({ ttl, endsAt: end === null ? null : createdAt + end });
    expectNear(times?.expiresAt ?? null, createdAt + ttl);
    expect(await dataOf(id)).toEqual({});
  });

  it('gives no end to a session that has none, however long its ttl', async () => {
    const { id } = await create({ lifetime: { ttl: MINUTE, absolute: null } });
    expect(await commit(id, { lifetime: { ttl: 48 * HOUR, absolute: undefined } })).toMatchObject({ endsAt: null });
  });

  it('ends a session that is given no time to live', async () => {
    const { id } = await create();
    expect(await commit(id, { lifetime: { ttl: 0, absolute: undefined } })).not.toBeNull();
    expect(await fixture.store.find(id)).toBeNull();
  });

  it('writes to no session that is absent, expired, or was logged in to', async () => {
    const [expired, newer] = [await create(), await create()];
    await expire(expired.id);
    await alter(newer.id, 'generation = 1');
    expect(
      await outcomes(
        commit(ABSENT, { set: { a: 1 } }),
        commit(expired.id, { set: { a: 1 } }),
        commit(newer.id, { set: { a: 1 } }),
      ),
    ).toEqual([null, null, null]);
    expect([await dataOf(expired.id), await dataOf(newer.id)]).toEqual([{}, {}]);
    await commit(newer.id, { set: { a: 1 } }, 1);
    expect(await dataOf(newer.id)).toEqual({ a: 1 });
  });

  it('waits for a row that is locked, and merges into what it is then', async () => {
    const { id } = await create({ data: { n: 1 } });
    const holder = await fixture.database.hold(`update sessions set data = '{"n": 10, "held": true}' where id = $1`, [
      id,
    ]);
    const committing = commit(id, { increment: { n: 1 } });
    await commit((await create()).id, { set: { meanwhile: 1 } });
    await holder.release();
    expect(await committing).not.toBeNull();
    expect(await dataOf(id)).toEqual({ n: 11, held: true });
  });

  it('answers what it has written, and what is gone, by the one statement that finds another row held', async () => {
    const [held, free, gone] = [await create(), await create(), await create()];
    await fixture.store.delete(gone.id, null);
    const holder = await lock(held.id);
    const statements = countStatements('');
    const [waiting, ...answered] = [held, free, gone].map(({ id }) => commit(id, { increment: { n: 1 } }));
    expect(await outcomes(...answered)).toEqual([expect.objectContaining({ ttl: 30 * MINUTE }), null]);
    expect(statements.count).toBe(1);
    await holder.release();
    expect(await waiting).toMatchObject({ ttl: 30 * MINUTE });
    expect([await dataOf(free.id), await dataOf(held.id)]).toEqual([{ n: 1 }, { n: 1 }]);
  });

  it('finds the session gone when it was deleted, or logged in to, under the lock', async () => {
    const [one, two] = [await create(), await create()];
    const deleting = await fixture.database.hold('delete from sessions where id = $1', [one.id]);
    const raising = await fixture.database.hold('update sessions set generation = 1 where id = $1', [two.id]);
    const committing = outcomes(commit(one.id, { set: { a: 1 } }), commit(two.id, { set: { a: 1 } }));
    await commit((await create()).id, { set: { meanwhile: 1 } });
    await deleting.release();
    await raising.release();
    expect(await committing).toEqual([null, null]);
    expect(await dataOf(two.id)).toEqual({});
  });

  it('fails only what cannot be done, when many are committed together', async () => {
    const all = await Promise.all(Array.from({ length: 40 }, () => create({ data: { n: 1, text: 'x' } })));
    const [locked, large, refused, gone] = all as [StoredSession, StoredSession, StoredSession, StoredSession];
    await alter(large.id, `data = data || jsonb_build_object('much', repeat('x', 900))`);
    await fixture.store.delete(gone.id, null);
    const holder = await lock(locked.id);
    const patient = await openStore({ queryTimeout: 3_000 });
    // The first goes alone; all others come while it is under way, and go together.
    const first = patient.commit((await create()).id, 0, changesOf({ set: { first: 1 } }));
    const results = await outcomes(
      ...all.map(({ id }) => {
        const change: Change = { increment: { n: 1 }, push: { list: [id] } };
        if (id === large.id) change.set = { more: 'x'.repeat(200) };
        if (id === refused.id) change.increment = { text: 1 };
        return patient.commit(id, 0, changesOf(change));
      }),
      // A second change of each, which is folded in.
      ...all.map(({ id }) => patient.commit(id, 0, changesOf({ increment: { n: 1 } }))),
    );
    await first;
    await holder.release();
    const saved = expect.objectContaining({ ttl: 30 * MINUTE });
    const dataError = expect.any(SessionDataError);
    expect(results.slice(0, 4)).toEqual([unavailable, dataError, dataError, null]);
    expect(results.slice(40, 44)).toEqual([unavailable, saved, saved, null]);
    expect([...results.slice(4, 40), ...results.slice(44)]).toEqual(Array(72).fill(saved));
    expect(await dataOf(locked.id)).toEqual({ n: 1, text: 'x' });
    expect(await dataOf(large.id)).toEqual({ n: 2, text: 'x', much: 'x'.repeat(900) });
    expect(await dataOf(refused.id)).toEqual({ n: 2, text: 'x' });
    for (const { id } of all.slice(4)) expect(await dataOf(id)).toEqual({ n: 3, text: 'x', list: [id] });
  });

  it('loses nothing of what is committed to one session at once', async () => {
    const { id } = await create();
    const stores = [await openStore({ maxDataBytes: 10_000 }), await openStore({ maxDataBytes: 10_000 })];
    await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        (stores[n % 2] as MikroOrmSessionStore).commit(
          id,
          0,
          changesOf({ set: { [`k${n}`]: n }, increment: { n: 1 }, push: { list: [n] } }),
        ),
      ),
    );
    const { list, ...rest } = (await dataOf(id)) as { list: number[] };
    const keys = Array.from({ length: 100 }, (_, n) => n);
    expect(rest).toEqual({ n: 100, ...Object.fromEntries(keys.map((n) => [`k${n}`, n])) });
    expect(list.filter((n) => n % 2 === 0)).toEqual(keys.filter((n) => n % 2 === 0));
    expect(list.toSorted((a, b) => a - b)).toEqual(keys);
  });
});
