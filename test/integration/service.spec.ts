import { describe, expect, it } from '@jest/globals';
import { SessionArgumentError, type SessionEvent } from 'nestjs-mikro-session';
import { startApp, useApp } from '../support/app.js';
import { inHandler, visit } from '../support/probe.js';

describe('SessionService', () => {
  const fixture = useApp();
  const sessions = () => fixture.app.sessions;

  it('creates a session without a request, and the cookie that opens it', async () => {
    const { session, cookie } = await sessions().create({ userId: 'u1', auth: { roles: ['admin'] }, data: { a: 1 } });
    expect(
      await inHandler(fixture.app.client(), ({ id, userId, avatar, data }) => [id, userId, avatar.roles, { ...data }], {
        cookie,
      }),
    ).toEqual([session.id, 'u1', ['admin'], { a: 1 }]);
    const empty = await sessions().create();
    expect(await inHandler(fixture.app.client(), ({ id, isNew }) => [id, isNew], { cookie: empty.cookie })).toEqual([
      empty.session.id,
      false,
    ]);
  });

  it('finds a live session by its id, to be changed and saved; null when there is none', async () => {
    const { session, cookie } = await sessions().create({ data: { a: 1 } });
    const found = await sessions().find(session.id);
    await found?.set('b', 2).save();
    expect(await inHandler(fixture.app.client(), (one) => one.toJSON(), { cookie })).toEqual({ a: 1, b: 2 });
    expect(await sessions().find('01a1f7a0-6333-70f7-a310-2add9e81f597')).toBeNull();
    expect(await sessions().find('no id')).toBeNull();
  });

  it('does not let a session found by its id change its visitor’s cookie', async () => {
    const { session } = await sessions().create({ data: { a: 1 } });
    const found = await sessions().find(session.id);
    await expect(found?.login('mallory')).rejects.toThrow(SessionArgumentError);
    await expect(found?.regenerate()).rejects.toThrow(SessionArgumentError);
    expect((await sessions().find(session.id))?.userId).toBeNull();
  });

  it('lists where a user is signed in, oldest first, with the device', async () => {
    const [phone, desk] = [fixture.app.client(), fixture.app.client()];
    await visit(phone, (session) => session.login('u2'), { 'user-agent': 'Phone/1.0' });
    await visit(desk, (session) => session.login('u2'), { 'user-agent': 'Desk/2.0' });
    const list = await sessions().listForUser('u2');
    expect(list.map((device) => [device.userAgent, device.ip])).toEqual([
      ['Phone/1.0', '127.0.0.1'],
      ['Desk/2.0', '127.0.0.1'],
    ]);
    expect(list[0]?.id).toBe(await inHandler(phone, (session) => session.id));
    expect(Object.keys(list[0] ?? {}).toSorted()).toEqual([
      'authenticatedAt',
      'createdAt',
      'expiresAt',
      'id',
      'ip',
      'lastAccessAt',
      'userAgent',
    ]);
    await fixture.database.query(`update sessions set expires_at = clock_timestamp() where user_agent = 'Phone/1.0'`);
    expect(await sessions().listForUser('u2')).toHaveLength(1);
    expect(await sessions().listForUser('nobody')).toEqual([]);
  });

  it('revokes a session for a user who is named, and nobody else’s, as if it were not there', async () => {
    const [mine, other, nobodys] = [
      await sessions().create({ userId: 'r1' }),
      await sessions().create({ userId: 'r2' }),
      await sessions().create(),
    ].map(({ session }) => session.id) as [string, string, string];
    const events: SessionEvent[] = [];
    const subscription = sessions().events.subscribe((event) => events.push(event));
    for (const id of [other, nobodys, 'no id']) expect(await sessions().revoke(id, { userId: 'r1' })).toBe(false);
    expect(await sessions().revoke(mine.toUpperCase(), { userId: 'r1' })).toBe(true);
    expect(await sessions().revoke(mine, { userId: 'r1' })).toBe(false);
    subscription.unsubscribe();
    expect(events).toEqual([{ type: 'revoked', sessionId: mine, userId: 'r1' }]);
    expect([await sessions().find(other), await sessions().find(nobodys)]).not.toContain(null);
  });

  it('revokes nothing for a user who turns out to be nobody, which is an error', async () => {
    const { session } = await sessions().create({ userId: 'r3' });
    for (const options of [
      {},
      { userId: undefined },
      { userId: null },
      { userId: '' },
      { user: 'r3' },
      null,
      'r3',
      [],
      undefined,
    ]) {
      await expect(sessions().revoke(session.id, options as never)).rejects.toThrow(SessionArgumentError);
    }
    expect(await sessions().find(session.id)).not.toBeNull();
  });

  it('revokes a session for a user only if it still is theirs when it comes to it', async () => {
    const { session } = await sessions().create({ userId: 'r4' });
    const other = await fixture.database.hold(`update sessions set user_id = 'r5' where id = $1`, [session.id]);
    const revoked = sessions().revoke(session.id, { userId: 'r4' });
    await fixture.database.query('select pg_sleep(0.1)');
    await other.release();
    expect(await revoked).toBe(false);
    expect(await sessions().find(session.id)).not.toBeNull();
  });

  it('revokes one session, for the next request and everybody else’s list', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, async (session) => (await session.login('u3'), session.id));
    expect(await sessions().revoke(id)).toBe(true);
    expect(await sessions().revoke(id)).toBe(false);
    expect(await sessions().revoke('no id')).toBe(false);
    expect(await inHandler(client, (session) => session.userId)).toBeNull();
    expect(await sessions().listForUser('u3')).toEqual([]);
  });

  it('signs a user out everywhere, or everywhere else', async () => {
    const clients = [fixture.app.client(), fixture.app.client(), fixture.app.client()];
    const ids = [];
    for (const client of clients)
      ids.push(await inHandler(client, async (session) => (await session.login('u4'), session.id)));
    const other = fixture.app.client();
    await visit(other, (session) => session.login('u5'));
    expect(await sessions().revokeAllForUser('u4', { except: ids[1] as string })).toBe(2);
    const users = await Promise.all(clients.map((client) => inHandler(client, (session) => session.userId)));
    expect(users).toEqual([null, 'u4', null]);
    expect(await sessions().revokeAllForUser('u4')).toBe(1);
    expect(await sessions().revokeAllForUser('u4')).toBe(0);
    expect(await inHandler(other, (session) => session.userId)).toBe('u5');
    await expect(sessions().revokeAllForUser('u4', { except: 'no id' })).rejects.toThrow(SessionArgumentError);
  });

  it('counts the live sessions, and purges the others', async () => {
    await sessions().revokeAll();
    await sessions().purgeExpired();
    for (let n = 0; n < 5; n++) await sessions().create();
    await fixture.database.query(
      `update sessions set expires_at = clock_timestamp() where id in (select id from sessions limit 2)`,
    );
    expect(await sessions().count()).toBe(3);
    expect(await fixture.rows()).toBe(5);
    expect(await sessions().purgeExpired()).toBe(2);
    expect(await fixture.rows()).toBe(3);
    expect(await sessions().revokeAll()).toBe(3);
    expect(await sessions().count()).toBe(0);
  });

  it('purges thousands of expired sessions', async () => {
    await sessions().create();
    await fixture.database.query(`
      insert into sessions (id, secret_hash, generation, data, ttl, created_at, updated_at, last_access_at, expires_at)
      select gen_random_uuid(), '\\x00', 0, '{}', 1, now(), now(), now(), now() - interval '1 s' from generate_series(1, 2500)`);
    expect(await sessions().purgeExpired()).toBe(2_500);
    expect(await sessions().count()).toBe(1);
  });

  it('lets a login stand although the sessions that it is one too many for cannot be ended', async () => {
    const app = await startApp(fixture.database, { options: { maxSessionsPerUser: 1 } });
    await visit(app.client(), (session) => session.login('crowded'));
    await fixture.database.query(`create function keep() returns trigger language plpgsql as $$ begin
      raise exception using errcode = '42501', message = 'no'; end $$`);
    await fixture.database.query('create trigger keep before delete on sessions for each row execute function keep()');
    const reply = await visit(app.client(), (session) => session.login('crowded'));
    await fixture.database.query('drop function keep cascade');
    expect([reply.status, reply.setCookies.length]).toEqual([200, 1]);
    expect(app.warnings).toEqual([expect.stringContaining('"maxSessionsPerUser"')]);
    expect(await sessions().listForUser('crowded')).toHaveLength(2);
    await visit(app.client(), (session) => session.login('crowded'));
    expect(await sessions().listForUser('crowded')).toHaveLength(1);
    await app.close();
  });

  it('keeps neither address nor user agent where trackDevice is off', async () => {
    // A second application, on the same database.
    const app = await startApp(fixture.database, { options: { trackDevice: false } });
    await visit(app.client(), (session) => session.login('u6'));
    await app.close();
    expect((await sessions().listForUser('u6')).map(({ ip, userAgent }) => [ip, userAgent])).toEqual([[null, null]]);
  });

  it.each([
    ['undefined', undefined],
    ['an empty string', ''],
    ['a number: use String\\(id\\)', 5],
    ['one of 513', 'x'.repeat(513)],
    ['half of a character', 'a\ud800'],
  ])('takes no user id that is none: %s', async (found, userId: any) => {
    const refused = (method: string) =>
      expect.objectContaining({
        code: 'ERR_SESSION_ARGUMENT',
        message: expect.stringMatching(`^${method}\\(\\).*${found}`),
      });
    await expect(sessions().listForUser(userId)).rejects.toEqual(refused('listForUser'));
    await expect(sessions().revokeAllForUser(userId)).rejects.toEqual(refused('revokeAllForUser'));
    const { session } = await sessions().create();
    await expect(session.login(userId)).rejects.toEqual(refused('login'));
  });

  it('takes the longest user id that there may be', async () => {
    const userId = '語'.repeat(512);
    await sessions().create({ userId });
    expect(await sessions().listForUser(userId)).toHaveLength(1);
    expect(await sessions().revokeAllForUser(userId)).toBe(1);
  });

  it.each([undefined, null, 'id', 5])('says what of() takes where it is given %j', async (given: any) => {
    await expect(sessions().of(given)).rejects.toThrow(/^SessionService\.of\(\) takes .*, but got/);
  });

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8::1', '2001:db8::1'],
    ['x'.repeat(14_000), null],
    [`fe80::1%${'x'.repeat(14_000)}`, null],
    ['<script>', null],
  ])('keeps no address that is none, whatever a trusted proxy forwards', async (forwarded, kept) => {
    const app = await startApp(fixture.database, { trustsProxy: true });
    const userId = `forwarded-${forwarded.slice(0, 20)}`;
    await visit(app.client(), (session) => session.login(userId), { 'x-forwarded-for': forwarded });
    await app.close();
    expect((await sessions().listForUser(userId)).map(({ ip }) => ip)).toEqual([kept]);
  });

  it.each(['::ffff:203.0.113.9', '::FFFF:203.0.113.9'])(
    'keeps an IPv4 address as such where the server listens on IPv6, and Node.js says %s',
    async (said) => {
      const app = await startApp(fixture.database, { trustsProxy: true });
      await visit(app.client(), (session) => session.login(said), { 'x-forwarded-for': said });
      await app.close();
      expect((await sessions().listForUser(said)).map(({ ip }) => ip)).toEqual(['203.0.113.9']);
    },
  );

  it('tells what happens to sessions', async () => {
    const events: SessionEvent[] = [];
    const subscription = sessions().events.subscribe((event) => events.push(event));
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    await visit(client, (session) => session.regenerate());
    await sessions().flush();
    await visit(client, (session) => session.login('u7'));
    await visit(client, (session) => session.logout());
    const { session } = await sessions().create();
    await sessions().revoke(session.id);
    const late = await sessions().create();
    await fixture.database.query('update sessions set expires_at = clock_timestamp() where id = $1', [late.session.id]);
    await sessions().purgeExpired();
    subscription.unsubscribe();
    const about = (one: string) =>
      events.filter((event) => event.sessionId === one).map((event) => [event.type, event.userId]);
    expect(about(id)).toEqual([
      ['created', null],
      ['loaded', null],
      ['rotated', null],
      ['renewed', null],
      ['loaded', null],
      ['rotated', 'u7'],
      ['login', 'u7'],
      ['loaded', 'u7'],
      ['destroyed', 'u7'],
      ['logout', 'u7'],
    ]);
    expect(about(session.id)).toEqual([
      ['created', null],
      ['revoked', null],
    ]);
    expect(about(late.session.id)).toEqual([
      ['created', null],
      ['expired', null],
    ]);
  });

  it('reports a session that was refused because it had ended', async () => {
    const { session } = await sessions().create();
    const found = await sessions().find(session.id);
    await sessions().revoke(session.id);
    const events: SessionEvent[] = [];
    const subscription = sessions().events.subscribe((event) => events.push(event));
    await expect(found?.set('a', 1).save()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' });
    subscription.unsubscribe();
    const none = { userId: null, ip: null, userAgent: null };
    expect(events).toEqual([{ type: 'rejected', reason: 'gone', sessionId: session.id, ...none, leftOut: 0 }]);
  });

  it('gives one session to all who ask for a request’s', async () => {
    const same = await inHandler(fixture.app.client(), async (session, request) => {
      const asked = await Promise.all([sessions().of(request), sessions().of(request)]);
      return asked.every((one) => one === session);
    });
    expect(same).toBe(true);
  });
});
