import { describe, expect, it } from '@jest/globals';
import { type AppFixture, useApp } from '../support/app.js';
import { tryVisit, visit } from '../support/probe.js';

/** Waits until a line is there that begins so. */
async function lineAfter(fixture: AppFixture, begin: string): Promise<string> {
  for (;;) {
    const found = fixture.app.lines.find((one) => one.startsWith(begin));
    if (found !== undefined) return found.slice(begin.length);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('What the operator reads', () => {
  const KEY = '7'.repeat(64);
  const fixture = useApp({
    options: { cache: true, encryption: { keys: [KEY] }, sweep: false, queryTimeout: 200 },
  });

  it('is at start one line of what is in force, with no key', () => {
    expect(fixture.app.lines).toEqual([
      'log: Sessions are ready. store: PostgreSQL, table "public"."sessions", 4 connections at most; idle timeout 30m, ' +
        'absolute timeout 12h; cookie: session_id (Path=/, HttpOnly, Secure over HTTPS, SameSite=lax, persistent); cache: 4096 ' +
        'sessions, each for 5s; encryption: on; renewals written every 1s; pages of other origins refused: over WebSockets ' +
        'alone (allowed: none); sweep: off; store operations: 200ms at most, then 503.',
    ]);
    expect(fixture.app.lines.join()).not.toContain(KEY);
  });

  it('is one line however many requests fail, and no secret', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('card', '4111'));
    const cookie = await client.cookie();
    const before = fixture.app.lines.length;
    const held = await fixture.database.hold('lock table sessions in access exclusive mode');
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, n) => tryVisit(client, (session) => session.set('n', n).id)),
    );
    await held.release();
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([503]));
    const lines = fixture.app.lines.slice(before);
    expect(lines.filter((one) => one.startsWith('error: The session store could not'))).toHaveLength(1);
    const [, secret] = cookie.split('.');
    for (const word of [secret as string, '4111', KEY]) expect(lines.join()).not.toContain(word);
  });

  it('is a line when the feed is lost, and one when it is back', async () => {
    await fixture.database.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`);
    expect(await lineAfter(fixture, 'warn: Changes of other processes are not received')).toContain('connects again');
    expect(await lineAfter(fixture, 'log: Changes of other processes are received again')).toMatch(/ It failed/);
  });
});

describe('Of a sweep, the operator reads', () => {
  const fixture = useApp({ options: { sweep: { every: 50 } } });

  it('a line when it fails, and one when expired sessions are removed again', async () => {
    await fixture.database.query('alter table sessions rename to elsewhere');
    expect(await lineAfter(fixture, 'warn: Expired sessions were not removed')).toMatch(/Cause: .*does not exist/);
    await fixture.database.query('alter table elsewhere rename to sessions');
    expect(await lineAfter(fixture, 'log: Expired sessions are removed again.')).toMatch(/^ It failed/);
  });
});
