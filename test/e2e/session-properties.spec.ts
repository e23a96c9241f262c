import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req, Session as NestSession } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import cookieSession from 'cookie-session';
import expressSession from 'express-session';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { Session, SessionService } from 'nestjs-mikro-session';
import { type AppDefinition, useApp } from '../support/app.js';
import type { Platform } from '../support/platform.js';
import { inHandler, visit } from '../support/probe.js';

const SECRET = 'a secret of thirty-two characters';

/** What was thrown, as text. */
function thrown(work: () => unknown): string {
  try {
    work();
    return 'nothing';
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

/** Runs as a script does, which is not strict. */
const sloppy = (code: string) => (session: unknown) => runInNewContext(code, { session }) as unknown;

describe('A session that is shown', () => {
  const fixture = useApp();

  it('by console.log() says its id, its user and its data, and no secret', async () => {
    const shown = await inHandler(fixture.app.client(), async (session) => {
      const before = inspect(session);
      await session.login('ada', { roles: ['reader'] });
      session.set('cart', { items: ['tea'] });
      return { before, after: inspect(session, { showHidden: true, depth: 9 }), id: session.id };
    });
    expect(shown.before).toMatch(/^{ id: '[-\da-f]{36}', userId: null, data: {} }$/);
    expect(shown.after.replaceAll(/\s+/g, ' ')).toContain(`{ id: '${shown.id}', userId: 'ada', data: {`);
    expect(shown.after).toContain('tea');
    expect(shown.after).not.toMatch(/secret|hash|lifecycle/i);
  });

  it('by a spread, or by its properties, gives what toJSON() gives', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('cart', { items: ['tea'] }).set('views', 1));
    const seen = await inHandler(client, (session: any) => {
      const byProperty: Record<string, unknown> = {};
      for (const key of Object.keys(session)) byProperty[key] = session[key];
      return [{ ...session }, byProperty, session.toJSON(), 'views' in session, JSON.stringify(session)];
    });
    const data = { cart: { items: ['tea'] }, views: 1 };
    expect(seen).toEqual([data, data, data, true, JSON.stringify(data)]);
  });

  it('shows no data under the name of a member', async () => {
    const client = fixture.app.client();
    const seen = await inHandler(client, (session: any) => {
      session.data.userId = 'root';
      session.set('then', 1);
      return [{ ...session }, session.userId, session.then ?? null];
    });
    expect(seen).toEqual([{}, null, null]);
  });
});

describe('A property set on the session itself', () => {
  const fixture = useApp();
  const ways: [string, (session: any) => unknown][] = [
    ['an assignment', (session) => (session.visits = 1)],
    ['Object.assign()', (session) => Object.assign(session, { visits: 1 })],
    ['Object.defineProperty()', (session) => Object.defineProperty(session, 'visits', { value: 1 })],
    ['delete', (session) => delete session.visits],
    ['an assignment in code that is not strict', sloppy('session.visits = 1')],
    ['delete in code that is not strict', sloppy('delete session.visits')],
  ];

  describe.each([
    ['by @Session()', (session: Session) => session],
    ['by request.session', (_session: Session, request: any) => request.session],
    ['by SessionService.of()', (_session: Session, request: any) => fixture.app.sessions.of(request)],
    ['by SessionService.find()', async (session: Session) => fixture.app.sessions.find(session.id)],
    ['by SessionService.create()', async () => (await fixture.app.sessions.create()).session],
    ['by a method that returns the session', (session: Session) => session.set('a', 1)],
  ] as const)('%s', (_way, take) => {
    it.each(ways)('is refused with what to write instead: %s', async (_name, set) => {
      const client = fixture.app.client();
      await visit(client, (session) => session.set('n', 1));
      const error = await inHandler(client, async (session, request) => {
        const taken = await take(session, request);
        return thrown(() => set(taken));
      });
      expect(error).toMatch(/^TypeError: .*use session\.data\.visits, or session\.set\('visits', …\)/);
    });
  });

  it('that is a member of the session is refused, too', async () => {
    const errors = await inHandler(fixture.app.client(), (session: any) => [
      thrown(() => (session.userId = 'root')),
      thrown(() => (session.data = {})),
      thrown(() => delete session.login),
    ]);
    expect(errors).toEqual(errors.map(() => expect.stringMatching(/^TypeError: session\.\w+ is a member/)));
  });

  it('is 500, and nothing is stored of the request', async () => {
    const reply = await visit(fixture.app.client(), (session: any) => {
      session.set('a', 1);
      session.visits = 1;
    });
    expect(reply).toMatchObject({ status: 500, setCookies: [] });
  });

  it('leaves the members as they are: bound, chainable, printed as they were', async () => {
    const seen = await inHandler(fixture.app.client(), (session) => {
      // oxlint-disable-next-line typescript/unbound-method -- that is the test
      const { set, get } = session;
      set('a.b', 1).set('c', 2);
      return [
        get('a.b'),
        session.set('d', 3) === session,
        JSON.stringify(session),
        'visits' in session,
        'id' in session,
      ]
        .concat(Object.keys(session).join(), (session as any).visits, (session as any).cookieChange)
        .concat(/secret/i.test(inspect(session, { showHidden: true, depth: 9 })));
    });
    expect(seen).toEqual([1, true, '{"a":{"b":1},"c":2,"d":3}', false, true, 'a,c,d', undefined, undefined, false]);
  });
});

@Controller('both')
class BothController {
  @Post() write(@Session() session: Session, @NestSession() theirs: any, @Req() request: any): unknown {
    theirs.cart = 'theirs';
    session.set('cart', 'ours');
    return [theirs === request.session, theirs === session];
  }
  @Get() async read(@Session() session: Session, @NestSession() theirs: any): Promise<unknown> {
    return [session.get('cart'), theirs.cart];
  }
  @Get('unused') unused(): string {
    return 'answered';
  }
  @Post('login') async login(@Session() session: Session): Promise<void> {
    await session.login('ada');
  }
}

const OTHERS: [name: string, Platform, NonNullable<AppDefinition['prepare']>][] = [
  [
    'express-session',
    'Express',
    (app) => app.use(expressSession({ secret: SECRET, resave: false, saveUninitialized: false, name: 'theirs' })),
  ],
  ['cookie-session', 'Express', (app) => app.use(cookieSession({ secret: SECRET, name: 'theirs' }))],
  [
    '@fastify/session',
    'Fastify',
    async (app) => {
      const fastify = app as NestFastifyApplication;
      await fastify.register(fastifyCookie as never);
      await fastify.register(fastifySession as never, {
        secret: SECRET,
        cookieName: 'theirs',
        cookie: { secure: false },
        saveUninitialized: false,
      });
    },
  ],
];

describe.each(OTHERS)('With %s still mounted', (_name, platform, prepare) => {
  const fixture = useApp({ platform, controllers: [BothController], prepare });

  it('request.session is left to it, and both work side by side', async () => {
    const client = fixture.app.client();
    expect((await client.post('/both')).json).toEqual([true, false]);
    expect((await client.get('/both')).json).toEqual(['ours', 'theirs']);
    expect((await client.cookie()).split('; ').map((cookie) => cookie.split('=')[0])).toEqual(
      expect.arrayContaining(['theirs', 'session_id']),
    );
  });

  it('routes that use no session, and logins, answer as ever', async () => {
    const client = fixture.app.client();
    expect(await client.get('/both/unused')).toMatchObject({ status: 200, text: 'answered' });
    expect(await client.post('/both/login')).toMatchObject({ status: 201 });
    expect((await fixture.app.app.get(SessionService).listForUser('ada')).length).toBe(1);
  });

  it('one warning names the property and the page on moving over', async () => {
    for (let visits = 0; visits < 3; visits++) await fixture.app.client().get('/both/unused');
    const warnings = fixture.app.warnings.filter((warning) => warning.includes('request.session is there already'));
    expect(warnings).toEqual([expect.stringContaining('docs/migrating-from-express-session.md')]);
  });
});
