import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.js';
import { issueCredential } from '../../lib/session/token.js';
import { SessionStore } from 'nestjs-mikro-session/store';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { statements } from '../support/statements.js';
import { inHandler, visit } from '../support/probe.js';

describe('The cache', () => {
  let database: TestDatabase;
  let one: TestApp;
  let two: TestApp;
  beforeAll(async () => {
    database = await createDatabase();
    // So long that only messages can explain that changes are seen.
    const options = { cache: { ttl: '1h' } } as const;
    one = await startApp(database, { options });
    two = await startApp(database, { options });
  });
  afterAll(async () => {
    await one.close();
    await two.close();
    await database.drop();
  });

  /** Renewals come when they come. */
  const lookups = (app: TestApp, during: () => Promise<unknown>) => statements(app, during, 'as wanted');

  /** A visitor with a session, which both applications have looked at. */
  async function visitor() {
    const client = one.client();
    await visit(client, async (session) => (await session.login('ada'), session.set('n', 0)));
    await heard(one);
    const cookie = await client.cookie();
    const read = (app: TestApp) => inHandler(app.client(), (session) => [session.userId, session.get('n')], { cookie });
    for (const app of [one, two]) expect(await read(app)).toEqual(['ada', 0]);
    for (const app of [one, two]) expect(await lookups(app, () => read(app))).toBe(0);
    return { client, cookie, read, id: await inHandler(client, (session) => session.id) };
  }

  /** Until both have heard of all changes: messages come in the order of the commits. */
  const heard = async (app: TestApp) => {
    const { session } = await app.sessions.create({ data: { probe: 1 } });
    const other = app === one ? two : one;
    await other.sessions.find(session.id);
    await app.sessions.revoke(session.id);
    while ((await other.sessions.find(session.id)) !== null) await new Promise(setImmediate);
  };

  it('answers look-ups without the database, and renews all the same', async () => {
    const { id, read } = await visitor();
    await one.sessions.flush();
    const age = `update sessions set expires_at = expires_at - interval '5 m', last_access_at = now() - interval '5 m' where id = $1`;
    await database.query(age, [id]);
    expect(await lookups(one, () => read(one))).toBe(0);
    await one.sessions.flush();
    const [row] = await database.query(
      "select expires_at > now() + interval '29 m' as renewed from sessions where id = $1",
      [id],
    );
    expect(row).toEqual({ renewed: true });
  });

  it('follows a change that another process makes', async () => {
    const { client, read } = await visitor();
    await visit(client, (session) => session.set('n', 1));
    expect(await read(one)).toEqual(['ada', 1]);
    await heard(one);
    expect(await read(two)).toEqual(['ada', 1]);
  });

  it.each([
    ['revoke()', (id: string) => one.sessions.revoke(id)],
    ['revokeAllForUser()', () => one.sessions.revokeAllForUser('ada')],
    ['revokeAll()', () => one.sessions.revokeAll()],
  ])('follows the end of a session by %s in another process', async (_how, end) => {
    const { read, id } = await visitor();
    await end(id);
    expect(await read(one)).toEqual([null, undefined]);
    await heard(one);
    expect(await read(two)).toEqual([null, undefined]);
  });

  it('follows logout, login and regenerate()', async () => {
    const { client, read } = await visitor();
    await visit(client, (session) => session.regenerate());
    await heard(one);
    expect(await read(two)).toEqual(['ada', 0]);
    await visit(client, (session) => session.login('eve'));
    await heard(one);
    expect(await read(two)).toEqual([null, undefined]);
    const cookie = await client.cookie();
    expect(await inHandler(two.client(), (session) => session.userId, { cookie })).toBe('eve');
    await visit(client, (session) => session.logout());
    await heard(one);
    expect(await inHandler(two.client(), (session) => session.userId, { cookie })).toBeNull();
  });

  it('knows a new credential before the message of it has come', async () => {
    const { id, read } = await visitor();
    const next = issueCredential(id);
    // Nobody is told of this change.
    await database.query('update sessions set previous_secret_hash = secret_hash, secret_hash = $1 where id = $2', [
      next.secretHash,
      id,
    ]);
    const cookie = `session_id=${next.cookieValue}`;
    expect(await inHandler(two.client(), (session) => session.userId, { cookie })).toBe('ada');
    expect(await read(two)).toEqual([null, undefined]);
  });

  it('trusts a copy for its ttl and no longer, however often the session is renewed, when a message gets lost', async () => {
    const { id, cookie } = await visitor();
    const three = await startApp(database, { options: { cache: { ttl: 200 }, renewal: { flushEvery: 20 } } });
    const read = () => inHandler(three.client(), (session) => session.get('n'), { cookie });
    expect(await read()).toBe(0);
    // Nobody is told of this change.
    await database.query(`update sessions set data = '{"n": 1}' where id = $1`, [id]);
    const since = performance.now();
    while ((await read()) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    // Generous, for a machine that stands still for a moment.
    expect(performance.now() - since).toBeLessThan(2_000);
    await three.close();
  });

  it('never serves a session that has expired', async () => {
    const client = one.client();
    const id = await inHandler(client, (session) => session.setTtl(50).set('n', 1).id);
    const [row] = await database.query<{ at: Date }>('select expires_at as at from sessions where id = $1', [id]);
    while (one.app.get(SessionStore).now() <= (row?.at.getTime() as number)) await new Promise(setImmediate);
    expect(await inHandler(client, (session) => session.isNew)).toBe(true);
  });

  it('is emptied and bypassed while other processes cannot be heard, and then used again', async () => {
    const { client, read, cookie } = await visitor();
    const listening = `select pid from pg_stat_activity where query ilike 'listen %' or (query like 'select current_setting(%' and state = 'idle') and datname = current_database()`;
    const pids = await database.query<{ pid: number }>(listening);
    expect(pids.length).toBeGreaterThanOrEqual(2);
    for (const { pid } of pids) await database.query('select pg_terminate_backend($1)', [pid]);
    // The message of this change reaches nobody.
    await database.query(`update sessions set data = '{"n": 7}'`);
    while ((await lookups(two, () => read(two))) === 0) await new Promise(setImmediate);
    expect(await read(two)).toEqual(['ada', 7]);
    while ((await lookups(two, () => read(two))) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await visit(client, (session) => session.set('n', 8), { cookie });
    await heard(one);
    expect(await read(two)).toEqual(['ada', 8]);
  });
});
