import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Req } from '@nestjs/common';
import { type ExpressSession, Session, SessionRenewal, sessionMiddleware } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { visit } from '../support/probe.js';

const MINUTE = 60_000;

/** Until when the session lives, as its own request says it before anything is stored. */
interface Said {
  readonly until: string;
  readonly isExpired?: boolean;
}

@Controller()
class LifetimesController {
  @Get('short') short(@Session() session: Session): Said {
    session.setTtl('5m');
    return { until: session.expiresAt.toISOString(), isExpired: session.isExpired() };
  }
  @Get('polled') @SessionRenewal(false) polled(@Session() session: Session): Said {
    session.setTtl('25m');
    return { until: session.expiresAt.toISOString(), isExpired: session.isExpired() };
  }
  @Get('polled-touched') @SessionRenewal(false) polledTouched(@Session() session: Session): Said {
    session.setTtl('25m').touch();
    return { until: session.expiresAt.toISOString(), isExpired: session.isExpired() };
  }
  @Get('absolute') absolute(@Session() session: Session): Said {
    session.setTtl('30m', { absolute: '10m' });
    return { until: session.expiresAt.toISOString(), isExpired: session.isExpired() };
  }
  @Get('max-age') maxAge(@Req() { session }: { session: ExpressSession }): Said {
    session.cookie.maxAge = 5 * MINUTE;
    return { until: new Date(Date.now() + session.cookie.maxAge).toISOString() };
  }
  @Get('expires') expires(@Req() { session }: { session: ExpressSession }): Said {
    session.cookie.expires = new Date(Date.now() + 5 * MINUTE);
    return { until: session.cookie.expires.toISOString() };
  }
}

describe('A lifetime that is set, and not stored yet,', () => {
  const fixture = useApp({
    controllers: [LifetimesController],
    prepare: (app) => {
      const middleware = sessionMiddleware(app);
      for (const path of ['/max-age', '/expires']) (app as { use(...args: unknown[]): void }).use(path, middleware);
    },
  });

  it.each([
    ['by setTtl()', 'short'],
    ['by setTtl() where the route does not renew', 'polled'],
    ['by setTtl() where that was touched', 'polled-touched'],
    ['by setTtl() with an absolute end', 'absolute'],
    ['by cookie.maxAge', 'max-age'],
    ['by cookie.expires', 'expires'],
  ])('%s, says when the session ends as what is stored does then', async (_how, path) => {
    await fixture.database.query('delete from sessions');
    const client = fixture.app.client();
    await visit(client, (session) => session.set('n', 1));
    await fixture.database.query(
      `update sessions set last_access_at = now() - interval '20 min', expires_at = now() + interval '10 min'`,
    );
    const said = (await client.get(`/${path}`)).json as Said;
    await fixture.app.sessions.flush();
    const stored = (await fixture.row())['expires_at'] as Date;
    expect(Math.abs(new Date(said.until).getTime() - stored.getTime())).toBeLessThan(MINUTE);
    expect(said.isExpired).not.toBe(true);
  });
});
