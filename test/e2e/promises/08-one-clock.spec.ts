import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { useApp } from '../../support/app.js';
import { inHandler, visit } from '../../support/probe.js';

const MINUTE = 60_000;

describe('Promise 8: one clock', () => {
  const fixture = useApp({ options: { idleTimeout: '30m', absoluteTimeout: '12h' } });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** The application server's clock goes wrong; timers and the database's clock do not. */
  const shiftClock = (by: number): void => {
    const real = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => real() + by);
  };
  const databaseNow = async () =>
    (await fixture.database.query<{ now: Date }>('select clock_timestamp() as now'))[0]?.now.getTime() as number;

  it.each([
    ['a year fast', 365 * 24 * 60 * MINUTE],
    ['a year slow', -365 * 24 * 60 * MINUTE],
  ])('sets and compares times by the database’s clock though the server’s is %s', async (_how, by) => {
    shiftClock(by);
    const client = fixture.app.client();
    const reply = await visit(client, (session) => session.login('alice'));
    expect(reply.setCookies[0]).toMatch(/Max-Age=(43200|43199);/);
    const now = await databaseNow();
    // Not from the jar, which goes by the wrong clock.
    const cookie = reply.setCookies[0]?.split(';')[0] as string;
    const seen = await inHandler(
      fixture.app.client(),
      (session) => ({
        expired: session.isExpired(),
        created: session.createdAt.getTime(),
        expires: session.expiresAt.getTime(),
        userId: session.userId,
      }),
      { cookie },
    );
    expect(seen).toMatchObject({ expired: false, userId: 'alice' });
    expect(Math.abs(seen.created - now)).toBeLessThan(MINUTE);
    expect(Math.abs(seen.expires - now - 30 * MINUTE)).toBeLessThan(MINUTE);
  });

  it('counts a session as absent from the moment it expires, though its row is still there', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    await fixture.database.query('update sessions set expires_at = clock_timestamp() where id = $1', [id]);
    expect(await fixture.app.sessions.find(id)).toBeNull();
    expect(await inHandler(client, (session) => [session.isNew, session.has('a')])).toEqual([true, false]);
    expect(await fixture.rows()).toBeGreaterThan(0);
  });

  it('never lets the idle timeout carry a session beyond its absolute end', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    await fixture.database.query(`update sessions set ends_at = now() + interval '5 m' where id = $1`, [id]);
    await visit(client, (session) => session.set('a', 2));
    const row = await fixture.row(id);
    expect(row['expires_at']).toEqual(row['ends_at']);
  });

  it('counts the absolute end anew from a login, and keeps it across regenerate()', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    const shift = `update sessions set created_at = created_at - interval '1 h', ends_at = ends_at - interval '1 h' where id = $1`;
    await fixture.database.query(shift, [id]);
    await visit(client, (session) => session.regenerate());
    const left = async () => ((await fixture.row(id))['ends_at'] as Date).getTime() - (await databaseNow());
    expect(await left()).toBeLessThan(11 * 60 * MINUTE + 1);
    await visit(client, (session) => session.login('alice'));
    expect(await left()).toBeGreaterThan(11 * 60 * MINUTE + 59 * MINUTE);
  });

  it('dates a renewal back to the access, however long it was collected', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    const age = 10 * MINUTE;
    const timer = performance.now.bind(performance);
    await fixture.database.query(
      `update sessions set expires_at = now() + interval '25 m', last_access_at = now() - interval '25 m' where id = $1`,
      [id],
    );
    const now = await databaseNow();
    await visit(client, () => 1);
    // Ten minutes pass before the collected renewals are written.
    jest.spyOn(performance, 'now').mockImplementation(() => timer() + age);
    await fixture.app.sessions.flush();
    const row = await fixture.row(id);
    expect(Math.abs(row['last_access_at'].getTime() - (now - age))).toBeLessThan(MINUTE);
    expect(row['expires_at'].getTime() - now).toBeGreaterThanOrEqual(25 * MINUTE - 1_000);
    expect(row['expires_at'].getTime() - now).toBeLessThan(26 * MINUTE);
  });
});
