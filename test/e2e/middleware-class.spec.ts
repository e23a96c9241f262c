import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { type ExpressSession, SessionMiddleware } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { inHandler, visit } from '../support/probe.js';
import { statements } from '../support/statements.js';

type WithSession = IncomingMessage & { session: ExpressSession };

/** As Passport does: it reads and writes `request.session` before the guards run. */
function counts(request: WithSession, _response: ServerResponse, next: () => void): void {
  if (request.headers['x-count'] !== undefined) request.session['count'] = (request.session['count'] ?? 0) + 1;
  next();
}

@Module({})
class VisitModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(SessionMiddleware, counts).forRoutes('{*path}');
  }
}

describe.each(PLATFORMS)('SessionMiddleware in configure(consumer), on %s', (platform) => {
  const fixture = useApp({ platform, imports: [VisitModule] });

  it('gives the middleware after it request.session, which is stored', async () => {
    const client = fixture.app.client();
    const headers = { 'x-count': '1' };
    await visit(client, () => {}, headers);
    const seen = await inHandler(
      client,
      (session, request) => [session.data['count' as never], (request as never as WithSession).session['count']],
      headers,
    );
    expect(seen).toEqual([2, 2]);
    expect((await fixture.row())['data']).toEqual({ count: 2 });
  });

  it('costs a visitor without a cookie no query', async () => {
    expect(await statements(fixture.app, () => visit(fixture.app.client(), () => {}))).toBe(0);
  });
});
