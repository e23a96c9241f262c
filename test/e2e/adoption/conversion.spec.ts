import { describe, expect, it } from '@jest/globals';
import { passportSession } from 'nestjs-mikro-session';
import { idOf } from '../../support/express-session.js';
import { useMovedApp } from '../../support/old-app.js';
import { answered, inHandler, visit } from '../../support/probe.js';

describe('what a session that was taken over is like', () => {
  const MINUTE = 60_000;
  const DAY = 24 * 60 * MINUTE;
  const fixture = useMovedApp({ options: { idleTimeout: '30m', absoluteTimeout: '12h' } });
  const rowOf = async (user: string) =>
    (await fixture.database.query<any>('select * from sessions where user_id = $1', [user]))[0];

  it('lives on for as long as the old one would have, where that is longer than the module says', async () => {
    const client = fixture.moved(await fixture.old.signedIn('ada'));
    await visit(client, () => {});
    const row = await rowOf('ada');
    // connect-pg-simple keeps a session of the browser's for a day.
    expect(Math.abs(Number(row.ttl) - DAY)).toBeLessThan(MINUTE);
    expect(Math.abs(row.ends_at - row.created_at - DAY)).toBeLessThan(MINUTE);
    // It ended with the browser, and still does.
    expect(row.persistent).toBe(false);
  });

  it('lives by the module’s timeouts where the old one would have ended sooner', async () => {
    const browser = await fixture.old.signedIn('bob');
    const expires = new Date(Date.now() + 5 * MINUTE).toISOString();
    await fixture.database.query(
      `update session set expire = now() + interval '5 minutes',
         sess = jsonb_set(sess::jsonb, '{cookie,expires}', to_jsonb($2::text))::json where sid = $1`,
      [await fixture.old.sidOf(browser), expires],
    );
    await visit(fixture.moved(browser), () => {});
    const row = await rowOf('bob');
    expect([Number(row.ttl), row.ends_at - row.created_at]).toEqual([30 * MINUTE, 12 * 60 * MINUTE]);
    expect(row.persistent).toBe(true);
  });

  it('is on the list of its user’s devices, and was announced as created', async () => {
    const types: string[] = [];
    const subscription = fixture.app.sessions.events.subscribe(({ type, userId }) => types.push(`${type} ${userId}`));
    await visit(fixture.moved(await fixture.old.signedIn('carol')), () => {}, { 'user-agent': 'a browser' });
    subscription.unsubscribe();
    expect(types.slice(0, 2)).toEqual(['created carol', 'loaded carol']);
    expect(await fixture.app.sessions.listForUser('carol')).toMatchObject([
      { userAgent: 'a browser', ip: '127.0.0.1' },
    ]);
  });

  it('is counted, and the operator reads at start that sessions are taken over', () => {
    expect(fixture.app.sessions.stats().adoption).toEqual({ adopted: 3, refused: 0, failed: 0 });
    expect(fixture.app.lines[0]).toContain('adopts sessions of express-session: cookie connect.sid, table session');
    expect(fixture.app.lines.join()).not.toContain('secret of the old');
  });
});

describe('toSession', () => {
  let refuses = false;
  const fixture = useMovedApp({
    adopt: {
      toSession: async (old) => {
        if (refuses) return null;
        const { userId, data } = passportSession(old);
        if (userId === 'broken') throw new TypeError('no such user');
        if (userId === 'big') return { userId, data: { big: 'x'.repeat(70_000) } };
        if (userId === 'reserved') return { userId, data: { $flash: [] } };
        if (userId === 'misspelt') return { userID: userId, data } as never;
        if (userId === 'dated') return { userId, data: { at: new Date() } };
        return { userId, auth: { roles: ['reader'] }, data, ttl: '2h', absolute: '3h', persistent: true };
      },
    },
  });

  it('says who is signed in, with which roles, for how long', async () => {
    const client = fixture.moved(await fixture.old.signedIn('ada'));
    const seen = await inHandler(client, ({ userId, ttl, avatar, expiresAt, createdAt }) => ({
      userId,
      ttl,
      isReader: avatar.hasRole('reader'),
      left: expiresAt.getTime() - createdAt.getTime(),
    }));
    expect(seen).toEqual({ userId: 'ada', ttl: 7_200_000, isReader: true, left: 7_200_000 });
  });

  it.each(['broken', 'big', 'reserved', 'misspelt', 'dated'])(
    'leaves the visitor an ordinary one and the old session there, where it fails: %s',
    async (user) => {
      const browser = await fixture.old.signedIn(user);
      const failed = fixture.app.sessions.stats().adoption?.failed ?? 0;
      await answered(fixture.moved(browser), (session) => expect(session.isNew).toBe(true));
      expect(await fixture.old.has(await fixture.old.sidOf(browser))).toBe(true);
      expect(fixture.app.sessions.stats().adoption?.failed).toBe(failed + 1);
      expect(fixture.app.lines.join()).toContain('was not taken over; it stays');
      expect(fixture.app.lines.join()).not.toContain('xxx');
    },
  );

  it('may leave a session where it is', async () => {
    const browser = await fixture.old.signedIn('ada');
    refuses = true;
    await answered(fixture.moved(browser), (session) => expect(session.isNew).toBe(true));
    refuses = false;
    expect(await fixture.old.has(await fixture.old.sidOf(browser))).toBe(true);
    await answered(fixture.moved(browser), (session) => expect(session.userId).toBe('ada'));
    expect(await idOf(browser)).not.toBe('none');
  });
});
