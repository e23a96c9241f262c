import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req } from '@nestjs/common';
import type { Request } from 'express';
import type { Client, Reply } from '../support/client.js';
import { idOf } from '../support/express-session.js';
import { useApp } from '../support/app.js';
import {
  AccountController,
  KnownController,
  LocalStrategy,
  passportModule,
  passwordOf,
  usePassport,
  UserSerializer,
  UsersService,
} from '../support/passport.app.js';
import { inHandler, signal, visit } from '../support/probe.js';
import { statements } from '../support/statements.js';

const usePassportApp = (extra: Parameters<typeof useApp>[0] = {}) =>
  useApp({
    imports: [passportModule],
    controllers: [AccountController, KnownController],
    providers: [UsersService, LocalStrategy, UserSerializer],
    prepare: usePassport,
    ...extra,
  });

const login = (client: Client, name: string, headers?: Record<string, string>): Promise<Reply> =>
  client.post('/login', { username: name, password: passwordOf(name) }, headers);

describe('@nestjs/passport with passport-local, on the session of this library', () => {
  const fixture = usePassportApp();
  const me = async (client: Client, headers?: Record<string, string>) => {
    const reply = await client.get('/me', headers);
    return reply.status === 200 ? (reply.json as { name: string }).name : reply.status;
  };
  const users = () => fixture.app.app.get(UsersService);
  beforeAll(async () => void (await Promise.all(['ada', 'bob'].map((name) => users().add(name)))));

  it('signs in, knows the user by the cookie from then on, and signs out', async () => {
    const client = fixture.app.client();
    expect(await me(client)).toBe(401);
    const reply = await login(client, 'ada');
    expect(reply.status).toBe(204);
    expect(reply.setCookies).toHaveLength(1);
    expect((await fixture.row(await idOf(client)))['data']).toEqual({ passport: { user: 'id-of-ada' } });
    expect(await me(client)).toBe('ada');
    expect(await me(fixture.app.client())).toBe(401);
    const [id, cookie] = [await idOf(client), await client.cookie()];
    expect((await client.post('/logout')).status).toBe(204);
    expect(await client.cookie()).toBe('');
    expect(await me(client)).toBe(401);
    expect(await me(fixture.app.client(), { cookie })).toBe(401);
    await expect(fixture.row(id)).rejects.toThrow('found 0');
  });

  it('signs nobody in with a wrong password, and leaves what the visitor has', async () => {
    const client = fixture.app.client();
    const reply = await client.post('/login', { username: 'ada', password: 'wrong' });
    expect(reply).toMatchObject({ status: 401, setCookies: [] });
    await visit(client, (session) => session.set('cart', 1));
    const cookie = await client.cookie();
    expect((await client.post('/login', { username: 'ada', password: 'wrong' })).status).toBe(401);
    expect(await client.cookie()).toBe(cookie);
    expect(await inHandler(client, (session) => session.get('cart'))).toBe(1);
  });

  it('signs nobody in who has planted a cookie (session fixation)', async () => {
    const attacker = fixture.app.client();
    await visit(attacker, (session) => session.set('planted', 'by the attacker'));
    const planted = await attacker.cookie();
    const victim = fixture.app.client();
    await victim.jar.setCookie(planted, fixture.app.url);
    await login(victim, 'ada');
    expect(await victim.cookie()).not.toBe(planted);
    expect(await me(attacker)).toBe(401);
    expect(await visit(attacker, (session) => session.set('late', 1))).toMatchObject({ status: 401, setCookies: [] });
    expect(await me(victim)).toBe('ada');
    expect((await fixture.row(await idOf(victim)))['data']).toEqual({ passport: { user: 'id-of-ada' } });
  });

  it('does not let a request that was under way with the planted cookie write into the session', async () => {
    const attacker = fixture.app.client();
    await visit(attacker, (session) => session.set('planted', 1));
    const victim = fixture.app.client();
    await victim.jar.setCookie(await attacker.cookie(), fixture.app.url);
    const [loaded, signedIn] = [signal(), signal()];
    const late = visit(attacker, async (session) => {
      loaded.reach();
      await signedIn.reached;
      session.data['passport' as never] = { user: 'id-of-bob' } as never;
    });
    await loaded.reached;
    await login(victim, 'ada');
    signedIn.reach();
    expect(await late).toMatchObject({ status: 401, setCookies: [] });
    expect(await me(victim)).toBe('ada');
  });

  it('changes users with nothing left of the first', async () => {
    const client = fixture.app.client();
    await login(client, 'ada');
    await visit(client, (session) => session.set('secret', 'of ada'));
    const cookie = await client.cookie();
    await login(client, 'bob');
    expect(await me(client)).toBe('bob');
    expect(await me(fixture.app.client(), { cookie })).toBe(401);
    expect((await fixture.row(await idOf(client)))['data']).toEqual({ passport: { user: 'id-of-bob' } });
  });

  it('knows the user in parallel requests, whose changes all count', async () => {
    const client = fixture.app.client();
    await login(client, 'ada');
    const names = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        inHandler(client, (session, request) => {
          Object.assign((request as unknown as { session: object }).session, { [`key${index}`]: index });
          session.increment('count');
          return (request.user as { name: string }).name;
        }),
      ),
    );
    expect(new Set(names)).toEqual(new Set(['ada']));
    const { data } = await fixture.row(await idOf(client));
    expect(data).toMatchObject({ count: 40, key0: 0, key39: 39, passport: { user: 'id-of-ada' } });
  });

  it('signs in twice at the same time, as a double click does: both answers are good', async () => {
    const visitor = fixture.app.client();
    await visit(visitor, (session) => session.set('cart', 1));
    const cookie = await visitor.cookie();
    const clicks = [fixture.app.client(), fixture.app.client()] as const;
    const replies = await Promise.all(clicks.map((click) => login(click, 'ada', { cookie })));
    expect(replies.map(({ status }) => status)).toEqual([204, 204]);
    expect(await Promise.all(clicks.map((click) => me(click)))).toEqual(['ada', 'ada']);
  });

  it('forgets a user who has been deleted', async () => {
    await users().add('eve');
    const client = fixture.app.client();
    await login(client, 'eve');
    expect(await me(client)).toBe('eve');
    await users().remove('eve');
    expect(await me(client)).toBe(401);
    await users().add('eve');
    expect(await me(client)).toBe(401);
  });

  it('keeps the session’s data with keepSessionInfo, under another credential', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('cart', { items: ['book'] }));
    const cookies = [await client.cookie()];
    const options = { session: true, keepSessionInfo: true };
    const done = (work: (callback: (error: unknown) => void) => void) =>
      new Promise<void>((resolve, reject) => work((error) => (error ? reject(error as Error) : resolve())));
    const ada = (await users().find('id-of-ada')) as Express.User;
    await visit(client, (_session, request) => done((callback) => request.login(ada, options, callback)));
    cookies.push(await client.cookie());
    expect(await me(client)).toBe('ada');
    expect((await fixture.row(await idOf(client)))['data']).toMatchObject({ cart: { items: ['book'] } });
    await visit(client, (_session, request) => done((callback) => request.logout(options, callback)));
    cookies.push(await client.cookie());
    expect(await me(client)).toBe(401);
    expect((await fixture.row(await idOf(client)))['data']).toEqual({ cart: { items: ['book'] }, passport: {} });
    expect(new Set(cookies).size).toBe(3);
  });

  it('asks the database nothing for a visitor without a cookie, and gives none', async () => {
    const client = fixture.app.client();
    expect(await statements(fixture.app, () => me(client))).toBe(0);
    expect(await client.cookie()).toBe('');
  });

  it('writes nothing when a user only looks', async () => {
    const client = fixture.app.client();
    await login(client, 'ada');
    await fixture.app.sessions.flush();
    expect(await statements(fixture.app, () => me(client), 'set data')).toBe(0);
  });

  describe('with session.login() in the handler', () => {
    const known = async (name: string) => {
      const client = fixture.app.client();
      const reply = await client.post('/known/login', { username: name, password: passwordOf(name) });
      expect(reply).toMatchObject({ status: 204, setCookies: [expect.any(String)] });
      return client;
    };

    it('SessionGuard and the devices know the user, too', async () => {
      const client = await known('bob');
      expect(await me(client)).toBe('bob');
      expect((await client.get('/known/me')).text).toBe('id-of-bob');
      const devices = await fixture.app.sessions.listForUser('id-of-bob');
      expect(devices.map(({ id }) => id)).toContain(await idOf(client));
    });

    it('one sign-out is both, whichever it is', async () => {
      for (const signOut of [
        (client: Client) => client.post('/logout'),
        (client: Client) => visit(client, (session) => session.logout()),
        () => fixture.app.sessions.revokeAllForUser('id-of-bob'),
      ]) {
        const client = await known('bob');
        await signOut(client);
        expect([await me(client), (await client.get('/known/me')).status]).toEqual([401, 401]);
      }
    });
  });
});

describe('While the store is down, Passport', () => {
  const fixture = usePassportApp({ options: { queryTimeout: '200ms' } });

  it('signs nobody in, and answers 503', async () => {
    await fixture.app.app.get(UsersService).add('ada');
    const client = fixture.app.client();
    const held = await fixture.database.hold('lock table sessions in access exclusive mode');
    const reply = await login(client, 'ada');
    await held.release();
    expect(reply).toMatchObject({ status: 503, setCookies: [] });
    expect((await client.get('/me')).status).toBe(401);
    expect((await login(client, 'ada')).status).toBe(204);
  });
});

/** With Fastify, what Passport puts on a request that middleware is given is on Node's own request. */
@Controller('raw')
class RawController {
  @Get('me') me(@Req() request: { raw: Request }): unknown {
    return { user: request.raw.user ?? null };
  }
  @Post('logout') async logout(@Req() request: { raw: Request }): Promise<void> {
    await promisify(request.raw.logout.bind(request.raw) as (done: (error: unknown) => void) => void)();
  }
}

describe('On Fastify, by way of middleware, Passport', () => {
  const fixture = usePassportApp({
    platform: 'Fastify',
    controllers: [AccountController, RawController],
  });

  it('signs in, knows the user by the cookie from then on, and signs out', async () => {
    await fixture.app.app.get(UsersService).add('ada');
    const client = fixture.app.client();
    const anonymous = await client.get('/raw/me');
    const cookies = [(await login(client, 'ada'), await client.cookie())];
    const known = await client.get('/raw/me');
    await client.post('/raw/logout');
    cookies.push(await client.cookie());
    const gone = await client.get('/raw/me', { cookie: cookies[0] as string });
    expect([anonymous, known, gone].map(({ json }) => (json as { user: { name: string } | null }).user?.name)).toEqual([
      undefined,
      'ada',
      undefined,
    ]);
    expect(cookies).toEqual([expect.stringMatching(/^session_id=/), '']);
  });
});

describe('docs/passport.md', () => {
  it('shows the code that these tests run', async () => {
    const [docs, ...code] = await Promise.all(
      ['docs/passport.md', 'test/support/passport.app.ts', 'test/support/engine-session.adapter.ts'].map((file) =>
        readFile(join(import.meta.dirname, '../..', file), 'utf8'),
      ),
    );
    const shown = [...code.join('\n').matchAll(/\/\/ begin.*\n([^]*?)\n *\/\/ end/g)].map(
      (match) => match[1] as string,
    );
    expect(shown).toHaveLength(3);
    for (const part of shown) expect(docs).toContain(part);
  });
});
