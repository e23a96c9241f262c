import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { passportSession, SessionStoreUnavailableError } from 'nestjs-mikro-session';
import { useMovedApp } from '../../support/old-app.js';
import { inHandler, tryVisit } from '../../support/probe.js';
import { statements } from '../../support/statements.js';

describe('sessions of express-session whose visitors have not come yet', () => {
  const fixture = useMovedApp();
  const userOf = async (browser: Parameters<typeof fixture.moved>[0]) =>
    inHandler(fixture.moved(browser), (session) => session.userId);

  it('end with all others of their user, and those of other users stay', async () => {
    const { old, app, database } = fixture;
    // More than one statement looks at, the last of them that user's.
    await database.query(
      `insert into session (sid, sess, expire)
       select ' ' || lpad(n::text, 4, '0'), json_build_object('passport', json_build_object('user', 'many')), now() + interval '1 hour'
       from generate_series(1, 700) n`,
    );
    const [one, two, other] = [await old.signedIn('bea'), await old.signedIn('bea'), await old.signedIn('bob')];
    expect(await userOf(two)).toBe('bea');
    expect(await app.sessions.revokeAllForUser('bea')).toBe(2);
    expect([await userOf(one), await userOf(two), await userOf(other)]).toEqual([null, null, 'bob']);
    expect(await app.sessions.revokeAllForUser('many')).toBe(700);
  });

  it('end where all sessions are ended, as those do that were taken over', async () => {
    const { old, app, database } = fixture;
    const [come, not] = [await old.signedIn('cleo'), await old.signedIn('cleo')];
    expect(await userOf(come)).toBe('cleo');
    await app.sessions.revokeAll();
    expect([await userOf(come), await userOf(not)]).toEqual([null, null]);
    expect(await database.query('select from session')).toEqual([]);
  });

  it('do not hold up the end of those that were taken over, which ends at once, though the old table is out of reach', async () => {
    const { old, app, database } = fixture;
    const [come, not] = [await old.signedIn('eve'), await old.signedIn('eve')];
    expect(await userOf(come)).toBe('eve');
    const lock = await database.hold('lock table session in access exclusive mode');
    try {
      await expect(app.sessions.revokeAllForUser('eve')).rejects.toThrow(SessionStoreUnavailableError);
      expect(await app.sessions.listForUser('eve')).toEqual([]);
    } finally {
      await lock.release();
    }
    expect(await app.sessions.revokeAllForUser('eve')).toBe(1);
    expect(await userOf(not)).toBeNull();
  });

  it('are looked at once for all that are called for meanwhile, each of which says how many were theirs', async () => {
    const { old, app } = fixture;
    const users = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    await Promise.all([...users, ...users].map((user) => old.signedIn(user)));
    let counts: number[] = [];
    const passes = await statements(
      app,
      async () => {
        const [first, ...others] = users as [string, ...string[]];
        const ending = [app.sessions.revokeAllForUser(first)];
        await new Promise(setImmediate);
        ending.push(...[...others, 'nobody'].map((user) => app.sessions.revokeAllForUser(user)));
        counts = await Promise.all(ending);
      },
      'order by o.sid limit',
    );
    expect(counts).toEqual([...users.map(() => 2), 0]);
    // One for the first, and one for all others, each with its last page, on which there is nothing.
    expect(passes).toBe(4);
  });

  it('are all looked at, where many rows in between are no sessions', async () => {
    const { old, app, database } = fixture;
    await database.query(
      `insert into session (sid, sess, expire) select ' ' || n, '[]', now() + interval '1 hour' from generate_series(1, 600) n`,
    );
    const [one, two] = [await old.signedIn('dan'), await old.signedIn('dan')];
    expect(await app.sessions.revokeAllForUser('dan')).toBe(2);
    const three = await old.signedIn('dan');
    for await (const _ of app.sessions.adoptAll());
    expect(await app.sessions.listForUser('dan')).toHaveLength(1);
    expect([await userOf(one), await userOf(two), await userOf(three)]).toEqual([null, null, 'dan']);
  });
});

describe('sessions of express-session whose users a look-up of the application gives', () => {
  let reason: unknown;
  let failsAtOnce = false;
  let isHung = false;
  let takes: ((user: unknown) => number) | null = null;
  let failing = (_user: unknown, _asked: number): boolean => false;
  let underWay = 0;
  let most = 0;
  const asked = new Map<unknown, number>();
  const fixture = useMovedApp({
    options: { queryTimeout: 500 },
    adopt: {
      toSession: async (old) => {
        const user = old.passport?.user;
        asked.set(user, (asked.get(user) ?? 0) + 1);
        most = Math.max(most, ++underWay);
        if (isHung) await new Promise(() => {});
        if (takes !== null) await (takes(user) > 0 && pause(takes(user)));
        else if (!failsAtOnce) await new Promise(setImmediate);
        underWay -= 1;
        if (failing(user, asked.get(user) ?? 0)) throw reason;
        return passportSession(old);
      },
    },
  });
  const userOf = async (browser: Parameters<typeof fixture.moved>[0]) =>
    inHandler(fixture.moved(browser), (session) => session.userId);

  beforeEach(async () => {
    failing = () => false;
    reason = new Error('the look-up of users is out of order');
    failsAtOnce = false;
    isHung = false;
    takes = null;
    underWay = 0;
    asked.clear();
    await fixture.database.query('delete from session');
  });

  it.each([
    ['an error', new Error('the look-up of users is out of order')],
    ['nothing', undefined],
  ])(
    'are not passed over while the look-up fails with %s: the call rejects, and ends them when it is called again',
    async (_, thrown) => {
      const { old, app } = fixture;
      reason = thrown;
      const [one, other] = [await old.signedIn('ada'), await old.signedIn('bob')];
      failing = () => true;
      await expect(app.sessions.revokeAllForUser('ada')).rejects.toThrow(SessionStoreUnavailableError);
      await expect(app.sessions.revokeAllForUser('ada')).rejects.toThrow('toSession() failed');
      failing = () => false;
      expect(await app.sessions.revokeAllForUser('ada')).toBe(1);
      expect([await userOf(one), await userOf(other)]).toEqual([null, 'bob']);
    },
  );

  it('are not passed over where the look-up has begun to fail within the call, which ends those that it could tell', async () => {
    const { old, app, database } = fixture;
    for (let count = 0; count < 60; count++) await old.signedIn('ada');
    failing = (_, count) => count > 40;
    await expect(app.sessions.revokeAllForUser('ada')).rejects.toMatchObject({
      cause: expect.objectContaining({ message: 'the look-up of users is out of order' }),
    });
    expect(await database.query('select from session')).toHaveLength(20);
    failing = () => false;
    expect(await app.sessions.revokeAllForUser('ada')).toBe(20);
  });

  it('are waited for no longer than for the store: neither a call nor a request hangs where the look-up does, and none after it', async () => {
    const { old, app } = fixture;
    const [one, other] = [await old.signedIn('ada'), await old.signedIn('bob')];
    isHung = true;
    for (let count = 0; count < 100; count++) await old.signedIn('ada');
    const begin = performance.now();
    const calls = [app.sessions.revokeAllForUser('ada'), app.sessions.revokeAllForUser('bob')];
    await Promise.all(calls.map((call) => expect(call).rejects.toThrow('it was asked no further')));
    // Two passes, each of which waits for twenty at once, once more for the first of them, and for twenty and twenty.
    expect(performance.now() - begin).toBeLessThan(2 * 4 * 500 + 1_500);
    expect((await tryVisit(fixture.moved(one), () => {})).status).toBe(503);
    isHung = false;
    expect(await app.sessions.revokeAllForUser('ada')).toBe(101);
    expect([await userOf(one), await userOf(other)]).toEqual([null, 'bob']);
  });

  it('are all ended at once while the look-up hangs, which is not asked', async () => {
    const { old, app, database } = fixture;
    await old.signedIn('ada');
    isHung = true;
    const waiting = app.sessions.revokeAllForUser('bob').then(
      () => 'ended',
      () => 'rejected',
    );
    while (underWay === 0) await new Promise(setImmediate);
    expect(await Promise.race([waiting, app.sessions.revokeAll().then(() => 'all are ended')])).toBe('all are ended');
    expect(await database.query('select from session')).toEqual([]);
    expect(await waiting).toBe('rejected');
  });

  it('all end but for those for which it fails, however many these are', async () => {
    const { old, app, database } = fixture;
    for (let count = 0; count < 60; count++) await old.signedIn('deleted');
    const ada = await old.signedIn('ada');
    failing = (user) => user === 'deleted';
    await expect(app.sessions.revokeAllForUser('ada')).rejects.toThrow('whose 60 of the old sessions are');
    expect(await database.query('select from session')).toHaveLength(60);
    expect(await userOf(ada)).toBeNull();
  });

  it.each([
    ['at once', 0],
    ['as late as it answers for others', 20],
  ])('all end where it fails %s for one in twenty, however long it takes to look all of them up', async (_, late) => {
    const { old, app, database } = fixture;
    const ada = await old.signedIn('ada');
    await database.query(
      `insert into session (sid, sess, expire)
         select ' ' || n, json_build_object('passport', json_build_object('user', case n % 20 when 7 then 'deleted' else 'other' end)),
                now() + interval '1 hour'
         from generate_series(1, 2400) n`,
    );
    // For 120 times twenty, that is longer than it is waited for where the look-up fails: four times 500 ms.
    takes = (user) => (user === 'deleted' ? late : 20);
    failing = (user) => user === 'deleted';
    await expect(app.sessions.revokeAllForUser('ada')).rejects.toThrow('whose 120 of the old sessions are');
    takes = null;
    expect(await userOf(ada)).toBeNull();
  });

  it('end where the look-up fails for one of them once', async () => {
    const { old, app } = fixture;
    await old.signedIn('ada');
    failing = (_, count) => count === 1;
    expect(await app.sessions.revokeAllForUser('ada')).toBe(1);
  });

  it.each([
    ['when it has waited', false],
    ['at once, as an open circuit breaker does', true],
  ])(
    'end but for those for which it fails %s, which the call says, though it answers for others',
    async (_, atOnce) => {
      const { old, app } = fixture;
      const [one, other, two] = [await old.signedIn('ada'), await old.signedIn('elsewhere'), await old.signedIn('ada')];
      failing = (user) => user === 'elsewhere';
      failsAtOnce = atOnce;
      await expect(app.sessions.revokeAllForUser('ada')).rejects.toThrow('tell whose 1 of the old sessions are');
      await expect(app.sessions.revokeAllForUser('elsewhere')).rejects.toThrow(SessionStoreUnavailableError);
      expect([await userOf(one), await userOf(two)]).toEqual([null, null]);
      failing = () => false;
      expect(await app.sessions.revokeAllForUser('elsewhere')).toBe(1);
      expect(await userOf(other)).toBeNull();
    },
  );

  it('are all ended without any, though it fails', async () => {
    const { old, app, database } = fixture;
    await old.signedIn('ada');
    failing = () => true;
    await Promise.all([app.sessions.revokeAll(), app.sessions.revokeAllForUser('ada').catch(() => {})]);
    expect(await database.query('select from session')).toEqual([]);
  });

  it('are looked up twenty at a time', async () => {
    const { app, database } = fixture;
    await database.query(
      `insert into session (sid, sess, expire)
       select n, json_build_object('passport', json_build_object('user', 'many')), now() + interval '1 hour'
       from generate_series(1, 200) n`,
    );
    most = 0;
    expect(await app.sessions.revokeAllForUser('many')).toBe(200);
    expect(most).toBe(20);
  });
});
