import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Inject,
  Post,
  Req,
  UnauthorizedException,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { WsAdapter } from '@nestjs/platform-ws';
import { describe, expect, it } from '@jest/globals';
import {
  Authorize,
  OnStoreError,
  rememberHandshakes,
  Session,
  SessionGuard,
  sessionMiddleware,
  SessionService,
  SkipSession,
} from 'nestjs-mikro-session';
import { type AppFixture, useApp } from '../support/app.js';
import type { Client, Reply } from '../support/client.js';
import { errorOf } from '../support/error-of.js';
import { GuardedGateway, tell, VisitGateway } from '../support/gateway.js';
import { graphql, GuardedResolver, ItemResolver } from '../support/graphql.js';
import { PLATFORMS, type PlatformResponse } from '../support/platform.js';
import { inHandler, tryVisit, visit } from '../support/probe.js';
import { connect } from '../support/ws-client.js';
import { SessionConfigurationError } from '../../lib/session.errors.js';

const UNAVAILABLE = 'SessionStoreUnavailableError';

/** What an operation comes to, as a promise and with a callback. */
const outcomeOf = (operation: Promise<unknown>): Promise<string> =>
  operation.then(
    () => 'done',
    (error: Error) => error.name,
  );
const outcomeWith = (operation: (callback: (error?: Error) => void) => void): Promise<string> =>
  new Promise((resolve) => operation((error) => resolve(error?.name ?? 'done')));

@Controller('public')
@OnStoreError('anonymous')
class PublicController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Get('page') page(@Session() session: Session): object {
    const { userId, isNew, isAuthenticated, avatar } = session;
    return { userId, isNew, isAuthenticated, identity: avatar.identity, data: session.toJSON() };
  }
  @Get('silent') silent(): string {
    return 'silent';
  }
  @Get('written') written(@Session() session: Session): object {
    session.set('views', session.increment('views') + 1).flash('info', 'hello');
    session.setTtl('1d').touch();
    return { views: session.get('views'), flashes: session.flashes(), isModified: session.isModified };
  }
  @Get('refused') async refused(@Session() session: Session): Promise<object> {
    const refusals = {
      login: await outcomeOf(session.login('eve')),
      logout: await outcomeOf(session.logout()),
      destroy: await outcomeOf(session.destroy()),
      regenerate: await outcomeOf(session.regenerate()),
      update: await outcomeOf(session.update(() => 1)),
      reload: await outcomeOf(session.reload()),
      destroyed: await outcomeWith((callback) => session.destroy(callback)),
      regenerated: await outcomeWith((callback) => session.regenerate(callback)),
      reloaded: await outcomeWith((callback) => session.reload(callback)),
      saveNothing: await outcomeOf(session.save()),
      savedNothing: await outcomeWith((callback) => session.save(callback)),
    };
    session.set('seen', true);
    const save = await outcomeOf(session.save());
    const saved = await outcomeWith((callback) => session.save(callback));
    return { ...refusals, save, saved, userId: session.userId };
  }
  @Post('login') async login(@Session() session: Session): Promise<string> {
    await session.login('eve');
    return 'welcome';
  }
  @Get('service') async service(@Req() request: object, @Session('id') id: string): Promise<boolean> {
    const known = request as { raw?: object };
    return (await this.sessions.of(known.raw === undefined ? request : hostOf(request))).id === id;
  }
  @Get('ended') ended(@Req() request: { session: unknown }): string {
    request.session = null;
    return 'ended';
  }
  @Get('guarded') @UseGuards(SessionGuard) guarded(): string {
    return 'let in';
  }
  @Get('authorized') @Authorize({ roles: ['admin'] }) authorized(): string {
    return 'let in';
  }
  @Get('failing') @OnStoreError('fail') failing(): string {
    return 'let in';
  }
}

@Controller('ordinary')
class OrdinaryController {
  @Get() ordinary(@Session('userId') userId: string | null): string {
    return `ordinary ${userId}`;
  }
  @Get('public') @OnStoreError('anonymous') open(@Session('userId') userId: string | null): string {
    return `public ${userId}`;
  }
}

/** Asks who it was that was refused, and leaves a message, as applications do. */
@Catch(UnauthorizedException)
class TellingFilter implements ExceptionFilter {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async catch(_error: UnauthorizedException, host: ArgumentsHost): Promise<void> {
    const session = await this.sessions.of(host);
    session.flash('info', 'Sign in to go on.');
    const refusals = [await outcomeOf(session.save()), await outcomeOf(session.login('eve'))];
    const answer = { userId: session.userId, isNew: session.isNew, refusals };
    host.switchToHttp().getResponse<PlatformResponse>().status(401).send(answer);
  }
}

@Controller('refusing')
@UseFilters(TellingFilter)
class RefusingController {
  /** For which no session is looked up, until its filter asks. */
  @Post('webhook') @SkipSession() webhook(): void {
    throw new UnauthorizedException();
  }
}

/** On Fastify a request does not know its response; a host knows both. */
function hostOf(request: object): ArgumentsHost {
  const args = [request, {}];
  return { getType: () => 'http', getArgByIndex: (index: number) => args[index], switchToHttp: () => args } as never;
}

/** What happens while the database lets nobody at the table. */
async function whileDown<Result>(fixture: AppFixture, work: () => Promise<Result>): Promise<Result> {
  const held = await fixture.database.hold('lock table sessions in access exclusive mode');
  try {
    return await work();
  } finally {
    await held.release();
  }
}

const signedIn = async (fixture: AppFixture): Promise<Client> => {
  const client = fixture.app.client();
  await visit(client, async (session) => {
    session.set('cart', ['milk']);
    await session.login('ada', { roles: ['admin'] });
  });
  return client;
};

const expect503 = (reply: Reply, retryAfter: string): void => {
  expect(reply).toMatchObject({ status: 503, json: { statusCode: 503 }, setCookies: [] });
  expect(reply.headers.get('retry-after')).toBe(retryAfter);
};

describe.each(PLATFORMS)('While the store does not answer, on %s', (platform) => {
  const controllers = [PublicController, OrdinaryController, RefusingController];
  const impatient = { queryTimeout: 300 } as const;

  describe("with onStoreError: 'fail', the default", () => {
    const fixture = useApp({ platform, controllers, options: { ...impatient, retryAfter: '2500ms' } });

    it('is 503, and says when to come back as "retryAfter" does, rounded up', async () => {
      const client = await signedIn(fixture);
      expect503(await whileDown(fixture, () => client.get('/ordinary')), '3');
      expect((await client.get('/ordinary')).text).toBe('ordinary ada');
    });

    it('is 503 where a commit fails, on a route with "anonymous", too', async () => {
      const stranger = fixture.app.client();
      expect503(await whileDown(fixture, () => stranger.get('/public/written')), '3');
    });

    it('is an empty session that nobody is signed in to, on a route with "anonymous"', async () => {
      const client = await signedIn(fixture);
      const down = await whileDown(fixture, () => client.get('/public/page'));
      expect(down).toMatchObject({
        status: 200,
        json: { userId: null, isNew: true, isAuthenticated: false, identity: null, data: {} },
        setCookies: [],
      });
      expect(down.headers.get('vary')).toMatch(/\bCookie\b/i);
      expect(down.headers.get('cache-control')).toBe('no-store');
      const back = await client.get('/public/page');
      expect(back.json).toMatchObject({ userId: 'ada', isNew: false, data: { cart: ['milk'] } });
      expect(back.headers.get('cache-control')).toBeNull();
    });

    it('is an empty session in an exception filter, which Nest does not wait for, and whose error would end the process', async () => {
      const client = await signedIn(fixture);
      const empty = { userId: null, isNew: true, refusals: [UNAVAILABLE, UNAVAILABLE] };
      const down = await whileDown(fixture, () => client.post('/refusing/webhook'));
      expect(down).toMatchObject({ status: 401, json: empty, setCookies: [] });
      expect((await client.get('/ordinary')).text).toBe('ordinary ada');
    });

    it('leaves a response alone that made no use of the session', async () => {
      const client = await signedIn(fixture);
      const down = await whileDown(fixture, () => client.get('/public/silent'));
      expect(down).toMatchObject({ status: 200, text: 'silent', setCookies: [] });
      expect([down.headers.get('vary'), down.headers.get('cache-control')]).toEqual([null, null]);
    });

    it('stores nothing of what is written, and warns of that', async () => {
      const client = await signedIn(fixture);
      await fixture.app.sessions.flush();
      const before = await fixture.database.query('select * from sessions order by id');
      const replies = await whileDown(fixture, async () => [
        await client.get('/public/written'),
        await client.get('/public/written'),
      ]);
      for (const reply of replies) {
        expect(reply).toMatchObject({ status: 200, setCookies: [] });
        expect(reply.json).toMatchObject({ views: 2, flashes: [{ message: 'hello' }], isModified: true });
      }
      await fixture.app.sessions.flush();
      expect(await fixture.database.query('select * from sessions order by id')).toEqual(before);
      expect(fixture.app.warnings.filter((line) => line.includes('is dropped'))).toHaveLength(1);
    });

    it('refuses what would have to reach the session, with the error of the store', async () => {
      const client = await signedIn(fixture);
      const before = await client.cookie();
      const down = await whileDown(fixture, () => client.get('/public/refused'));
      const { saveNothing, savedNothing, userId, ...refusals } = down.json as Record<string, unknown>;
      expect([saveNothing, savedNothing, userId]).toEqual(['done', 'done', null]);
      expect(Object.keys(refusals)).toHaveLength(11);
      expect(new Set(Object.values(refusals))).toEqual(new Set([UNAVAILABLE]));
      expect(down.setCookies).toEqual([]);
      expect(await client.cookie()).toBe(before);
      expect((await client.get('/ordinary')).text).toBe('ordinary ada');
    });

    it('signs nobody in: a login is 503', async () => {
      const client = await signedIn(fixture);
      expect503(await whileDown(fixture, () => client.post('/public/login')), '3');
      expect((await client.get('/ordinary')).text).toBe('ordinary ada');
    });

    it('is 503 where the session is to be ended by request.session = null', async () => {
      const client = await signedIn(fixture);
      expect503(await whileDown(fixture, () => client.get('/public/ended')), '3');
      expect((await client.get('/ordinary')).text).toBe('ordinary ada');
    });

    it('gives the same to SessionService.of()', async () => {
      const client = await signedIn(fixture);
      expect(await whileDown(fixture, () => client.get('/public/service'))).toMatchObject({
        status: 200,
        text: 'true',
      });
    });

    it('lets nobody past SessionGuard and @Authorize(), and answers 503 there, not 401', async () => {
      const client = await signedIn(fixture);
      for (const path of ['/public/guarded', '/public/authorized']) {
        expect503(await whileDown(fixture, () => client.get(path)), '3');
        expect((await client.get(path)).text).toBe('let in');
      }
    });

    it('is as the nearest @OnStoreError() says: the handler over its class', async () => {
      const client = await signedIn(fixture);
      expect503(await whileDown(fixture, () => client.get('/public/failing')), '3');
      expect(await whileDown(fixture, () => client.get('/ordinary/public'))).toMatchObject({ text: 'public null' });
    });
  });

  describe.each([
    ['', false],
    [' and sessionMiddleware()', true],
  ])("with onStoreError: 'anonymous'%s", (_name, hasMiddleware) => {
    const fixture = useApp({
      platform,
      controllers,
      options: { ...impatient, onStoreError: 'anonymous' },
      prepare: (app) => hasMiddleware && app.use(sessionMiddleware(app)),
    });

    it('goes on where nothing is said', async () => {
      const client = await signedIn(fixture);
      const down = await whileDown(fixture, () => client.get('/ordinary'));
      expect(down).toMatchObject({ status: 200, text: 'ordinary null', setCookies: [] });
      expect((await client.get('/ordinary')).text).toBe('ordinary ada');
    });

    it('is 503 on a route with "fail", and where a visitor has to be signed in', async () => {
      const client = await signedIn(fixture);
      for (const path of ['/public/failing', '/public/guarded', '/public/authorized']) {
        expect503(await whileDown(fixture, () => client.get(path)), '1');
      }
    });

    it('is 503 where a session that was looked up cannot be stored', async () => {
      const client = await signedIn(fixture);
      const id = await inHandler(client, (session) => session.id);
      const row = await fixture.database.hold('select from sessions where id = $1 for update', [id]);
      const reply = await tryVisit(client, (session) => session.set('n', 1).id);
      await row.release();
      expect503(reply, '1');
    });
  });
});

describe("While the store does not answer, with onStoreError: 'anonymous', all the same", () => {
  const options = { queryTimeout: 300, onStoreError: 'anonymous' } as const;

  describe('GraphQL', () => {
    const apollo: ApolloDriverConfig = { driver: ApolloDriver, autoSchemaFile: true, graphiql: false };
    const fixture = useApp({
      imports: [GraphQLModule.forRoot<ApolloDriverConfig>(apollo)],
      providers: [ItemResolver, GuardedResolver],
      options,
      prepare: (app) => app.use(sessionMiddleware(app)),
    });

    it('answers 503, and recovers', async () => {
      const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
      const me = () => graphql(fixture.app.client(), '{ me }', { cookie });
      expect((await whileDown(fixture, me)).errors).toMatchObject([{ extensions: { status: 503 } }]);
      expect((await me()).data).toEqual({ me: 'ada' });
    });
  });

  describe('a gateway', () => {
    const fixture = useApp({
      providers: [VisitGateway, GuardedGateway],
      options,
      prepare: (app) => app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app))),
    });

    it('answers 503, and recovers', async () => {
      const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
      const socket = await connect(fixture.app.url, cookie);
      const told = await whileDown(fixture, () => tell(socket, (session) => session.userId).catch(String));
      expect(told).toMatchObject({ exception: { statusCode: 503 } });
      expect(await tell(socket, (session) => session.userId)).toBe('ada');
      socket.close();
    });
  });
});

describe('@OnStoreError()', () => {
  it('takes no other policy', () => {
    const { message } = errorOf(SessionConfigurationError, () => OnStoreError('ignore' as never));
    expect(message).toContain("@OnStoreError() takes 'fail' or 'anonymous', but got \"ignore\".");
  });
});
