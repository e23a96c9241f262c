import type { ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import fastifyCookie from '@fastify/cookie';
import { BadRequestException, type INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type ExpressSession, type Session, sessionMiddleware } from 'nestjs-mikro-session';
import { Cookie } from 'tough-cookie';
import type { Reply } from '../support/client.js';
import { useApp } from '../support/app.js';
import { type Platform, PLATFORMS } from '../support/platform.js';
import { type Visit, visit } from '../support/probe.js';

/** Has `response.cookie()` on Fastify too. */
const withCookies = (platform: Platform) => async (app: INestApplication) => {
  if (platform === 'Fastify') await (app as NestFastifyApplication).register(fastifyCookie as never);
};
const named = (reply: Reply, name = 'session_id') =>
  reply.setCookies.filter((line) => Cookie.parse(line)?.key === name);

describe.each(PLATFORMS)('On %s, Set-Cookie', (platform) => {
  const fixture = useApp({ platform, prepare: withCookies(platform) });
  const known = async (userId?: string) => {
    const client = fixture.app.client();
    await visit(client, (session) => (userId === undefined ? session.set('a', 1) : session.login(userId)));
    return client;
  };

  it.each<[string, Visit, number, 'set' | 'removed' | 'left']>([
    ['begins and logs in', (s) => s.set('a', 1).login('ada'), 200, 'set'],
    [
      'logs in and regenerates, twice',
      async (s) => {
        for (let times = 0; times < 2; times++) {
          await s.login('ada');
          await s.regenerate();
        }
      },
      200,
      'set',
    ],
    [
      'logs in, regenerates and logs out',
      async (s) => {
        await s.login('ada');
        await s.regenerate();
        await s.logout();
      },
      200,
      'removed',
    ],
    [
      'logs out and writes, which begins a session',
      async (s) => {
        await s.logout();
        s.flash('info', 'Bye.');
      },
      200,
      'set',
    ],
    [
      'logs out twice',
      async (s) => {
        await s.logout();
        await s.logout();
      },
      200,
      'removed',
    ],
    [
      'logs out, logs in and saves',
      async (s) => {
        await s.logout();
        await s.login('bob');
        await s.save();
      },
      200,
      'set',
    ],
    [
      'logs in and then refuses',
      async (s) => {
        await s.login('ada');
        throw new BadRequestException();
      },
      400,
      'set',
    ],
    [
      'logs in and then fails',
      async (s) => {
        await s.login('ada');
        throw new Error('broken');
      },
      500,
      'set',
    ],
    [
      'logs out and then fails',
      async (s) => {
        await s.logout();
        throw new Error('broken');
      },
      500,
      'removed',
    ],
    [
      'writes and then fails',
      (s) => {
        s.set('b', 1);
        throw new Error('broken');
      },
      500,
      'left',
    ],
  ])('is there once at most where a handler %s', async (_what, handler, status, outcome) => {
    const reply = await visit(await known(), handler);
    expect(reply.status).toBe(status);
    const said = named(reply).map((line) => (line.startsWith('session_id=;') ? 'removed' : 'set'));
    expect(said).toEqual(outcome === 'left' ? [] : [outcome]);
  });

  it.each<[string, Visit]>([
    ['born', (session) => session.set('a', 1)],
    ['rotated', (session) => session.login('ada')],
    ['removed', (session) => session.destroy()],
  ])('leaves the handler’s own cookies where ours is %s, whatever they begin with', async (what, handler) => {
    const client = what === 'born' ? fixture.app.client() : await known();
    const reply = await visit(client, async (session, request, response) => {
      response.cookie('session_id2', 'two', { path: '/elsewhere' });
      response.cookie('my_session_id', 'mine');
      await handler(session, request, response);
      response.cookie('session', '3');
      response.cookie('Session_id', 'other');
    });
    for (const own of ['session_id2=two; Path=/elsewhere', 'my_session_id=mine', 'session=3', 'Session_id=other'])
      expect(reply.setCookies).toContainEqual(expect.stringMatching(new RegExp(`^${own}`)));
    expect(reply.setCookies).toHaveLength(5);
  });

  it.each([
    'session_id=theirs; Path=/',
    ' session_id =theirs; path = / ',
    '\tsession_id; Path=/',
    'session_id=; Path=/elsewhere; Max-Age=0; PATH=/; Domain=',
  ])('has ours in place of the same cookie where the handler sets it: %j', async (line) => {
    const reply = await visit(fixture.app.client(), (session, _request, response) => {
      response.header('Set-Cookie', line);
      session.set('a', 1);
    });
    expect(reply.setCookies).toEqual([expect.stringMatching(/^session_id=[\w-]{36}\.[\w-]{43};/)]);
  });

  const ENDINGS: [string, (session: Session) => Promise<void>, RegExp][] = [
    ['logs in', (session) => session.login('ada'), /^session_id=[\w-]{36}\.[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly/],
    ['logs out', (session) => session.logout(), /^session_id=; Max-Age=0; Path=\//],
  ];
  describe.each(ENDINGS)('of a handler that %s', (_what, work, ours) => {
    it.each([
      ['path', 'session_id=; Path=/shop; Expires=Thu, 01 Jan 1970 00:00:00 GMT'],
      ['path, as it names none: that is the one of the request', 'session_id=; Max-Age=0'],
      ['domain', 'session_id=; Path=/; Domain=.example.com; Max-Age=0'],
      ['domain, as it is for the hosts below too', 'session_id=; Path=/; Domain=127.0.0.1; Max-Age=0'],
      ['domain and path', 'session_id=; Domain=example.com; Path=/shop; Max-Age=0'],
      ['partition', 'session_id=; Path=/; Secure; Partitioned; Max-Age=0'],
    ])('keeps, before ours, what removes a cookie of our name with another %s', async (_other, line) => {
      const reply = await visit(await known('bob'), async (session, _request, response) => {
        response.header('Set-Cookie', [line, 'theme=dark']);
        await work(session);
      });
      expect(reply.setCookies).toEqual([line, 'theme=dark', expect.stringMatching(ours)]);
    });

    it('lets clearCookie() remove the duplicate that a browser holds, and nothing else', async () => {
      const client = await known('bob');
      const { origin, hostname } = new URL(fixture.app.url);
      for (const path of ['/probe', '/shop']) {
        await client.jar.setCookie(`session_id=old; Path=${path}`, origin);
      }
      await visit(client, async (session, _request, response) => {
        response.clearCookie('session_id', { path: '/probe' });
        response.clearCookie('session_id', { path: '/', domain: hostname });
        await work(session);
      });
      const held = await client.jar.store.getAllCookies();
      const live = held.filter(({ expires }) => !(expires instanceof Date) || expires.getTime() > Date.now());
      expect(live.map(({ key, path }) => key + path).toSorted()).toEqual(
        ['session_id/shop', ...(work === ENDINGS[0]?.[1] ? ['session_id/'] : [])].toSorted(),
      );
    });
  });

  it('is the handler’s alone where ours does not change', async () => {
    const reply = await visit(await known(), (session, _request, response) => {
      session.set('a', 2);
      response.cookie('theme', 'dark');
    });
    expect(reply.setCookies).toEqual([expect.stringMatching(/^theme=dark/)]);
  });

  it('leaves cookies of the request to the application', async () => {
    const cookie = `theme=dark; ${await (await known('ada')).cookie()}; session_id2=x`;
    const reply = await visit(fixture.app.client(), (session, { headers }) => [session.userId, headers.cookie], {
      cookie,
    });
    expect(reply.json).toEqual(['ada', cookie]);
  });
});

describe('In an application that is mounted below a path, Set-Cookie', () => {
  const fixture = useApp({
    prepare: (app) => {
      app.use(sessionMiddleware(app));
      app.use('/shop', ({ session }: { session: ExpressSession }, response: ServerResponse) => {
        session['a'] = 1;
        response.setHeader('Set-Cookie', 'session_id=; Max-Age=0');
        response.end();
      });
    },
  });

  it('keeps what removes a cookie of the path that the browser asked for', async () => {
    const { setCookies } = await fixture.app.client().get('/shop/login');
    expect(setCookies).toEqual(['session_id=; Max-Age=0', expect.stringMatching(/^session_id=[^;]/)]);
  });
});

describe.each(PLATFORMS)('On %s, the removal', (platform) => {
  const cookie = {
    name: '__Secure-sid',
    path: '/probe',
    domain: 'example.com',
    secure: true,
    sameSite: 'none',
    partitioned: true,
  } as const;
  const fixture = useApp({ platform, options: { cookie } });
  /** Everything but the value and the lifetime. */
  const attributes = (reply: Reply) => {
    const [line] = named(reply, cookie.name);
    return (line as string)
      .split('; ')
      .slice(1)
      .filter((attribute) => !/^(Max-Age|Expires)=/.test(attribute))
      .toSorted();
  };

  it('takes the place of the handler’s own, however that spells the domain, and of no other', async () => {
    const born = await visit(fixture.app.client(), (session) => session.login('ada'));
    const value = Cookie.parse(named(born, cookie.name)[0] as string)?.value;
    const same = `${cookie.name}=; Path=/probe; domain=.EXAMPLE.com; Partitioned; Secure; Max-Age=0`;
    const others = [
      `${cookie.name}=; Path=/probe; Partitioned; Secure; Max-Age=0`,
      `${cookie.name}=; Domain=shop.example.com; Path=/probe; Partitioned; Secure; Max-Age=0`,
      `${cookie.name}=; Domain=example.com; Path=/; Partitioned; Secure; Max-Age=0`,
      `${cookie.name}=; Domain=example.com; Path=/probe; Secure; Max-Age=0`,
    ];
    const ended = await visit(
      fixture.app.client(),
      async (session, _request, response) => {
        response.header('Set-Cookie', [same, ...others]);
        await session.logout();
      },
      { cookie: `${cookie.name}=${value}` },
    );
    expect(ended.setCookies).toEqual([...others, expect.stringContaining('HttpOnly')]);
  });

  it.each<[string, (session: Session) => Promise<void>]>([
    ['logout()', (session) => session.logout()],
    ['destroy()', (session) => session.destroy()],
  ])('by %s has the attributes that the cookie was set with, so that browsers find it', async (_what, end) => {
    const born = await visit(fixture.app.client(), (session) => session.login('ada'));
    const value = Cookie.parse(named(born, cookie.name)[0] as string)?.value;
    const ended = await visit(fixture.app.client(), (session) => end(session), { cookie: `${cookie.name}=${value}` });
    expect(named(ended, cookie.name)[0]).toMatch(/^__Secure-sid=; Max-Age=0;.*Expires=Thu, 01 Jan 1970 00:00:00 GMT/);
    expect(attributes(ended)).toEqual(attributes(born));
    expect(attributes(ended)).toEqual([
      'Domain=example.com',
      'HttpOnly',
      'Partitioned',
      'Path=/probe',
      'SameSite=None',
      'Secure',
    ]);
  });
});
