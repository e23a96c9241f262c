import { describe, expect, it } from '@jest/globals';
import fastifyCookie from '@fastify/cookie';
import { BadRequestException, type INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Session } from 'nestjs-mikro-session';
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

  it.each(['session_id=theirs', ' session_id =theirs; Path=/', '\tsession_id', 'session_id; Path=/'])(
    'has ours in place of one of our name that the handler sets: %j',
    async (line) => {
      const reply = await visit(fixture.app.client(), (session, _request, response) => {
        response.header('Set-Cookie', line);
        session.set('a', 1);
      });
      expect(reply.setCookies).toEqual([expect.stringMatching(/^session_id=[\w-]{36}\.[\w-]{43};/)]);
    },
  );

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
