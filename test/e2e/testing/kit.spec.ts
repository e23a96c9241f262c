import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  Authorize,
  Session,
  SessionArgumentError,
  SessionGuard,
  SessionModule,
  type SessionModuleOptions,
  SessionRenewal,
} from 'nestjs-mikro-session';
import {
  createTestSession,
  expectFlash,
  expectSignedIn,
  expectSignedOut,
  readSession,
} from 'nestjs-mikro-session/testing';
import request from 'supertest';
import { startApp, type TestApp, useApp } from '../../support/app.js';

@Controller()
class ShopController {
  @Post('login')
  async login(@Session() session: Session) {
    await session.login('ada', { roles: ['admin'] });
    session.flash('success', 'Welcome, Ada');
  }

  @Post('logout')
  async logout(@Session() session: Session) {
    await session.logout();
  }

  @Post('cart')
  @SessionRenewal(false)
  cart(@Session() session: Session) {
    session.data['cart'] = ['tea'];
  }

  @Get('me')
  @UseGuards(SessionGuard)
  me(@Session() { userId, auth, ttl }: Session) {
    return { userId, auth, ttl };
  }

  @Get('admin')
  @Authorize({ roles: ['admin'] })
  admin() {
    return 'welcome';
  }
}

const controllers = [ShopController];
const me = (app: TestApp) => request(app.url).get('/me');

describe.each(['Express', 'Fastify'] as const)('A session that a test makes, on PostgreSQL and %s', (platform) => {
  const fixture = useApp({ platform, controllers });

  it('lets its cookie past a guard', async () => {
    const { cookie } = await createTestSession(fixture.app.app, { userId: 'ada' });
    const { status, body } = await me(fixture.app).set('cookie', cookie);
    expect([status, body]).toEqual([200, { userId: 'ada', auth: null, ttl: 1_800_000 }]);
  });

  it('has the snapshot, the data and the lifetime that the test gives it', async () => {
    const { headers, session } = await createTestSession(fixture.app.app, {
      userId: 'ada',
      auth: { roles: ['admin'] },
      data: { cart: ['tea'] },
      ttl: '5m',
    });
    await me(fixture.app)
      .set(headers)
      .expect(200, { userId: 'ada', auth: { roles: ['admin'] }, ttl: 300_000 });
    await request(fixture.app.url).get('/admin').set(headers).expect(200);
    expect(session.data).toEqual({ cart: ['tea'] });
  });

  it('may be an anonymous visitor’s', async () => {
    const { headers } = await createTestSession(fixture.app.app, { data: { cart: ['tea'] } });
    await me(fixture.app).set(headers).expect(401);
    expect((await readSession(fixture.app.app, headers['cookie']))?.data).toEqual({ cart: ['tea'] });
  });

  it('may be changed by the test afterwards', async () => {
    const { session, headers } = await createTestSession(fixture.app.app, { userId: 'ada' });
    await session.set('cart', ['coffee']).save();
    expect((await readSession(fixture.app.app, headers['cookie']))?.get('cart')).toEqual(['coffee']);
  });

  it('is not made of a snapshot that is no user’s, nor of members that nothing reads', async () => {
    for (const content of [{ auth: { roles: ['admin'] } }, { userId: 'ada', roles: ['admin'] }]) {
      await expect(createTestSession(fixture.app.app, content)).rejects.toThrow(SessionArgumentError);
    }
  });
});

describe('The session of a client', () => {
  const fixture = useApp({ controllers });

  it('is read by the Set-Cookie lines of a response', async () => {
    const response = await request(fixture.app.url).post('/login').expect(201);
    const session = await readSession(fixture.app.app, response.headers['set-cookie'] as unknown as string[]);
    expect(session?.userId).toBe('ada');
    expect(session?.auth).toEqual({ roles: ['admin'] });
  });

  it('is read by what fetch gives, among other cookies', async () => {
    const response = await fetch(`${fixture.app.url}/login`, { method: 'POST' });
    const lines = ['theme=dark; Path=/', ...response.headers.getSetCookie()];
    expect((await readSession(fixture.app.app, lines))?.userId).toBe('ada');
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['no lines', []],
    ['an empty header', ''],
    ['another cookie', 'theme=dark'],
    ['a removed cookie', 'session_id=; Path=/; Max-Age=0'],
    ['what was made up', `session_id=${crypto.randomUUID()}.${'A'.repeat(43)}`],
  ])('is null for %s', async (_what, held) => {
    expect(await readSession(fixture.app.app, held)).toBeNull();
  });

  it('is null for the id of a session with another’s secret', async () => {
    const [one, other] = [await createTestSession(fixture.app.app), await createTestSession(fixture.app.app)];
    const held = one.cookie.replace(/\..*/, '') + other.cookie.replace(/[^.]*/, '');
    expect(await readSession(fixture.app.app, held)).toBeNull();
  });

  it('is not accessed by a test that reads it', async () => {
    const { cookie } = await createTestSession(fixture.app.app, { userId: 'ada' });
    const before = (await readSession(fixture.app.app, cookie))?.lastAccessAt;
    expect((await readSession(fixture.app.app, cookie))?.lastAccessAt).toEqual(before);
  });

  it('shows a request that was answered just now, though renewals are collected', async () => {
    const { app } = await startApp(fixture.database, { controllers, options: { renewal: { granularity: 0 } } });
    try {
      const { headers } = await createTestSession(app, { userId: 'ada' });
      const before = await readSession(app, headers['cookie']);
      await request(app.getHttpServer()).get('/me').set(headers).expect(200);
      const after = await readSession(app, headers['cookie']);
      expect(after?.lastAccessAt.getTime()).toBeGreaterThan(Number(before?.lastAccessAt.getTime()));
    } finally {
      await app.close();
    }
  });
});

describe('What is expected of a client', () => {
  const fixture = useApp({ controllers });
  const signedIn = async () => {
    const response = await request(fixture.app.url).post('/login');
    return response.headers['set-cookie'] as unknown as string[];
  };

  it('passes where it is so', async () => {
    const { app } = fixture.app;
    const held = await signedIn();
    await expectSignedIn(app, held);
    await expectSignedIn(app, held, 'ada');
    await expectFlash(app, held, 'success');
    await expectFlash(app, held, 'success', 'Welcome, Ada');
    await expectSignedOut(app, undefined);
    await expectSignedOut(app, (await createTestSession(app)).cookie);
  });

  it('leaves flash messages to the application', async () => {
    const held = await signedIn();
    await expectFlash(fixture.app.app, held, 'success');
    expect((await readSession(fixture.app.app, held))?.flashes()).toHaveLength(1);
  });

  it.each<[string, (app: TestApp['app'], held: string[]) => Promise<void>, string]>([
    ['another user', (app, held) => expectSignedIn(app, held, 'bob'), 'signed in as "bob", but it is "ada"'],
    ['a user, without a cookie', (app) => expectSignedIn(app, []), 'but the cookie opens no session'],
    ['no user', (app, held) => expectSignedOut(app, held), 'not to be signed in, but it is "ada"'],
    ['another message', (app, held) => expectFlash(app, held, 'success', 'Bye'), 'but there are: [{"'],
    ['another category', (app, held) => expectFlash(app, held, 'error'), 'of the category "error", but there are'],
    ['a message, without a cookie', (app) => expectFlash(app, [], 'error'), 'are none.'],
  ])('fails where %s is expected, and says what is there', async (_what, expectation, says) => {
    const failed = await expectation(fixture.app.app, await signedIn()).catch((error: unknown) => error);
    expect(failed).toMatchObject({ name: 'AssertionError', code: 'ERR_ASSERTION' });
    expect((failed as Error).message).toContain(says);
  });

  it('fails for a user, where the visitor is anonymous', async () => {
    const { cookie } = await createTestSession(fixture.app.app);
    await expect(expectSignedIn(fixture.app.app, cookie)).rejects.toThrow('nobody is signed in to its session');
  });
});

describe('Headers and cookies of a test’s session', () => {
  const apps: TestApp[] = [];
  const start = async (options: SessionModuleOptions): Promise<TestApp> => {
    const { TestSessionStore } = await import('nestjs-mikro-session/testing');
    const session = SessionModule.forRoot({ ...options, store: TestSessionStore });
    const app = await startApp(null, { platform: 'Fastify', controllers, session });
    apps.push(app);
    return app;
  };
  let header: TestApp;
  beforeAll(async () => {
    header = await start({ transport: 'header', header: { name: 'x-token' } });
  });
  afterAll(() => Promise.all(apps.map((app) => app.close())));

  it('carry the credential in the header of the application, which light-my-request takes', async () => {
    const made = await createTestSession(header.app, { userId: 'ada' });
    const injected = await (header.app as NestFastifyApplication).inject({ url: '/me', headers: made.headers });
    expect(injected.json()).toMatchObject({ userId: 'ada' });
    expect(made.cookie).toBe('');
    expect(made.cookiesFor('https://shop.example')).toEqual([]);
    expect((await readSession(header.app, made.headers['x-token']))?.userId).toBe('ada');
  });

  it('are cookies as the application sets them, for Playwright', async () => {
    const plain = await createTestSession((await start({})).app);
    expect(plain.cookiesFor('http://localhost:3000/login')).toEqual([
      {
        name: 'session_id',
        value: plain.cookie.slice('session_id='.length),
        domain: 'localhost',
        path: '/',
        httpOnly: true,
        secure: false,
        sameSite: 'Lax',
      },
    ]);
    expect(plain.cookiesFor('https://shop.example')).toMatchObject([{ domain: 'shop.example', secure: true }]);
    const strict = await start({ cookie: { domain: 'shop.example', sameSite: 'strict', secure: true, path: '/app' } });
    expect((await createTestSession(strict.app)).cookiesFor('https://www.shop.example')).toMatchObject([
      { domain: '.shop.example', path: '/app', sameSite: 'Strict', secure: true },
    ]);
  });
});
