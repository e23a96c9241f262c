import { describe, expect, it } from '@jest/globals';
import type { SessionModuleOptions } from 'nestjs-mikro-session';
import { useApp } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import { inHandler, visit } from '../../support/probe.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe.each<[string, SessionModuleOptions, number, number]>([
  ['none given: AAL2 of revision 3', {}, 30 * MINUTE, 12 * HOUR],
  ['AAL1 (2.1.3)', { idleTimeout: '30d', absoluteTimeout: '30d' }, 30 * DAY, 30 * DAY],
  ['AAL2 (2.2.3)', { idleTimeout: '1h', absoluteTimeout: '24h' }, HOUR, 24 * HOUR],
  ['AAL3 (2.3.3)', { idleTimeout: '15m', absoluteTimeout: '12h' }, 15 * MINUTE, 12 * HOUR],
])('With the timeouts of NIST SP 800-63B, %s,', (_level, options, idle, overall) => {
  const fixture = useApp({ options });

  /** A user signs in; gives a client that keeps its cookie, however much time passes. */
  const signIn = async (): Promise<{ client: Client; id: string; cookie: string }> => {
    const client = fixture.app.client();
    await visit(client, (session) => session.login('ada'));
    const id = await inHandler(client, (session) => session.id);
    return { client, id, cookie: await client.cookie() };
  };
  const userOf = (cookie: string): Promise<string | null> =>
    inHandler(fixture.app.client(), (session) => session.userId, { cookie });

  /** Time passes for a session: everything that has happened to it happened that much earlier. */
  const pass = async (id: string, milliseconds: number): Promise<void> => {
    await fixture.app.sessions.flush();
    const columns = ['created_at', 'last_access_at', 'expires_at', 'ends_at', 'authenticated_at', 'rotated_at'];
    const earlier = columns.map((column) => `${column} = ${column} - $2 * interval '1 ms'`);
    await fixture.database.query(`update sessions set ${earlier.join()} where id = $1`, [id, milliseconds]);
  };

  it('a session ends once it was idle for that long, and not before', async () => {
    const { id, cookie } = await signIn();
    await pass(id, idle - MINUTE);
    expect(await userOf(cookie)).toBe('ada');
    await pass(id, idle + MINUTE);
    expect(await userOf(cookie)).toBeNull();
  });

  it('a session ends that long after its login, however often it is used', async () => {
    const { id, cookie } = await signIn();
    const step = Math.floor(0.8 * idle);
    let age = 0;
    for (; age + step < overall - MINUTE; age += step) {
      await pass(id, step);
      expect(await userOf(cookie)).toBe('ada');
    }
    await pass(id, overall - MINUTE - age);
    expect(await userOf(cookie)).toBe('ada');
    await pass(id, 2 * MINUTE);
    expect(await userOf(cookie)).toBeNull();
  });

  it('another login begins both anew (5.2)', async () => {
    const { client, id, cookie } = await signIn();
    await pass(id, idle - MINUTE);
    await visit(client, (session) => session.login('ada'), { cookie });
    const row = await fixture.row(id);
    const began = (row['authenticated_at'] as Date).getTime();
    expect((row['expires_at'] as Date).getTime() - began).toBe(idle);
    expect((row['ends_at'] as Date).getTime() - began).toBe(overall);
  });

  it('the cookie ends with the session, or before (5.1.1)', async () => {
    const reply = await visit(fixture.app.client(), (session) => session.login('ada'));
    const seconds = Number(/Max-Age=(\d+);/.exec(reply.setCookies[0] ?? '')?.[1]);
    expect(seconds).toBeLessThanOrEqual(overall / 1_000);
    expect(seconds).toBeGreaterThan(overall / 1_000 - 60);
  });
});
