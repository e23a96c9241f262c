import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  UseGuards,
} from '@nestjs/common';
import {
  Authorize,
  Session,
  SessionGoneError,
  SessionGuard,
  sessionMiddleware,
  SessionModule,
  SessionService,
  SessionStoreUnavailableError,
} from 'nestjs-mikro-session';
import { MemorySessionStore } from 'nestjs-mikro-session/store';
import { startApp, type TestApp, useApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { visit } from '../support/probe.js';

/** What `request.session` has, for code of express-session. */
interface View {
  save(callback: () => void): void;
  destroy(callback: () => void): void;
  regenerate(callback: () => void): void;
  reload(callback: () => void): void;
}
type Carrier = { session: View | null; headers: Record<string, string> };

type Act = (session: Session, request: Carrier, sessions: SessionService) => unknown;

/** What a middleware, or a guard before ours, does with the session, and does not wait for. */
const ACTS: Record<string, Act> = {
  'request.session = null': (_session, request) => void (request.session = null),
  'request.session.destroy(callback)': (_session, request) => request.session?.destroy(() => {}),
  'request.session.regenerate(callback)': (_session, request) => request.session?.regenerate(() => {}),
  'logout()': (session) => void session.logout(),
  'destroy()': (session) => void session.destroy(),
  'login() of another user': (session) => void session.login('bob', { roles: ['visitor'] }),
  'a callback that destroys': (_session, { session }) => session?.save(() => session.destroy(() => {})),
  'a callback that logs out': (session, request) => request.session?.save(() => void session.logout()),
  'a chain that logs out': (session) =>
    void session
      .set('a' as never, 1 as never)
      .save()
      .then(() => session.logout()),
};
let isSaving = false;
async function saveOn(session: Session): Promise<void> {
  isSaving = true;
  for (let n = 0; isSaving; n++) await session.set('n' as never, n as never).save();
}

/** What it does elsewhere, and waits for. */
const REVOCATIONS: Record<string, Act> = {
  'revoke()': ({ id }, _request, sessions) => sessions.revoke(id),
  'revokeAllForUser()': (_session, _request, sessions) => sessions.revokeAllForUser('ada'),
  'revokeAll()': (_session, _request, sessions) => sessions.revokeAll(),
  'revocation of bob': (_session, _request, sessions) => sessions.revokeAllForUser('bob'),
  'find() and destroy()': async ({ id }, _request, sessions) => (await sessions.find(id))?.destroy(),
};
/** The session was revoked meanwhile, of which an operation learns that is waited for and whose error is caught. */
const LEARNS: Record<string, (session: Session) => Promise<unknown>> = {
  'reload()': (session) => session.reload(),
  'save()': (session) => session.set('a' as never, 1 as never).save(),
  'update()': (session) => session.update((data) => void ((data as Record<string, unknown>)['a'] = 1)),
  'regenerate()': (session) => session.regenerate(),
};

const actOf = ({ headers }: Carrier): string => decodeURIComponent(headers['x-act'] ?? '');

@Injectable()
class Before implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Carrier>();
    const session = await this.sessions.of(context);
    ACTS[actOf(request)]?.(session, request, this.sessions);
    await REVOCATIONS[actOf(request)]?.(session, request, this.sessions);
    if (actOf(request) === 'saves on and on') void saveOn(session);
    const learn = LEARNS[actOf(request)];
    if (learn === undefined) return true;
    await this.sessions.revoke(session.id);
    const error = await learn(session).catch((reason: unknown) => reason);
    return error instanceof SessionGoneError;
  }
}

/** Who has paid. */
const payments: unknown[] = [];

@Controller('pay')
@UseGuards(Before)
class PayController {
  @Get()
  @UseGuards(SessionGuard)
  pay(@Session() { userId }: Session): string {
    payments.push(userId);
    return `paid by ${String(userId)}`;
  }

  @Get('as-admin')
  @Authorize({ roles: ['admin'], within: '1h' })
  payAsAdmin(@Session() { userId }: Session): string {
    payments.push(userId);
    return `paid by ${String(userId)}`;
  }
}

describe.each(PLATFORMS)('Our guards on %s, behind a guard that', (platform) => {
  const fixture = useApp({
    platform,
    controllers: [PayController],
    providers: [Before],
    prepare: (app) => void app.use(sessionMiddleware(app)),
  });

  /** How a request of ada's is answered. */
  async function answer(path: string, act: string): Promise<string> {
    const client = fixture.app.client();
    await visit(client, (session) => session.login('ada', { roles: ['admin'] }));
    const { status, text } = await client.get(path, { 'x-act': encodeURIComponent(act) });
    return status === 200 ? text : String(status);
  }

  it('saves on and on, let her in all the same', async () => {
    expect(await answer('/pay', 'saves on and on')).toBe('paid by ada');
    isSaving = false;
  });

  it('has done nothing, let her in', async () => {
    expect([await answer('/pay', ''), await answer('/pay/as-admin', '')]).toEqual(['paid by ada', 'paid by ada']);
  });

  it.each(Object.keys(ACTS).filter((act) => !act.startsWith('login')))(
    'ends the session by %s, refuse her',
    async (act) => {
      expect([await answer('/pay', act), await answer('/pay/as-admin', act)]).toEqual(['401', '401']);
    },
  );

  it.each(Object.keys(REVOCATIONS).filter((act) => !act.includes('bob')))(
    'revokes the session by %s, refuse her',
    async (act) => {
      expect([await answer('/pay', act), await answer('/pay/as-admin', act)]).toEqual(['401', '401']);
    },
  );

  it('revokes the session of another user, let her in', async () => {
    await fixture.app.sessions.create({ userId: 'bob' });
    expect(await answer('/pay', 'revocation of bob')).toBe('paid by ada');
  });

  it('signs another user in, go by that one', async () => {
    const act = 'login() of another user';
    expect([await answer('/pay', act), await answer('/pay/as-admin', act)]).toEqual(['paid by bob', '403']);
  });

  it.each(Object.keys(LEARNS))('has learnt by %s that it has ended, refuse her', async (act) => {
    expect([await answer('/pay', act), await answer('/pay/as-admin', act)]).toEqual(['401', '401']);
  });
});

/** Ends no session. */
@Injectable()
class EndlessStore extends MemorySessionStore {
  override delete(): Promise<boolean> {
    return Promise.reject(new SessionStoreUnavailableError('end a session'));
  }

  override login(): Promise<null> {
    return Promise.reject(new SessionStoreUnavailableError('log in'));
  }
}

describe.each(PLATFORMS)('Our guards on %s, where the session cannot be ended', (platform) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp(null, {
      platform,
      controllers: [PayController],
      providers: [Before],
      session: SessionModule.forRoot({ store: EndlessStore }),
      prepare: (one) => void one.use(sessionMiddleware(one)),
    });
  });
  beforeEach(() => {
    payments.length = 0;
  });
  afterAll(() => app.close());

  it.each(Object.keys(ACTS).filter((act) => !/callback|chain/.test(act)))('let her in nowhere: %s', async (act) => {
    const { cookie } = await app.sessions.create({ userId: 'ada', auth: { roles: ['admin'] } });
    const answers = ['/pay', '/pay/as-admin'].map((path) =>
      app.client().get(path, { cookie, 'x-act': encodeURIComponent(act) }),
    );
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([503, 503]);
    expect(payments).toEqual([]);
  });

  it('let her in where nothing was to end it', async () => {
    const { cookie } = await app.sessions.create({ userId: 'ada' });
    expect((await app.client().get('/pay', { cookie })).text).toBe('paid by ada');
  });
});

describe.each(PLATFORMS)('Our guards on %s, behind a middleware that', (platform) => {
  const fixture = useApp({
    platform,
    controllers: [PayController],
    providers: [Before],
    prepare: (app) => {
      app.use(sessionMiddleware(app));
      app.use((request: Carrier, _response: unknown, next: () => void) => {
        if (request.headers['x-middleware'] === 'null') request.session = null;
        else request.session?.destroy(() => {});
        next();
      });
    },
  });

  it.each(['null', 'destroy'])('ends the session, refuse its user: %s', async (how) => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    expect((await fixture.app.client().get('/pay', { cookie, 'x-middleware': how })).status).toBe(401);
  });
});
