import { describe, expect, it } from '@jest/globals';
import { sign } from 'cookie-signature';
import { useMovedApp } from '../../support/old-app.js';
import { answered, inHandler, signal, tryVisit, visit } from '../../support/probe.js';
import { statements } from '../../support/statements.js';
import type { Client } from '../../support/client.js';

const names = async ({ jar }: Client, url: string) => (await jar.getCookies(url)).map(({ key }) => key);
const oldCookie = (sid: string, secret: string) => `connect.sid=${encodeURIComponent(`s:${sign(sid, secret)}`)}`;

describe('a user who is signed in with express-session, connect-pg-simple and Passport', () => {
  const fixture = useMovedApp();
  const userOf = (client: Client, headers?: Record<string, string>) =>
    inHandler(client, (session) => session.userId, headers);

  it('stays signed in, with all data, in a session of ours, and the old one is gone with its cookie', async () => {
    const browser = await fixture.old.signedIn();
    const sid = await fixture.old.sidOf(browser);
    const client = fixture.moved(browser);
    let seen;
    const reply = await visit(client, ({ userId, data, isNew, authenticatedAt }) => {
      seen = { userId, data: { ...data }, isNew, authenticatedAt };
    });
    // Nobody has signed in just now.
    expect(seen).toEqual({
      userId: 'ada',
      data: { cart: ['book'], passport: { user: 'ada' } },
      isNew: false,
      authenticatedAt: null,
    });
    expect(reply.setCookies).toHaveLength(2);
    expect(await names(client, fixture.app.url)).toEqual(['session_id']);
    expect(await fixture.old.has(sid)).toBe(false);
    const next = await answered(client, (session) => expect(session.userId).toBe('ada'));
    expect(next.setCookies).toEqual([]);
    expect(await fixture.app.sessions.listForUser('ada')).toHaveLength(1);
  });

  it('has one session, with one cookie, where ten requests of a page come at the same time', async () => {
    const browser = await fixture.old.signedIn('grace');
    const cookie = await browser.cookie();
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        answered(
          fixture.app.client(),
          (session) => {
            expect(session.userId).toBe('grace');
            session.data[`key${index}` as never] = index as never;
          },
          { cookie },
        ),
      ),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(200));
    const [, ...others] = new Set(replies.map(({ setCookies }) => setCookies.toSorted().join('\n')));
    expect(others).toEqual([]);
    const [row, another] = await fixture.database.query<{ data: object }>(
      "select data from sessions where user_id = 'grace'",
    );
    expect(another).toBeUndefined();
    expect(Object.keys(row?.data ?? {})).toHaveLength(12);
  });

  it('is let in once more by the old cookie, where the answer with the new one was lost', async () => {
    const browser = await fixture.old.signedIn('lost');
    const cookie = await browser.cookie();
    const first = await visit(fixture.app.client(), () => {}, { cookie });
    const again = await answered(fixture.app.client(), (session) => expect(session.userId).toBe('lost'), { cookie });
    expect(again.setCookies.toSorted()).toEqual(first.setCookies.toSorted());
  });

  it('does not come back by the old cookie after a logout, by none of ten requests', async () => {
    const browser = await fixture.old.signedIn('bob');
    const cookie = await browser.cookie();
    const client = fixture.moved(browser);
    expect(await userOf(client)).toBe('bob');
    await visit(client, (session) => session.logout());
    expect(await names(client, fixture.app.url)).toEqual([]);
    const users = await Promise.all(Array.from({ length: 10 }, () => userOf(fixture.app.client(), { cookie })));
    expect(users).toEqual(Array(10).fill(null));
    expect(await fixture.app.sessions.listForUser('bob')).toEqual([]);
  });

  it('does not come back where a logout comes in the middle of other requests with the old cookie', async () => {
    for (let round = 0; round < 20; round++) {
      const user = `racer-${round}`;
      const cookie = await (await fixture.old.signedIn(user)).cookie();
      const requests = Array.from({ length: 6 }, (_, index) =>
        tryVisit(fixture.app.client(), (session) => (index === 2 ? session.logout() : session.userId), { cookie }),
      );
      await Promise.all(requests);
      expect(await fixture.app.sessions.listForUser(user)).toEqual([]);
      expect(await userOf(fixture.app.client(), { cookie })).toBeNull();
    }
  });

  it('is not reached by the old cookie any more after a login, which changes the credential', async () => {
    const browser = await fixture.old.signedIn('carol');
    const cookie = await browser.cookie();
    const client = fixture.moved(browser);
    await visit(client, (session) => session.login('carol'));
    expect(await names(client, fixture.app.url)).toEqual(['session_id']);
    expect(await userOf(client)).toBe('carol');
    expect(await userOf(fixture.app.client(), { cookie })).toBeNull();
    expect(await userOf(client)).toBe('carol');
  });

  it('can regenerate(), log out and destroy() in the very request that takes the session over', async () => {
    for (const [user, method] of [
      ['dan-1', 'regenerate'],
      ['dan-2', 'logout'],
      ['dan-3', 'destroy'],
    ] as const) {
      const client = fixture.moved(await fixture.old.signedIn(user));
      await visit(client, (session) => session[method]());
      const isThere = method === 'regenerate';
      expect([method, await userOf(client)]).toEqual([method, isThere ? user : null]);
      expect(await names(client, fixture.app.url)).toEqual(isThere ? ['session_id'] : []);
    }
  });

  it('keeps the cookie of a regenerate() that was answered while the request that took the session over went on', async () => {
    const client = fixture.moved(await fixture.old.signedIn('eve'));
    const inside = signal();
    const goOn = signal();
    const slow = visit(client, async () => {
      inside.reach();
      await goOn.reached;
    });
    await inside.reached;
    await visit(client, (session) => session.regenerate());
    const newer = await client.cookie();
    goOn.reach();
    expect(await slow).toMatchObject({ status: 200, setCookies: [] });
    expect([await client.cookie(), await userOf(client)]).toEqual([newer, 'eve']);
  });

  it('costs no statement but ours once it has our cookie', async () => {
    const client = fixture.moved(await fixture.old.signedIn('erin'));
    await visit(client, () => {});
    await visit(client, () => {});
    expect(await statements(fixture.app, () => visit(client, () => {}), '"session"')).toBe(0);
  });

  it('stays signed in although a dead cookie of ours comes along', async () => {
    const browser = await fixture.old.signedIn('fay');
    const client = fixture.moved(browser);
    const ended = fixture.app.client();
    await visit(ended, (session) => session.login('somebody else'));
    const dead = await ended.cookie();
    await visit(ended, (session) => session.logout());
    const cookie = `${dead}; ${await browser.cookie()}`;
    expect(await userOf(client, { cookie })).toBe('fay');
  });

  it('does not take the place of the user whose cookie of ours is live', async () => {
    const old = await fixture.old.signedIn('gus');
    const ours = fixture.app.client();
    await visit(ours, (session) => session.login('hal'));
    const cookie = `${await old.cookie()}; ${await ours.cookie()}`;
    expect(await userOf(fixture.app.client(), { cookie })).toBe('hal');
    expect(await fixture.old.has(await fixture.old.sidOf(old))).toBe(true);
  });

  it('is the one that is live where two old cookies are signed, and nobody where both are', async () => {
    const [one, other] = [await fixture.old.signedIn('ida'), await fixture.old.signedIn('jan')];
    const dead = oldCookie('long-gone', 'the secret of the old application');
    const both = `${await one.cookie()}; ${await other.cookie()}`;
    expect(await userOf(fixture.app.client(), { cookie: both })).toBeNull();
    expect(await userOf(fixture.app.client(), { cookie: `${dead}; ${await one.cookie()}` })).toBe('ida');
  });
});

describe('an old cookie that opens nothing', () => {
  const fixture = useMovedApp();

  it.each([
    ['signed with another secret', async (sid: string) => oldCookie(sid, 'another')],
    ['not signed', async (sid: string) => `connect.sid=${sid}`],
    ['signed for nothing', async () => oldCookie('', 'the secret of the old application')],
    [
      'of another name',
      async (sid: string) => oldCookie(sid, 'the secret of the old application').replace('connect.', 'x'),
    ],
    ['cut short', async (sid: string) => oldCookie(sid, 'the secret of the old application').slice(0, -3)],
    ['not to be decoded', async () => 'connect.sid=s%3A%E0%A4%A'],
    ['of 8 KB', async () => `connect.sid=s%3A${'a'.repeat(8_000)}.b`],
  ])('is an ordinary visitor, and costs no query: %s', async (_, cookieOf) => {
    const browser = await fixture.old.signedIn();
    const sid = await fixture.old.sidOf(browser);
    const cookie = await cookieOf(sid);
    const client = fixture.app.client();
    const sent = await statements(fixture.app, async () => {
      const reply = await answered(client, (session) => expect([session.isNew, session.userId]).toEqual([true, null]), {
        cookie,
      });
      expect(reply.setCookies).toEqual([]);
    });
    expect(sent).toBe(0);
    expect(await fixture.old.has(sid)).toBe(true);
  });

  it('is an ordinary visitor: expired, absent, or empty, and then gets a session of ours', async () => {
    const { database, old, app } = fixture;
    const browser = await old.signedIn();
    const sid = await old.sidOf(browser);
    await database.query("update session set expire = now() - interval '1 second' where sid = $1", [sid]);
    const absent = oldCookie('never-was', 'the secret of the old application');
    await database.query(
      `insert into session (sid, sess, expire)
       values ('empty', '{"cookie":{},"passport":{}}', now() + interval '1 hour'), ('odd', '7', now() + interval '1 hour')`,
    );
    const empty = oldCookie('empty', 'the secret of the old application');
    const odd = oldCookie('odd', 'the secret of the old application');
    const before = app.sessions.stats().adoption?.refused ?? 0;
    for (const cookie of [await browser.cookie(), absent, empty, odd]) {
      const reply = await answered(app.client(), (session) => expect(session.isNew).toBe(true), { cookie });
      expect(reply.setCookies).toEqual([]);
    }
    expect(app.sessions.stats().adoption?.refused).toBe(before + 4);
    const client = fixture.moved(browser);
    await visit(client, (session) => session.login('new'));
    expect(await names(client, app.url)).toEqual(['session_id']);
  });
});
