import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Header,
  HttpException,
  Inject,
  Injectable,
  Param,
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import {
  Session,
  SessionGuard,
  SessionModule,
  SessionService,
  SessionStoreUnavailableError,
} from 'nestjs-mikro-session';
import { MemorySessionStore } from 'nestjs-mikro-session/store';
import { startApp, type TestApp, useApp } from '../support/app.js';
import { PLATFORMS, type PlatformResponse } from '../support/platform.js';

/** What has caches keep the answer, and proxies give a file instead. */
const ORDERS = ['x-accel-expires', 'edge-control', 'x-accel-redirect', 'x-sendfile'];
const PUBLIC = 'public, max-age=600';

@Controller()
class PageController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Get('page/:what')
  @Header('Cache-Control', PUBLIC)
  @Header('Expires', 'Fri, 01 Jan 2100 00:00:00 GMT')
  @Header('CDN-Cache-Control', 'max-age=600')
  @Header('X-Accel-Expires', '600')
  @Header('Edge-Control', 'max-age=600')
  @Header('X-Accel-Redirect', '/files/secret.pdf')
  @Header('X-Sendfile', '/files/secret.pdf')
  page(@Session() session: Session, @Param('what') what: string): Promise<string> {
    return this.#answer(session, what);
  }

  @Get('own/:what')
  async own(
    @Session() session: Session,
    @Param('what') what: string,
    @Res() response: PlatformResponse,
  ): Promise<void> {
    const text = await this.#answer(session, what);
    void response.header('Cache-Control', PUBLIC);
    void response.header('X-Accel-Expires', '600');
    void response.header('X-Accel-Redirect', '/files/secret.pdf');
    response.send(text);
  }

  /** What changes a session that has ended meanwhile is refused when the answer goes out; `update()` at once. */
  async #answer(session: Session, what: string): Promise<string> {
    if (what === 'fine') return 'page';
    await this.sessions.revoke(session.id);
    if (what === 'late') session.increment('views');
    else await session.update(() => {});
    return 'page';
  }
}

/** Answers with whatever status, as one that sends to the login does. */
@Catch()
class StatusFilter implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    const { query } = host.getArgByIndex<{ query: { status: string } }>(0);
    host.getArgByIndex<PlatformResponse>(1).status(Number(query.status)).send('instead');
  }
}

@Controller('filtered')
@UseFilters(StatusFilter)
class FilteredController extends PageController {}

describe.each(PLATFORMS)('On %s, an error of the session in place of a page that caches may keep', (platform) => {
  const fixture = useApp({ platform, controllers: [PageController, FilteredController] });

  it.each([200, 303, 401])('is kept by none, nor has its orders, where a filter answers it by %d', async (status) => {
    for (const path of ['/filtered/page/late', '/filtered/page/early']) {
      const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
      const reply = await fixture.app.client().get(`${path}?status=${status}`, { cookie });
      expect([reply.status, reply.text, reply.headers.get('cache-control')]).toEqual([status, 'instead', 'no-store']);
      expect(ORDERS.filter((name) => reply.headers.has(name))).toEqual([]);
    }
  });

  it.each(['/page/late', '/page/early', '/own/late', '/own/early'])('is kept by none: %s', async (path) => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    const { status, headers } = await fixture.app.client().get(path, { cookie });
    expect([status, headers.get('cache-control')]).toEqual([401, 'no-store']);
    expect([headers.get('expires'), headers.get('cdn-cache-control')]).toEqual([null, null]);
    expect(ORDERS.filter((name) => headers.has(name))).toEqual([]);
  });

  it.each(['/page/fine', '/own/fine'])('leaves the page itself as it says: %s', async (path) => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    const { status, headers } = await fixture.app.client().get(path, { cookie });
    expect([status, headers.get('cache-control')]).toEqual([200, PUBLIC]);
    expect([headers.get('x-accel-redirect'), headers.get('x-accel-expires')]).toEqual(['/files/secret.pdf', '600']);
  });
});

/** Finds nothing. */
@Injectable()
class AbsentStore extends MemorySessionStore {
  override find(): Promise<never> {
    return Promise.reject(new SessionStoreUnavailableError('look a session up'));
  }
}

/** Lets in who is signed in, or has a key. */
@Injectable()
class KeyGuard extends SessionGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    if (await super.canActivate(context).catch(() => false)) return true;
    return context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers['x-key'] === 'good';
  }
}

@Controller()
@UseGuards(KeyGuard)
class FileController {
  @Get('file')
  @Header('Cache-Control', PUBLIC)
  @Header('X-Accel-Redirect', '/files/report.pdf')
  file(): string {
    return '';
  }

  @Get('refused')
  refused(@Res() response: PlatformResponse): void {
    void response.header('X-Accel-Redirect', '/files/report.pdf');
    throw new HttpException('not now', 409);
  }
}

describe.each(PLATFORMS)('On %s, where a guard of the application catches an error of the session', (platform) => {
  let app: TestApp;
  beforeAll(async () => {
    const session = SessionModule.forRoot({ store: AbsentStore, onStoreError: 'anonymous' });
    app = await startApp(null, { platform, controllers: [FileController], session });
  });
  afterAll(() => app.close());

  const ask = async (path: string): Promise<unknown[]> => {
    const { cookie } = await app.sessions.create({ userId: 'ada' });
    const { status, headers } = await app.client().get(path, { cookie, 'x-key': 'good' });
    return [status, headers.get('cache-control'), headers.get('x-accel-redirect')];
  };

  it('the answer keeps its orders to the proxy, and no cache keeps it', async () => {
    expect(await ask('/file')).toEqual([200, 'no-store', '/files/report.pdf']);
  });

  it('another error has none', async () => {
    expect(await ask('/refused')).toEqual([409, 'no-store', null]);
  });
});
