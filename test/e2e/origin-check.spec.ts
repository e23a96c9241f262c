import { describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  ForbiddenException,
  Get,
  Inject,
  Post,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import {
  OnStoreError,
  Session,
  SessionGuard,
  SessionModule,
  type SessionModuleOptions,
  sessionMiddleware,
  SessionOriginError,
  SessionService,
  SkipSession,
} from 'nestjs-mikro-session';
import { type AppDefinition, type AppFixture, startApp, useApp } from '../support/app.js';
import type { Client } from '../support/client.js';
import { createDatabase } from '../support/database.js';
import { PLATFORMS, type PlatformResponse, sendTo } from '../support/platform.js';

/** Tells the client what stands behind a 403. */
@Catch(ForbiddenException)
class CauseFilter implements ExceptionFilter<ForbiddenException> {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async catch(exception: ForbiddenException, host: ArgumentsHost): Promise<void> {
    const { code, origin } = exception.cause as SessionOriginError;
    const session = await this.sessions.of(host);
    const { isNew, userId } = session;
    const refusals: unknown[] = [];
    for (const attempt of [() => session.login('eve'), () => session.set('seen', 1).save()]) {
      await attempt().catch((error: SessionOriginError) => refusals.push(error.code));
    }
    const answer = { code, origin, isNew, userId, refusals };
    host.switchToHttp().getResponse<PlatformResponse>().status(403).send(answer);
  }
}

@Controller()
class SiteController {
  @Post('login') async login(@Session() session: Session): Promise<string> {
    await session.login('eve');
    return 'signed in';
  }
  @Get('me') me(@Session('userId') userId: string | null): string {
    return userId ?? 'nobody';
  }
  @Post('transfer') @UseGuards(SessionGuard) transfer(@Session('userId') userId: string): string {
    return `by ${userId}`;
  }
  @Post('filtered') @UseFilters(CauseFilter) filtered(@Session('id') _id: string): void {}
  @Post('lenient') @OnStoreError('anonymous') lenient(@Session('id') id: string): string {
    return id;
  }
  @Post('webhook') @SkipSession() webhook(): string {
    return 'taken';
  }
}

const EVIL = 'https://evil.test';
const FRIEND = 'https://friend.test';
/** What browsers add, where the application is served by HTTPS. */
const CROSS_SITE = { origin: EVIL, 'sec-fetch-site': 'cross-site' };
const SAME_SITE = { origin: 'https://blog.app.test', 'sec-fetch-site': 'same-site' };

const post = (client: Client, path: string, headers: Record<string, string> = {}) =>
  client.post(path, undefined, headers);
const signedIn = async ({ app }: AppFixture) => {
  const { cookie } = await app.sessions.create({ userId: 'ada' });
  return { client: app.client(), cookie };
};

describe.each(PLATFORMS)('On %s', (platform) => {
  const use = (originCheck: SessionModuleOptions['originCheck'], definition: AppDefinition = {}) =>
    useApp({
      platform,
      controllers: [SiteController],
      session: SessionModule.forRoot({ ensureSchema: true, ...(originCheck !== undefined && { originCheck }) }),
      ...definition,
    });

  describe.each<[string, AppDefinition]>([
    ['originCheck', {}],
    [
      'originCheck, without the interceptor',
      { session: SessionModule.forRoot({ ensureSchema: true, originCheck: true, interceptor: false }) },
    ],
    ['originCheck and sessionMiddleware()', { prepare: (app) => app.use(sessionMiddleware(app)) }],
  ])('with %s', (_name, definition) => {
    const fixture = use(true, definition);

    it('a page of another site cannot sign a visitor in, and sets no cookie', async () => {
      const reply = await post(fixture.app.client(), '/login', CROSS_SITE);
      expect([reply.status, reply.setCookies, await fixture.rows()]).toEqual([403, [], 0]);
      expect(reply.json).toMatchObject({ statusCode: 403, message: new SessionOriginError(EVIL).message });
    });

    it('what comes with the visitor’s cookie is refused before the session is looked up', async () => {
      const { client, cookie } = await signedIn(fixture);
      const { sessions } = fixture.app;
      const { lookups, origins } = sessions.stats();
      for (const headers of [CROSS_SITE, SAME_SITE, { origin: EVIL }, { origin: 'null' }]) {
        const reply = await post(client, '/transfer', { ...headers, cookie });
        expect([reply.status, reply.setCookies]).toEqual([403, []]);
      }
      expect(sessions.stats()).toMatchObject({ lookups, origins: { refused: origins.refused + 4 } });
      expect((await post(client, '/transfer', { cookie })).text).toBe('by ada');
    });

    it('what changes nothing passes', async () => {
      const { client, cookie } = await signedIn(fixture);
      expect((await client.get('/me', { ...CROSS_SITE, cookie })).text).toBe('ada');
      expect((await client.request('HEAD', '/me', undefined, { ...CROSS_SITE, cookie })).status).toBe(200);
    });

    it('the application’s own pages pass, and so does what is no browser', async () => {
      const { client, cookie } = await signedIn(fixture);
      const own = { origin: fixture.app.url };
      for (const headers of [own, { ...own, 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }, {}]) {
        expect((await post(client, '/transfer', { ...headers, cookie })).text).toBe('by ada');
      }
    });

    it('the store’s absence makes no difference to @OnStoreError()', async () => {
      expect((await post(fixture.app.client(), '/lenient', CROSS_SITE)).status).toBe(403);
    });

    it('the operator is told once, with the origin', () => {
      const told = fixture.app.lines.filter((line) => line.includes('sent by a page of another origin'));
      expect(told).toEqual([
        expect.stringContaining(`warn: ${new SessionOriginError(EVIL).message} If it is the origin of`),
      ]);
    });
  });

  describe('with originCheck', () => {
    const fixture = use(true);

    it('exception filters learn what stands behind the 403, and find an empty session, which cannot be stored', async () => {
      const code = 'ERR_SESSION_ORIGIN';
      const { client, cookie } = await signedIn(fixture);
      const { refused } = fixture.app.sessions.stats().origins;
      for (const [headers, origin] of [
        [CROSS_SITE, EVIL],
        [{ origin: '<b>' }, null],
      ] as const) {
        const reply = await post(client, '/filtered', { ...headers, cookie });
        expect(reply.json).toEqual({ code, origin, isNew: true, userId: null, refusals: [code, code] });
        expect([reply.status, reply.setCookies, await fixture.rows()]).toEqual([403, [], 1]);
      }
      expect(fixture.app.sessions.stats().origins.refused).toBe(refused + 2);
    });

    it('what is malformed is not quoted', async () => {
      const reply = await post(fixture.app.client(), '/login', { origin: 'https://evil.test/<script>' });
      expect(reply.status).toBe(403);
      expect(reply.text).not.toContain('script');
      expect(fixture.app.lines.join()).not.toContain('script');
    });

    it('a route with @SkipSession() is not concerned', async () => {
      expect((await post(fixture.app.client(), '/webhook', CROSS_SITE)).text).toBe('taken');
    });
  });

  describe('with originCheck.allow', () => {
    const fixture = use({ allow: [FRIEND] });

    it('pages of those origins pass, and no others', async () => {
      const friendly = { origin: FRIEND, 'sec-fetch-site': 'cross-site' };
      expect((await post(fixture.app.client(), '/login', friendly)).setCookies).toHaveLength(1);
      expect((await post(fixture.app.client(), '/login', CROSS_SITE)).status).toBe(403);
    });
  });

  describe('with a function for originCheck.allow', () => {
    const seen: unknown[] = [];
    const fixture = use(
      {
        allow: (origin, { method, url, headers }) => {
          seen.push([origin, method, url, headers['x-asked']]);
          if (url?.startsWith('/transfer') === true) throw new Error('The function is broken.');
          return url === '/api/login?from=idp';
        },
      },
      {
        prepare: (app) => {
          app.setGlobalPrefix('api', { exclude: ['transfer'] });
          // Under a path, the platform hands on the rest of the URL.
          app.use('/api', sessionMiddleware(app));
        },
      },
    );

    it('decides about other origins, and is shown the request as it was sent', async () => {
      const headers = { ...CROSS_SITE, 'x-asked': 'yes' };
      expect((await post(fixture.app.client(), '/api/login?from=idp', headers)).setCookies).toHaveLength(1);
      expect((await post(fixture.app.client(), '/api/login', headers)).status).toBe(403);
      expect(seen).toEqual([
        [EVIL, 'POST', '/api/login?from=idp', 'yes'],
        [EVIL, 'POST', '/api/login', 'yes'],
      ]);
    });

    it('fails the request by an error, and lets nothing through', async () => {
      const { client, cookie } = await signedIn(fixture);
      expect((await post(client, '/transfer', { ...CROSS_SITE, cookie })).status).toBe(500);
    });
  });

  describe.each<[string, SessionModuleOptions['originCheck']]>([
    ['unless it is given', undefined],
    ['where it is false', false],
  ])('%s, originCheck', (_name, originCheck) => {
    const fixture = use(originCheck);

    it('leaves requests over HTTP alone', async () => {
      expect((await post(fixture.app.client(), '/login', CROSS_SITE)).setCookies).toHaveLength(1);
    });
  });

  describe.each<[string, AppDefinition]>([
    ['A proxy', {}],
    ['A proxy before sessionMiddleware()', { prepare: (app) => app.use(sessionMiddleware(app)) }],
  ])('%s', (_name, definition) => {
    // As the proxy sends it on, to the host that the test's client names.
    const forwarded = { origin: 'https://app.test:8443', 'x-forwarded-host': 'app.test:8443' };

    describe('that is trusted', () => {
      const fixture = use(true, { ...definition, trustsProxy: true });

      it('says which host a page has sent its request to', async () => {
        expect((await post(fixture.app.client(), '/login', forwarded)).setCookies).toHaveLength(1);
        expect((await post(fixture.app.client(), '/login', { ...forwarded, origin: EVIL })).status).toBe(403);
        const otherPort = { ...forwarded, origin: 'https://app.test' };
        expect((await post(fixture.app.client(), '/login', otherPort)).status).toBe(403);
      });
    });

    describe('that is not', () => {
      const fixture = use(true, definition);

      it('is not believed', async () => {
        expect((await post(fixture.app.client(), '/login', forwarded)).status).toBe(403);
      });
    });
  });
});

describe('Behind two proxies that are trusted', () => {
  // Express takes the first host to be the one that the client named, and Fastify the last one.
  it.each([
    ['Express', 'app.test, inner.test'],
    ['Fastify', 'inner.test, app.test'],
  ] as const)('%s says which host a page has sent its request to', async (platform, hosts) => {
    const database = await createDatabase();
    const app = await startApp(database, {
      platform,
      controllers: [SiteController],
      options: { originCheck: true },
      trustsProxy: true,
    });
    const headers = { origin: 'https://app.test', 'x-forwarded-host': hosts };
    expect((await post(app.client(), '/login', headers)).setCookies).toHaveLength(1);
    expect((await post(app.client(), '/login', { ...headers, origin: EVIL })).status).toBe(403);
    await app.close();
    await database.drop();
  });
});

describe.each<[string, AppDefinition]>([
  ['By HTTP/2', {}],
  ['By HTTP/2, before sessionMiddleware()', { prepare: (app) => app.use(sessionMiddleware(app)) }],
])('%s', (_name, definition) => {
  const platform = 'Fastify, HTTP/2';
  const fixture = useApp({ platform, controllers: [SiteController], options: { originCheck: true }, ...definition });

  it('the host is known as well', async () => {
    const login = (origin: string) =>
      sendTo(platform)(fixture.app.url, { method: 'POST', path: '/login', headers: { origin } }).answer;
    expect((await login(fixture.app.url)).status).toBe(201);
    expect((await login(EVIL)).status).toBe(403);
  });
});
