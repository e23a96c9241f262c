import { describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  BadRequestException,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Sse,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import {
  Session,
  SessionGuard,
  SessionInterceptor,
  SessionModule,
  SessionRenewal,
  SkipSession,
} from 'nestjs-mikro-session';
import { defer, of, Subject, tap } from 'rxjs';
import { useApp } from '../support/app.js';
import { inHandler, signal, tryVisit, visit } from '../support/probe.js';

class OutOfStock extends Error {}

@Catch(OutOfStock)
class OutOfStockFilter implements ExceptionFilter {
  catch(_error: OutOfStock, host: ArgumentsHost): void {
    host
      .switchToHttp()
      .getResponse<{ status(code: number): { json(body: unknown): void } }>()
      .status(409)
      .json('sorry');
  }
}

const news = new Subject<string>();
const listening = signal();

@Controller()
class PathsController {
  @Get('out-of-stock') @UseFilters(OutOfStockFilter) outOfStock(@Session() session: Session): never {
    session.increment('n');
    throw new OutOfStock();
  }
  @Sse('news') @UseGuards(SessionGuard) @UseInterceptors(SessionInterceptor) news() {
    return defer(() => {
      listening.reach();
      return news;
    });
  }
  @Get('observable') observable(@Session() session: Session) {
    session.set('seen', 'observable');
    return of({ a: 1 });
  }
  @Get('guarded') @UseGuards(SessionGuard) guarded(@Session('userId') userId: string): object {
    return { userId };
  }
  @Get('polled') @SessionRenewal(false) polled(@Session() session: Session): object {
    return { seen: session.get('seen') as string };
  }
  @Sse('events') @UseInterceptors(SessionInterceptor) events(@Session() session: Session) {
    return of(1, 2, 3).pipe(tap((n) => session.set('n', n)));
  }
  @Get('skipped') @SkipSession() skipped(): string {
    return 'nothing';
  }
}

describe('SessionModule with `interceptor: false`', () => {
  const session = () => SessionModule.forRoot({ ensureSchema: true, interceptor: false, queryTimeout: '500ms' });
  const fixture = useApp({ controllers: [PathsController], session: session() });
  const stored = async (id: string) => (await fixture.row(id))['data'];

  it('registers no interceptor, which is what it is for', () => {
    expect(fixture.app.app.get(ApplicationConfig).getGlobalInterceptors()).toEqual([]);
  });

  it('loads the session before the handler, and stores it before the answer', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('n', 1).id);
    expect(await stored(id)).toEqual({ n: 1 });
    expect(await inHandler(client, (session) => session.increment('n'))).toBe(2);
    expect(await stored(id)).toEqual({ n: 2 });
    expect((await client.get('/observable')).json).toEqual({ a: 1 });
    expect(await stored(id)).toEqual({ n: 2, seen: 'observable' });
  });

  it('stores what was changed before an exception below 500, and drops it before any other', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('n', 1).id);
    const failing = (error: Error) => (session: Session) => {
      session.increment('n');
      throw error;
    };
    expect((await visit(client, failing(new BadRequestException()))).status).toBe(400);
    expect(await stored(id)).toEqual({ n: 2 });
    expect((await visit(client, failing(new Error('broken')))).status).toBe(500);
    expect(await stored(id)).toEqual({ n: 2 });
  });

  it('stores what was changed before an error that a filter answers with a status below 500', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('n', 1).id);
    expect((await client.get('/out-of-stock')).status).toBe(409);
    expect(await stored(id)).toEqual({ n: 2 });
  });

  it('ends the stream of a user who is signed out where the guarded route has the interceptor of its own', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.login('ada').then(() => session.id));
    const response = await fetch(`${fixture.app.url}/news`, { headers: { cookie: await client.cookie() } });
    await listening.reached;
    await fixture.app.sessions.revoke(id);
    news.next('secret');
    expect(await response.text()).not.toContain('secret');
  });

  it('stores what comes with events where the route has the interceptor of its own', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('n', 0).id);
    expect((await client.get('/events')).text).toContain('data: 3');
    expect(await stored(id)).toEqual({ n: 3 });
  });

  it('lets in a user who is signed in, and no other visitor', async () => {
    const client = fixture.app.client();
    expect((await client.get('/guarded')).status).toBe(401);
    await visit(client, (session) => session.login('alice'));
    expect((await client.get('/guarded')).json).toEqual({ userId: 'alice' });
  });

  it('answers 401 to a change of a session that was revoked meanwhile', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('n', 1).id);
    const reply = await visit(client, async (session) => {
      await fixture.app.sessions.revoke(id);
      session.set('n', 2);
    });
    expect(reply).toMatchObject({ status: 401, json: { statusCode: 401 } });
    expect(reply.setCookies).toEqual([]);
  });

  it('answers 503 while the session cannot be loaded, and while it cannot be stored', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('n', 1).id);
    const row = await fixture.database.hold('select from sessions where id = $1 for update', [id]);
    const unsaved = await tryVisit(client, (session) => session.increment('n'));
    await row.release();
    const table = await fixture.database.hold('lock table sessions in access exclusive mode', []);
    const unloaded = await client.get('/polled');
    await table.release();
    for (const reply of [unsaved, unloaded]) {
      expect(reply).toMatchObject({ status: 503, json: { statusCode: 503 } });
      expect(reply.headers.get('retry-after')).toBe('1');
    }
    expect(await stored(id)).toEqual({ n: 1 });
  });

  it('keeps to @SkipSession() and @SessionRenewal(false)', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('seen', 'it'));
    await fixture.app.sessions.flush();
    const renewed: string[] = [];
    const subscription = fixture.app.sessions.events.subscribe(({ type }) => renewed.push(type));
    expect((await client.get('/skipped')).text).toBe('nothing');
    expect((await client.get('/polled')).json).toEqual({ seen: 'it' });
    await fixture.app.sessions.flush();
    subscription.unsubscribe();
    expect(renewed).toEqual(['loaded']);
  });
});
