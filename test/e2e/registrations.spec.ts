import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  type INestApplication,
  Module,
  Post,
  Req,
  Session as NestSession,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import type { Express, Request } from 'express';
import {
  Authorize,
  type ExpressSession,
  MemorySessionStore,
  rememberHandshakes,
  Session,
  SessionGuard,
  sessionMiddleware,
  SessionModule,
  SessionService,
} from 'nestjs-mikro-session';
import type { Client } from '../support/client.js';
import { useApp } from '../support/app.js';
import { tell, VisitGateway } from '../support/gateway.js';
import { connect } from '../support/ws-client.js';
import { visit } from '../support/probe.js';

/** Looks the session up by itself, as applications do. */
@Injectable()
class AskingGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<{ asked?: unknown }>();
    request.asked = [(await this.sessions.of(context)).userId, (await this.sessions.of(request)).userId];
    return true;
  }
}

@Controller()
class AdminController {
  @Get('seen') @UseGuards(AskingGuard) seen(
    @Session() session: Session,
    @Session('userId') userId: string | null,
    @NestSession() nests: Session,
    @Req() request: Request & { session: Session; asked: unknown },
  ): unknown {
    return {
      decorator: [session.userId, userId, session.toJSON()],
      property: [nests.userId, request.session.userId],
      service: request.asked,
    };
  }
  @Post('login') async login(@Session() session: Session): Promise<void> {
    session.set('from', 'admin');
    await session.login('root', { roles: ['admin'] });
  }
  @Post('mark') mark(@Session() session: Session, @Req() request: Request): void {
    session.set('mark', 1);
    request.res?.status(201).end();
  }
  @Post('logout') logout(@Session() session: Session): Promise<void> {
    return session.logout();
  }
  @Get('roles') @Authorize({ roles: ['admin'] }) roles(): string {
    return 'for admins';
  }
  @Get('signed-in') @UseGuards(SessionGuard) signedIn(): string {
    return 'for users';
  }
}

@Module({
  imports: [
    SessionModule.forRoot({ store: MemorySessionStore, cookie: { name: 'admin_session' }, trackDevice: false }),
  ],
  controllers: [AdminController],
})
class AdminModule {}

describe.each([
  ['with sessionMiddleware() in both', true],
  ['with sessionMiddleware() in the outer one', false],
])('An application with sessions of its own that is mounted in another, %s', (_title, inBoth) => {
  let inner: INestApplication;
  beforeAll(async () => {
    inner = await NestFactory.create(AdminModule, { logger: false });
    if (inBoth) inner.use(sessionMiddleware(inner));
    await inner.init();
  });
  afterAll(() => inner.close());
  const fixture = useApp({
    prepare: (app) => {
      app.use(sessionMiddleware(app));
      app.use(
        ['/admin/login', '/admin/mark'],
        (request: { session: ExpressSession }, _response: unknown, next: () => void) => {
          request.session['on the way'] = (request.session['on the way'] ?? 0) + 1;
          next();
        },
      );
      app.use('/admin', (request: Request, response: never, next: () => void) =>
        (inner.getHttpAdapter().getInstance() as Express)(request, response, next),
      );
    },
  });
  const client = (): Client => fixture.app.client();
  const admin = async (visitor: Client, path: string) => visitor.get(`/admin${path}`);
  const nobody = { decorator: [null, null, {}], property: [null, null] };

  it('does not know who is signed in to the outer one, nor what their session holds', async () => {
    const visitor = client();
    await visit(visitor, (session) => session.set('secret', 1).login('ada', { roles: ['admin'] }));
    expect((await admin(visitor, '/seen')).json).toEqual({ ...nobody, service: [null, null] });
    expect(await admin(visitor, '/roles')).toMatchObject({ status: 401 });
    expect(await admin(visitor, '/signed-in')).toMatchObject({ status: 401 });
  });

  it('keeps users of its own, of whom the outer one knows nothing, in a cookie of its own', async () => {
    const visitor = client();
    await visitor.post('/admin/login');
    expect(await admin(visitor, '/roles')).toMatchObject({ status: 200, text: 'for admins' });
    const seen: unknown[] = [];
    await visit(visitor, (session, request) =>
      seen.push(session.userId, Object.keys((request as unknown as { session: object }).session)),
    );
    expect(seen).toEqual([null, ['on the way']]);
  });

  it('stores both sessions of a request that changes both, and gives out both cookies', async () => {
    const visitor = client();
    expect(await visitor.post('/admin/login')).toMatchObject({
      status: 201,
      setCookies: [expect.stringMatching(/^session_id=/), expect.stringMatching(/^admin_session=/)],
    });
    await visitor.post('/admin/logout');
    expect(await admin(visitor, '/signed-in')).toMatchObject({ status: 401 });
    expect(await visitor.cookie()).toMatch(/^session_id=[^;]+$/);
  });

  it('is answered 503 where the outer one’s cannot be stored, and drops what it has not stored either', async () => {
    const visitor = client();
    await visitor.post('/admin/login');
    // The look-up of the outer one's session gets by, and its commit does not.
    const held = await fixture.database.hold('lock table sessions in share mode');
    const reply = await visitor.post('/admin/mark');
    await held.release();
    expect(reply).toMatchObject({ status: 503, setCookies: [] });
    expect((await admin(visitor, '/seen')).json).toMatchObject({ decorator: ['root', 'root', { from: 'admin' }] });
  });
});

describe('The service of another application', () => {
  const fixture = useApp({
    providers: [VisitGateway],
    prepare: (app) => app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app))),
  });
  let other: INestApplication;
  beforeAll(async () => {
    other = await NestFactory.create(AdminModule, { logger: false });
    await other.init();
  });
  afterAll(() => other.close());

  it('does not give the session of a message that this one is handling', async () => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    const client = await connect(fixture.app.url, cookie);
    const seen = await tell(client, async (session, socket) => [
      session.userId,
      (await fixture.app.sessions.of(socket)).userId,
      (await other.get(SessionService).of(socket)).userId,
    ]);
    client.close();
    expect(seen).toEqual(['ada', 'ada', null]);
  });

  it('nor that of a request', async () => {
    const visitor = fixture.app.client();
    await visit(visitor, (session) => session.login('ada'));
    const seen: unknown[] = [];
    await visit(visitor, async (session, request) =>
      seen.push(session.userId, (await other.get(SessionService).of(request)).userId),
    );
    expect(seen).toEqual(['ada', null]);
  });
});
