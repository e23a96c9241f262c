import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { CallHandler } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { MemorySessionStore, SessionInterceptor, SessionStoreUnavailableError } from 'nestjs-mikro-session';
import { lastValueFrom, type Observable, of } from 'rxjs';
import { SessionSource } from '../../../lib/nest/context/session-source.js';
import { OperatorReports } from '../../../lib/operator-reports.js';
import { resolveOptions } from '../../../lib/session.options.js';
import { SessionManager } from '../../../lib/session-manager.js';
import { SessionService } from '../../../lib/nest/session.service.js';

class PageController {
  page(this: void): void {}
}

const reports = new OperatorReports({ log: () => {}, warn: () => {}, error: () => {} });

function world(store: MemorySessionStore) {
  const options = resolveOptions();
  const source = new SessionSource(new SessionManager(store, options, reports), options);
  return { sessions: new SessionService(source, store), interceptor: new SessionInterceptor(source) };
}

/** What Nest gives an interceptor, for a request that has passed no guard of ours. */
function contextOf(cookie: string): ExecutionContextHost {
  const request = new IncomingMessage(new Socket());
  request.headers.cookie = cookie;
  return new ExecutionContextHost(
    [request, new ServerResponse(request)],
    PageController,
    PageController.prototype.page,
  );
}

describe('SessionInterceptor, where no guard has loaded the session,', () => {
  it('loads it before the handler runs, and stores what that has changed', async () => {
    const { sessions, interceptor } = world(new MemorySessionStore(resolveOptions()));
    const { session, cookie } = await sessions.create({ userId: 'ada', data: { n: 1 } });
    const context = contextOf(cookie);
    const { session: loaded } = context.getArgByIndex<{ session?: unknown }>(0);
    expect(loaded).toBeUndefined();
    const next: CallHandler = {
      handle: () => {
        const request = context.getArgByIndex<{ session: typeof session }>(0);
        request.session.increment('n');
        return of(request.session.userId);
      },
    };
    const result = await (interceptor.intercept(context, next) as Promise<Observable<unknown>>);
    expect(await lastValueFrom(result)).toBe('ada');
    expect((await sessions.find(session.id))?.get('n')).toBe(2);
  });

  it('answers 503 where it cannot be loaded, and the handler does not run', async () => {
    const store = new MemorySessionStore(resolveOptions());
    const { sessions, interceptor } = world(store);
    const { cookie } = await sessions.create({ userId: 'ada' });
    store.find = () => Promise.reject(new SessionStoreUnavailableError('find the session'));
    const handle = (): never => {
      throw new Error('The handler ran.');
    };
    const result = interceptor.intercept(contextOf(cookie), { handle });
    await expect(result).rejects.toMatchObject({ status: 503 });
  });
});
