import {
  BadRequestException,
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type NestInterceptor,
  RequestTimeoutException,
  Res,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  MemorySessionStore,
  Session,
  SessionModule,
  SessionStoreUnavailableError,
  sessionMiddleware,
} from 'nestjs-mikro-session';
import { from, mergeMap, type Observable, race, throwError } from 'rxjs';
import { useAppWithoutDatabase } from '../support/app.js';
import type { Client } from '../support/client.js';
import { inHandler, tryVisit, visit } from '../support/probe.js';

/** What the store does when it is to commit. */
let committing: () => Promise<void> = async () => {};

class HeldStore extends MemorySessionStore {
  override async commit(...args: Parameters<MemorySessionStore['commit']>) {
    await committing();
    return super.commit(...args);
  }
}

/** The one of Nest's documentation; its time is over when the test says so. */
let timeIsOver: Promise<void> = new Promise(() => {});
@Injectable()
class TimeoutInterceptor implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    const timeout = from(timeIsOver).pipe(mergeMap(() => throwError(() => new RequestTimeoutException())));
    return race(next.handle(), timeout);
  }
}

@Controller('own')
class OwnController {
  @Get('failing') failing(@Session() session: Session, @Res() _response: unknown): void {
    session.set('n', 2);
    throw new BadRequestException('no');
  }
  @Get('saving') async saving(@Session() session: Session, @Res() _response: unknown): Promise<void> {
    await session.set('n', 2).save();
  }
}

const throwing = ({ headers }: { headers: Record<string, string> }, _: unknown, next: () => void): void => {
  decodeURIComponent(headers['x-spoilt'] ?? '');
  next();
};

beforeEach(() => {
  committing = async () => {};
  timeIsOver = new Promise(() => {});
});

const begun = async (client: Client): Promise<Client> => {
  await visit(client, (session) => session.set('n', 1));
  return client;
};

describe.each(['Express', 'Fastify'] as const)('A request on %s is answered, and the process goes on,', (platform) => {
  const fixture = useAppWithoutDatabase({
    platform,
    session: SessionModule.forRoot({ store: HeldStore }),
    controllers: [OwnController],
    providers: [{ provide: APP_INTERCEPTOR, useClass: TimeoutInterceptor }],
    prepare: async (app) => {
      if (platform === 'Express') return void app.use(sessionMiddleware(app)).use(throwing);
      // As Nest 11 mounts middleware there: nothing catches what it throws.
      await app.init();
      const fastify = app.getHttpAdapter().getInstance() as { use(middleware: unknown): void };
      fastify.use(sessionMiddleware(app));
      fastify.use(throwing);
    },
  });

  it('where a timeout comes while the session of a handler that failed is stored', async () => {
    const client = await begun(fixture.app.client());
    const over = Promise.withResolvers<void>();
    timeIsOver = over.promise;
    committing = async () => {
      over.resolve();
      await new Promise(setImmediate);
    };
    expect((await client.get('/own/failing')).status).toBe(408);
  });

  it.each(['/own/failing', '/own/saving'])(
    'and told when to come back, where nothing can be stored: %s',
    async (path) => {
      const client = await begun(fixture.app.client());
      committing = () => Promise.reject(new SessionStoreUnavailableError('save the session'));
      const reply = await client.get(path);
      expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '1']);
    },
  );

  it.each<[string, (session: Session) => unknown]>([
    ['is frozen', (session) => Object.freeze(session.data)],
    ['takes no more', (session) => Object.preventExtensions(session.data)],
    ['has what cannot be removed', ({ data }) => Object.defineProperty(data, 'x', { value: 1, enumerable: true })],
  ])('where the data %s that is to be dropped', async (_, spoil) => {
    const client = await begun(fixture.app.client());
    const failing = await tryVisit(client, (session) => {
      session.increment('n');
      spoil(session);
      throw new Error('a fault of the handler');
    });
    expect(failing.status).toBe(500);
    committing = () => Promise.reject(new SessionStoreUnavailableError('save the session'));
    const refused = await tryVisit(client, (session) => void spoil(session.set('n', 2)));
    expect(refused.status).toBe(503);
    committing = async () => {};
    expect(await inHandler(client, (session) => session.toJSON())).toEqual({ n: 1 });
    await visit(client, (session) => {
      spoil(session);
      return session.destroy();
    });
    expect(await inHandler(client, (session) => session.isNew)).toBe(true);
  });

  it.each(['without a session', 'with one'])('where a middleware after ours throws: %s', async (which) => {
    const client = which === 'with one' ? await begun(fixture.app.client()) : fixture.app.client();
    expect((await client.get('/own/failing', { 'x-spoilt': '%' })).status).toBe(500);
  });
});
