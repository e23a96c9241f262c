import { beforeAll, describe, expect, it } from '@jest/globals';
import { useMovedApp } from '../../support/old-app.js';
import { answered, tryVisit, visit } from '../../support/probe.js';

/** Advisory locks that hold up what is written for users named so. */
const SLOW = 4_711;

describe('taking over sessions of express-session while the database is slow', () => {
  // Nothing is given up here: what is held up goes on.
  const fixture = useMovedApp({ options: { queryTimeout: '10s' } });
  beforeAll(async () => {
    await fixture.database.query(`
      create function slow() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock_shared(${SLOW}); return new; end $$`);
    await fixture.database.query(
      `create trigger slow before insert on sessions for each row when (new.user_id like 'slow-%') execute function slow()`,
    );
  });
  const signedIn = (count: number, name: string) =>
    Promise.all(Array.from({ length: count }, (_, index) => fixture.old.signedIn(`${name}-${index}`)));
  const waiting = async (): Promise<number> => {
    const held = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return (await fixture.database.query(held)).length;
  };
  /** Has a visitor of ours come while something waits for what is locked. */
  const visitorMeanwhile = async (lock: string, isTakingOver: () => Promise<unknown>): Promise<void> => {
    const { app, database } = fixture;
    const visitor = app.client();
    await visit(visitor, (session) => session.login('guest'));
    const held = await database.hold(lock);
    const all = isTakingOver();
    try {
      while ((await waiting()) === 0);
      for (let come = 0; come < 5; come++) {
        await answered(visitor, (session) => {
          expect(session.userId).toBe('guest');
          session.set('come' as never, come as never);
        });
      }
      expect(await waiting()).toBeGreaterThan(0);
    } finally {
      await held.release();
      await all;
    }
  };

  it('all at once leaves connections of the pool to visitors', async () => {
    const { app, database } = fixture;
    await signedIn(20, 'slow-all');
    await visitorMeanwhile(`select pg_advisory_xact_lock(${SLOW})`, async () => {
      for await (const _ of app.sessions.adoptAll());
    });
    expect(await database.query("select from sessions where user_id like 'slow-all-%'")).toHaveLength(20);
  });

  it.each([
    ['stores them', `select pg_advisory_xact_lock(${SLOW})`],
    ['reads the old ones', 'lock table session in access exclusive mode'],
  ])('does so where many old cookies come at once, and the database %s slowly', async (what, lock) => {
    const name = `slow-${what.split(' ', 1)[0]}`;
    const browsers = await signedIn(20, name);
    await visitorMeanwhile(lock, () =>
      Promise.all(
        browsers.map((browser, index) =>
          answered(fixture.moved(browser), (session) => expect(session.userId).toBe(`${name}-${index}`)),
        ),
      ),
    );
  });
});

describe('old cookies that come at once', () => {
  const fixture = useMovedApp({ options: { queryTimeout: '1s' } });

  it('are answered with 503 where their turn does not come in time, and opened later', async () => {
    const { old, database } = fixture;
    const browsers = await Promise.all(Array.from({ length: 8 }, (_, index) => old.signedIn(`late-${index}`)));
    await database.query(`create function late() returns trigger language plpgsql as $$
      begin perform pg_sleep(0.4); return new; end $$`);
    await database.query('create trigger late before insert on sessions for each row execute function late()');
    const statuses = await Promise.all(
      browsers.map(async (browser) => (await tryVisit(fixture.moved(browser), (session) => session.userId)).status),
    );
    await database.query('drop function late cascade');
    // Of four connections two are for them, and each has time for two.
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    for (const [index, browser] of browsers.entries()) {
      await answered(fixture.moved(browser), (session) => expect(session.userId).toBe(`late-${index}`));
    }
  });
});
