import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, InternalServerErrorException, Res, Sse } from '@nestjs/common';
import { Session, SessionModule, SessionRenewal } from 'nestjs-mikro-session';
import { from, type Observable } from 'rxjs';
import pg from 'pg';
import { useApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { visit } from '../support/probe.js';

@Controller()
class PagesController {
  @Get('read') read(@Session() session: Session): object {
    return session.toJSON();
  }
  @Get('answers-itself') answersItself(
    @Session() _session: Session,
    @Res() response: { send(text: string): void },
  ): void {
    response.send('done');
  }
  @Get('fails') fails(): never {
    throw new InternalServerErrorException();
  }
  @Get('polled') @SessionRenewal(false) polled(): object {
    return {};
  }
  @Get('touches') touches(@Session() session: Session): void {
    session.touch();
  }
  @Get('touches-and-fails') touchesAndFails(@Session() session: Session): never {
    session.touch();
    throw new InternalServerErrorException();
  }
  @Get('polled-touches') @SessionRenewal(false) polledTouches(@Session() session: Session): void {
    session.touch();
  }
  @Get('polled-touches-and-writes') @SessionRenewal(false) polledTouchesAndWrites(@Session() session: Session): void {
    session.touch();
    session.increment('n');
  }
  @Get('polled-saves-and-touches')
  @SessionRenewal(false)
  async polledSavesAndTouches(@Session() session: Session): Promise<void> {
    session.increment('n');
    await session.save();
    session.touch();
  }
  @Sse('events') events(@Session() _session: Session): Observable<object> {
    return from([{ data: 1 }, { data: 2 }]);
  }
  @Sse('polled-events') @SessionRenewal(false) polledEvents(@Session() session: Session): Observable<object> {
    session.touch();
    return from([{ data: 1 }, { data: 2 }]);
  }
}

/** Has renewals take their time, until the test ends; counts them. */
function slowRenewals(): { count: number } {
  const seen = { count: 0 };
  // oxlint-disable-next-line typescript/unbound-method -- called on what it is called on
  const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
  jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    if ((args[0] as { text?: string }).text?.includes('with access as') !== true) return query.apply(this, args);
    seen.count++;
    setTimeout(() => query.apply(this, args), 100);
    return undefined;
  } as never);
  return seen;
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe.each(PLATFORMS)('`renewal.flushEvery: 0`, on %s', (platform) => {
  describe.each([true, false])('with `interceptor: %s`', (interceptor) => {
    const fixture = useApp({
      controllers: [PagesController],
      platform,
      session: SessionModule.forRoot({ ensureSchema: true, sweep: false, renewal: { flushEvery: 0 }, interceptor }),
    });

    it.each([
      'read',
      'answers-itself',
      'fails',
      'touches',
      'touches-and-fails',
      'polled-touches',
      'polled-touches-and-writes',
      'polled-saves-and-touches',
      'events',
      'polled-events',
    ])('has a renewal written before the answer: %s', async (path) => {
      const client = fixture.app.client();
      await visit(client, (session) => session.set('n', 1));
      const [{ id }] = (await fixture.database.query('select id from sessions order by created_at desc limit 1')) as [
        any,
      ];
      await fixture.database.query(`update sessions set last_access_at = now() - interval '5 min' where id = $1`, [id]);
      const renewals = slowRenewals();
      await client.get(`/${path}`);
      jest.restoreAllMocks();
      expect(Date.now() - (await fixture.row(id))['last_access_at'].getTime()).toBeLessThan(60_000);
      expect(renewals.count).toBe(1);
    });

    it('writes none where there is none', async () => {
      const client = fixture.app.client();
      const renewals = slowRenewals();
      await client.get('/read');
      await visit(client, (session) => session.set('n', 1));
      await client.get('/polled');
      expect(renewals.count).toBe(0);
    });
  });
});

describe('Many requests at a time with `renewal.flushEvery: 0`, while nothing can be written,', () => {
  const fixture = useApp({
    controllers: [PagesController],
    session: SessionModule.forRoot({
      ensureSchema: true,
      sweep: false,
      queryTimeout: '500ms',
      renewal: { flushEvery: 0 },
    }),
  });

  it('wait for two statements at most, and not one after the other', async () => {
    const clients = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const client = fixture.app.client();
        await visit(client, (session) => session.set('n', 1));
        return client;
      }),
    );
    // As while an index is created: look-ups go on.
    const holder = await fixture.database.hold('lock table sessions in share mode');
    const times = await Promise.all(
      clients.map(async (client) => {
        const begun = performance.now();
        await client.get('/read');
        return performance.now() - begun;
      }),
    );
    await holder.release();
    expect(Math.max(...times)).toBeLessThan(4 * 500);
  });
});
