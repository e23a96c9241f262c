import { describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Injectable,
  type INestApplication,
  Post,
  UseGuards,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type ExpressSession,
  Session,
  SessionGuard,
  sessionMiddleware,
  SessionModule,
  SessionRenewal,
  SessionSetupError,
  SkipSession,
} from 'nestjs-mikro-session';
import type { Client } from '../support/client.js';
import { idOf } from '../support/express-session.js';
import { useApp } from '../support/app.js';
import { inHandler, visit } from '../support/probe.js';
import { statements } from '../support/statements.js';

type WithSession = IncomingMessage & { session: ExpressSession };

/** Reads `request.session`, as a guard may that knows nothing of this library. */
@Injectable()
class VisitGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { session } = context.switchToHttp().getRequest<WithSession>();
    session['guarded'] = true;
    if (session['visits'] !== 1) throw new ForbiddenException();
    return true;
  }
}

@Controller()
class EarlyController {
  @Get('guarded') @UseGuards(VisitGuard) guarded(@Session() session: Session): unknown {
    return session.toJSON();
  }
  @Get('me') @UseGuards(SessionGuard) me(@Session('userId') userId: string): string {
    return userId;
  }
  @Get('ordinary') ordinary(): string {
    return 'ordinary';
  }
  @Get('polled') @SessionRenewal(false) polled(): string {
    return 'polled';
  }
  @Get('skipped') @SkipSession() skipped(): string {
    return 'skipped';
  }
  @Post('login') login(@Session() session: Session): Promise<void> {
    return session.login('ada');
  }
}

/** What an application mounts after the session. */
function early(request: WithSession, response: ServerResponse, next: () => void): void {
  const { session } = request;
  if (request.url === '/guarded') session['visits'] = (session['visits'] ?? 0) + 1;
  if (request.url !== '/answers-itself') return next();
  session['seen'] = 'early';
  response.setHeader('content-type', 'text/plain');
  response.end('answered early');
}

const useEarly = (app: INestApplication): void => {
  app.use(sessionMiddleware(app));
  app.use(early);
};

const options = { queryTimeout: '200ms', renewal: { flushEvery: '1h' } } as const;
const withoutInterceptor = SessionModule.forRoot({ ensureSchema: true, ...options, interceptor: false });

describe.each([
  ['Express', {}],
  ['Express without the interceptor', { session: withoutInterceptor }],
  ['Fastify', { platform: 'Fastify' as const }],
])('On %s, sessionMiddleware()', (_platform, platform) => {
  const fixture = useApp({
    ...platform,
    controllers: [EarlyController],
    options,
    prepare: useEarly,
  });

  const visitor = async (): Promise<Client> => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('known', true));
    return client;
  };
  const rowOf = async (client: Client) => fixture.row(await idOf(client));

  it('has request.session there for middleware and guards, and it is the session of the handler', async () => {
    const client = fixture.app.client();
    const reply = await client.get('/guarded');
    expect(reply).toMatchObject({ status: 200, json: { visits: 1, guarded: true } });
    expect(reply.setCookies).toHaveLength(1);
    expect((await rowOf(client))['data']).toEqual({ visits: 1, guarded: true });
    expect((await client.get('/guarded')).status).toBe(403);
    expect((await rowOf(client))['data']).toEqual({ visits: 2, guarded: true });
  });

  it('loads it once', async () => {
    const client = await visitor();
    const loading = async () => expect((await client.get('/me')).status).toBe(401);
    expect(await statements(fixture.app, loading, 'as wanted')).toBe(1);
  });

  it('asks the database nothing for a visitor without a cookie, and gives none', async () => {
    const client = fixture.app.client();
    let reply: Awaited<ReturnType<Client['get']>> | undefined;
    expect(await statements(fixture.app, async () => (reply = await client.get('/ordinary')))).toBe(0);
    expect(reply).toMatchObject({ status: 200, text: 'ordinary', setCookies: [] });
  });

  it('has stored what a middleware changed that answers by itself, before its answer is there', async () => {
    const client = fixture.app.client();
    const reply = await client.get('/answers-itself');
    expect(reply).toMatchObject({ status: 200, text: 'answered early' });
    expect((await rowOf(client))['data']).toEqual({ seen: 'early' });
  });

  it('gives SessionGuard and @Session() the user', async () => {
    const client = fixture.app.client();
    await client.post('/login');
    expect(await client.get('/me')).toMatchObject({ status: 200, text: 'ada' });
  });

  it('answers 503 with Retry-After while the store is down, and recovers by itself', async () => {
    const client = await visitor();
    const held = await fixture.database.hold('lock table sessions in access exclusive mode');
    const down = await client.get('/ordinary');
    const other = await fixture.app.client().get('/ordinary');
    await held.release();
    expect(down).toMatchObject({
      status: 503,
      json: { statusCode: 503, error: 'Service Unavailable' },
      setCookies: [],
    });
    expect(down.headers.get('retry-after')).toBe('1');
    expect(down.text).not.toMatch(/sessions? where|query|SELECT/i);
    expect(other).toMatchObject({ status: 200, text: 'ordinary' });
    expect(await client.get('/ordinary')).toMatchObject({ status: 200, text: 'ordinary' });
  });

  it.each([
    ['/ordinary', true],
    ['/no-such-route', true],
    ['/answers-itself', true],
    ['/polled', false],
    ['/skipped', false],
  ])('lets the route say whether the session is kept alive: %s, %s', async (path, isRenewed) => {
    const client = await visitor();
    await client.get(path);
    await fixture.app.sessions.flush();
    const before = await rowOf(client);
    await client.get(path);
    await fixture.app.sessions.flush();
    const after = await rowOf(client);
    expect(after['expires_at'] > before['expires_at']).toBe(isRenewed);
  });

  it('has no part in who may write: what a request changes that was loaded before a logout is refused', async () => {
    const client = await visitor();
    const reply = await visit(client, async (session, request) => {
      await fixture.app.sessions.revoke(session.id);
      (request as unknown as WithSession).session['late'] = 1;
    });
    expect(reply).toMatchObject({ status: 401, setCookies: [] });
  });

  describe('mounted twice', () => {
    let first: ExpressSession | undefined;
    const twice = useApp({
      ...platform,
      prepare: (app) => {
        app.use(sessionMiddleware(app));
        app.use((request: WithSession, _response: ServerResponse, next: () => void) => {
          first = request.session;
          next();
        });
        app.use(sessionMiddleware(app));
      },
    });

    it('gives one request.session, of the one session', async () => {
      const seen = await inHandler(twice.app.client(), (session, request) => {
        const { session: second } = request as unknown as WithSession;
        second['views'] = 1;
        return [second === first, second.id === session.id, session.get('views')];
      });
      expect(seen).toEqual([true, true, 1]);
    });
  });
});

describe('sessionMiddleware()', () => {
  it('says what is missing in an application without SessionModule', async () => {
    const app = (await Test.createTestingModule({}).compile()).createNestApplication({ logger: false });
    expect(() => sessionMiddleware(app)).toThrow(SessionSetupError);
    expect(() => sessionMiddleware(app)).toThrow(/Import SessionModule/);
    await app.close();
  });
});
