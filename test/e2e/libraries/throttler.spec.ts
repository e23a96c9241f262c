import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SessionService } from 'nestjs-mikro-session';
import { useApp } from '../../support/app.js';
import { PLATFORMS } from '../../support/platform.js';
import { visit } from '../../support/probe.js';

// Jest can have CommonJS load the ESM packages of Nest only once those are there.
const { ThrottlerGuard, ThrottlerModule } = await import('@nestjs/throttler');

@Controller()
class PagesController {
  @Get('page') page(): object {
    return {};
  }
}

describe.each(PLATFORMS)('On %s, @nestjs/throttler, whose guard stands before that of the sessions,', (platform) => {
  const fixture = useApp({
    platform,
    controllers: [PagesController],
    before: [
      ThrottlerModule.forRootAsync({
        inject: [SessionService],
        useFactory: (sessions: SessionService) => ({
          throttlers: [{ ttl: 60_000, limit: 4 }],
          getTracker: async (request: { ip?: string }, context) =>
            (await sessions.of(context)).userId ?? String(request.ip),
        }),
      }),
    ],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  });

  it('counts the requests of a user, from whichever session they come, and not those of another', async () => {
    const [desk, phone, other] = [fixture.app.client(), fixture.app.client(), fixture.app.client()];
    for (const client of [desk, phone]) await visit(client, (session) => session.login('ada'));
    await visit(other, (session) => session.login('grace'));
    const statuses: number[] = [];
    for (const client of [desk, phone, desk, phone, desk, other]) statuses.push((await client.get('/page')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 429, 200]);
  });
});
