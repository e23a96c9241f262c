import { describe, expect, it } from '@jest/globals';
import { useApp } from '../../support/app.js';
import { OLD_SECRET, useMovedApp } from '../../support/old-app.js';
import { answered, visit } from '../../support/probe.js';

describe('SessionService.adoptAll()', () => {
  const fixture = useMovedApp({ options: { cache: true, encryption: { keys: ['a'.repeat(64)] } } });

  it('takes over all live sessions, which the old cookies open, and leaves the others', async () => {
    const { database, old, app } = fixture;
    const browsers = await Promise.all(Array.from({ length: 120 }, (_, index) => old.signedIn(`user-${index}`)));
    const expired = await old.signedIn('expired');
    await database.query("update session set expire = now() - interval '1 hour' where sid = $1", [
      await old.sidOf(expired),
    ]);
    const progress = [];
    for await (const { seen, adopted } of app.sessions.adoptAll()) {
      expect(adopted).toBe(seen);
      // Those under way are not looked at yet.
      progress.push(Math.ceil(seen / 10) * 10);
    }
    // The one of `somebody`, who made the table, besides.
    expect([progress.slice(0, 2), progress.at(-1)]).toEqual([[50, 100], 130]);
    expect(await database.query('select sid from session')).toEqual([{ sid: await old.sidOf(expired) }]);
    const [sealed] = await database.query<{ data: { cart: string } }>(
      "select data from sessions where user_id = 'user-7'",
    );
    expect(sealed?.data.cart).toMatch(/^\$enc1\./);
    for (const index of [0, 7, 119]) {
      await answered(fixture.moved(browsers[index] as never), ({ userId, data }) =>
        expect([userId, data['cart' as never]]).toEqual([`user-${index}`, ['book']]),
      );
    }
    await visit(fixture.moved(expired), (session) => expect(session.isNew).toBe(true));
  });

  it('does not bring back who has signed out after it', async () => {
    const browser = await fixture.old.signedIn('gone');
    const cookie = await browser.cookie();
    for await (const _ of fixture.app.sessions.adoptAll());
    await visit(fixture.moved(browser), (session) => session.logout());
    for await (const _ of fixture.app.sessions.adoptAll());
    await answered(fixture.app.client(), (session) => expect(session.userId).toBeNull(), { cookie });
  });

  it('takes each over once where it is called by two at the same time, while visitors come', async () => {
    const { old, app, database } = fixture;
    const browsers = await Promise.all(Array.from({ length: 60 }, (_, index) => old.signedIn(`both-${index}`)));
    const all = async (): Promise<number> => {
      let count = 0;
      for await (const { adopted } of app.sessions.adoptAll()) count = adopted;
      return count;
    };
    const before = app.sessions.stats().adoption?.adopted ?? 0;
    const visits = browsers.map((browser, index) =>
      answered(fixture.moved(browser), (session) => expect(session.userId).toBe(`both-${index}`)),
    );
    await Promise.all([all(), all(), ...visits]);
    expect(app.sessions.stats().adoption?.adopted).toBe(before + 60);
    expect(await database.query("select from sessions where user_id like 'both-%'")).toHaveLength(60);
  });
});

describe('SessionService.adoptAll(), where there is no table of old sessions', () => {
  const fixture = useApp({ options: { adopt: { secret: OLD_SECRET } } });

  it('says what is missing', async () => {
    await expect(fixture.app.sessions.adoptAll()[Symbol.asyncIterator]().next()).rejects.toThrow(
      'give SessionModule the option "adopt", with a "table"',
    );
  });
});
