import { describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  BadRequestException,
  Catch,
  Controller,
  type ExceptionFilter,
  ForbiddenException,
  Get,
  Redirect,
  Req,
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { Session, SessionGuard } from 'nestjs-mikro-session';
import { of } from 'rxjs';
import { useApp } from '../../support/fixture.js';
import { inHandler, visit } from '../../support/probe.js';

/** Tells the visitor what went wrong on the next page, as applications do. */
@Catch(ForbiddenException)
class FlashingFilter implements ExceptionFilter {
  catch(_error: ForbiddenException, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    (http.getRequest<{ session: Session }>().session as Session).flash('error', 'No entry.').set('seen', 'filter');
    http.getResponse<Response>().redirect('/somewhere');
  }
}

@Controller()
class PathsController {
  @Get('value') value(@Session() session: Session) {
    session.set('seen', 'value');
    return { a: 1 };
  }
  @Get('observable') observable(@Session() session: Session) {
    session.set('seen', 'observable');
    return of({ a: 1 });
  }
  @Get('redirect') @Redirect('/elsewhere') redirect(@Session() session: Session): void {
    session.set('seen', 'redirect');
  }
  @Get('res-redirect') resRedirect(@Session() session: Session, @Res() response: Response): void {
    session.set('seen', 'res-redirect');
    response.redirect('/elsewhere');
  }
  @Get('res-json') resJson(@Session() session: Session, @Res() response: Response): void {
    session.set('seen', 'res-json');
    response.json({ a: 1 });
  }
  @Get('res-end') resEnd(@Session() session: Session, @Res() response: Response): void {
    session.set('seen', 'res-end');
    response.write('first');
    response.end('last');
  }
  @Get('exception') exception(@Session() session: Session): never {
    session.set('seen', 'exception');
    throw new BadRequestException('wrong');
  }
  @Get('filter') @UseFilters(FlashingFilter) filter(): never {
    throw new ForbiddenException();
  }
  @Get('failure') failure(@Session() session: Session): never {
    session.set('seen', 'failure');
    throw new Error('broken');
  }
  @Get('guarded') @UseGuards(SessionGuard) guarded(): void {}
  @Get('status-503') unavailable(@Session() session: Session, @Res({ passthrough: true }) response: Response): string {
    session.set('seen', 'status-503');
    response.status(503);
    return 'later';
  }
  @Get('plain') plain(@Req() request: Request & { session: Session }): void {
    request.session.set('seen', 'plain');
  }
}

describe('Promise 3: saved before sent', () => {
  const fixture = useApp({ controllers: [PathsController] });
  const seen = async (cookie: string) =>
    (await fixture.database.query(`select data->>'seen' as seen from sessions where id = $1`, [idIn(cookie)]))[0]?.[
      'seen'
    ];
  const idIn = (cookie: string) => cookie.slice('session_id='.length, 'session_id='.length + 36);

  it.each([
    ['value', 200],
    ['observable', 200],
    ['redirect', 302],
    ['res-redirect', 302],
    ['res-json', 200],
    ['res-end', 200],
    ['exception', 400],
    ['filter', 302],
    ['plain', 200],
  ])(
    'a new session written to on the path "%s" is there, with its cookie, when the answer comes',
    async (path, status) => {
      const client = fixture.app.client();
      const reply = await client.get(`/${path}`);
      expect(reply.status).toBe(status);
      expect(reply.setCookies).toHaveLength(1);
      expect(await seen(await client.cookie())).toBe(path);
    },
  );

  it('is there in each of 200 trials of setting by one request and reading from another connection', async () => {
    const client = fixture.app.client();
    for (let trial = 0; trial < 200; trial++) {
      await visit(client, (session) => session.set('seen', trial));
      expect(await seen(await client.cookie())).toBe(String(trial));
    }
  });

  it('sends not a byte while the row cannot be written, and then 503 instead of the handler’s answer', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('n', 0).id);
    const holder = await fixture.database.hold('select from sessions where id = $1 for update', [id]);
    const reply = await client.get('/res-json');
    await holder.release();
    expect(reply).toMatchObject({ status: 503, json: { statusCode: 503 } });
    expect(reply.headers.get('retry-after')).toBe('1');
    expect(reply.headers.get('etag')).toBeNull();
  });

  it('saves what was changed before an exception below 500', async () => {
    const client = fixture.app.client();
    await client.get('/exception');
    expect(await seen(await client.cookie())).toBe('exception');
  });

  it.each(['failure', 'status-503'])('drops what was changed before a failure of the server (%s)', async (path) => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('seen', 'before').id);
    expect((await client.get(`/${path}`)).status).toBeGreaterThanOrEqual(500);
    expect((await fixture.row(id))['data']).toEqual({ seen: 'before' });
  });

  it('begins no session for a visitor whose only request failed', async () => {
    const client = fixture.app.client();
    const before = await fixture.rows();
    const reply = await client.get('/failure');
    expect(reply.setCookies).toEqual([]);
    expect(await fixture.rows()).toBe(before);
  });

  it('keeps a login, and sends its cookie, though the handler failed afterwards', async () => {
    const client = fixture.app.client();
    const reply = await visit(client, async (session) => {
      await session.login('alice');
      session.set('seen', 'never');
      throw new Error('broken');
    });
    expect(reply.status).toBe(500);
    expect(reply.setCookies).toHaveLength(1);
    expect(await inHandler(client, (session) => [session.userId, session.has('seen')])).toEqual(['alice', false]);
  });

  it.each([
    [
      'an exception',
      () => {
        throw new BadRequestException();
      },
    ],
    [
      'a failure',
      () => {
        throw new Error('broken');
      },
    ],
    ['a value', () => 1],
  ])('renews the expiry after %s', async (_what, handler) => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('n', 0).id);
    await fixture.database.query(`update sessions set expires_at = now() + interval '1 s' where id = $1`, [id]);
    const renewed = new Promise<void>((resolve) => {
      const subscription = fixture.app.sessions.events.subscribe((event) => {
        if (event.type !== 'renewed' || event.sessionId !== id) return;
        subscription.unsubscribe();
        resolve();
      });
    });
    await visit(client, handler);
    await renewed;
    const { expires_at: expiresAt, last_access_at: lastAccessAt } = await fixture.row(id);
    expect(expiresAt.getTime() - lastAccessAt.getTime()).toBe(30 * 60_000);
  });

  it('keeps the handler’s own cookies, and sets its own exactly once', async () => {
    const client = fixture.app.client();
    const reply = await visit(client, async (session, _request, response) => {
      response.cookie('theirs', '1');
      await session.set('a', 1).save();
      await session.regenerate();
      await session.login('alice');
      response.cookie('also', '2');
    });
    expect(reply.setCookies.map((line) => line.split('=')[0])).toEqual(['theirs', 'also', 'session_id']);
  });
});
