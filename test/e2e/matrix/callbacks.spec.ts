import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { expect } from '@jest/globals';
import {
  type CallHandler,
  ConflictException,
  Controller,
  type ExecutionContext,
  Get,
  type NestInterceptor,
  Param,
  Query,
  Req,
  RequestTimeoutException,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import { type ExpressSession, Session, sessionMiddleware } from 'nestjs-mikro-session';
import { Server } from 'socket.io';
import { WebSocket } from 'ws';
import { from, merge, mergeMap, type Observable, throwError } from 'rxjs';
import { type PlatformResponse, rawOf } from '../../support/platform.js';
import { type Signal, signal } from '../../support/probe.js';
import { idIn, runOwn, sessionCookies, type World } from './run.js';
import { CALLBACKS } from './scenarios.js';

interface Requested {
  session: ExpressSession;
}

/** Where a handler stands, and what it threw when it answered late: nothing, if all is well. */
interface Steps {
  readonly begun: Signal;
  readonly goOn: Signal;
  readonly late: PromiseWithResolvers<unknown>;
}

const steps = new Map<string, Steps>();
const stepsOf = (name: string): Steps => steps.get(name) as Steps;

/** Answers once the test says so, in a callback of nobody's. */
function later(name: string, answer: () => unknown): void {
  const { begun, goOn, late } = stepsOf(name);
  begun.reach();
  void goOn.reached.then(() =>
    setImmediate(() => {
      try {
        answer();
        late.resolve('nothing was thrown');
      } catch (error) {
        late.resolve(error);
      }
    }),
  );
}

/** Answers in the place of a handler as soon as that has begun. */
class ImpatientInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { name } = context.switchToHttp().getRequest<{ params: { name: string } }>().params;
    const timeout = from(stepsOf(name).begun.reached).pipe(
      mergeMap(() => throwError(() => new RequestTimeoutException())),
    );
    return merge(next.handle(), timeout);
  }
}

@Controller('callbacks')
class CallbacksController {
  @Get('login/:user') login(
    @Param('user') user: string,
    @Req() request: Requested,
    @Res() response: PlatformResponse,
  ): void {
    request.session.regenerate((error: unknown) => {
      if (error) throw error;
      request.session['user'] = user;
      request.session.save((failed: unknown) => {
        if (failed) throw failed;
        response.status(302).redirect('/');
      });
    });
  }
  @Get('logout') logout(@Req() request: Requested, @Res() response: PlatformResponse): void {
    request.session.regenerate(() => response.status(302).redirect('/'));
  }
  @Get('note') note(
    @Req() request: Requested,
    @Session() session: Session,
    @Query('then') then: string,
    @Res() response: PlatformResponse,
  ): void {
    request.session['note'] = `half a note${'\0'}`;
    request.session.save((error: unknown) => {
      session.set('seen', true);
      if (then === 'flash') session.flash('error', 'That cannot be stored.');
      if (then === 'flash') response.status(302).redirect('/form');
      else response.status(error ? 400 : 201).send({ stored: !error });
    });
  }
  @Get('send/:name') send(
    @Param('name') name: string,
    @Session() session: Session,
    @Res() response: PlatformResponse,
  ): void {
    later(name, () => {
      session.set('late', true);
      response.status(200).send({ late: true });
    });
  }
  @Get('head/:name') head(
    @Param('name') name: string,
    @Session() session: Session,
    @Res() response: PlatformResponse,
  ): void {
    later(name, () => {
      session.set('late', true);
      rawOf(response).writeHead(200, { 'content-type': 'text/plain' }).end('late');
    });
  }
  @Get('twice/:name') twice(
    @Param('name') name: string,
    @Session() session: Session,
    @Res() response: PlatformResponse,
  ): void {
    session.set('mark', 1);
    // Has to wait for the session, which will be gone.
    response.send({ first: true });
    later(name, () => response.status(202).send({ second: true }));
  }
  @Get('exception/:name') exception(
    @Param('name') name: string,
    @Session() session: Session,
    @Res() response: PlatformResponse,
  ): void {
    session.set('mark', 1);
    later(name, () => response.status(200).send({ late: true }));
    throw new ConflictException();
  }
  @Get('error/:name') error(@Param('name') name: string, @Res() response: PlatformResponse): void {
    later(name, () => rawOf(response).writeHead(200, { 'content-type': 'text/plain' }).end('late'));
    throw new Error('This is expected.');
  }
  @Get('rejected/:name') async rejected(
    @Param('name') name: string,
    @Session() session: Session,
    @Res() response: PlatformResponse,
  ): Promise<void> {
    stepsOf(name).begun.reach();
    session.set('mark', 1).save(() => {
      try {
        response.status(200).send({ late: true });
        stepsOf(name).late.resolve('nothing was thrown');
      } catch (error) {
        stepsOf(name).late.resolve(error);
      }
    });
    throw new ConflictException();
  }
  @Get('timeout/:name')
  @UseInterceptors(ImpatientInterceptor)
  timeout(@Param('name') name: string, @Res() response: PlatformResponse): Promise<void> {
    later(name, () => response.status(200).send({ late: true }));
    return new Promise(() => {});
  }
}

/** A request of a visitor who has a session, whose handler goes on when the test says so. */
async function begin({ send, app }: World, route: string) {
  const name = randomUUID();
  const own: Steps = { begun: signal(), goOn: signal(), late: Promise.withResolvers() };
  steps.set(name, own);
  const { session, cookie } = await app.sessions.create({ data: { kept: 1 } });
  const { answer } = send({ path: `/callbacks/${route}/${name}`, headers: { cookie } });
  await own.begun.reached;
  return { ...own, id: session.id, answer };
}

async function get({ send }: World, path: string, cookie?: string) {
  const { answer } = send({
    path: `/callbacks/${path}`,
    headers: cookie === undefined ? {} : { cookie },
  });
  const { status, headers } = await answer;
  return { status, headers, cookies: sessionCookies(headers) };
}

/** That the answer is the error's, and that the handler has noticed nothing. */
async function expectUnnoticed(
  { answer, goOn, late }: Awaited<ReturnType<typeof begin>>,
  status: number,
): Promise<void> {
  goOn.reach();
  const { headers, body, ...found } = await answer;
  expect({ late: await late.promise, status: found.status, body: JSON.parse(body.toString()) }).toMatchObject({
    late: 'nothing was thrown',
    status,
    body: { statusCode: status },
  });
  expect(sessionCookies(headers)).toEqual([]);
}

/** The same where the error answers first, and the handler after it. */
async function expectNothingAfter(exchange: Awaited<ReturnType<typeof begin>>, status: number): Promise<void> {
  await exchange.answer;
  await expectUnnoticed(exchange, status);
}

const TESTS: Record<string, (world: World) => Promise<void>> = {
  'a login: `request.session.regenerate(cb)`, `save(cb)`, `redirect()`': async (world) => {
    const { session, cookie: before } = await world.app.sessions.create({ data: { cart: 1 } });
    for (const cookie of [before, undefined]) {
      const user = randomUUID();
      const { status, cookies } = await get(world, `login/${user}`, cookie);
      expect({ status, cookies }).toEqual({ status: 302, cookies: [expect.stringMatching(/^session_id=[^;]/)] });
      expect(await world.second.read(idIn(cookies[0]))).toEqual({ user });
    }
    expect(await world.second.read(session.id)).not.toHaveProperty('cart');
  },
  'a `regenerate(cb)` that is followed by nothing': async (world) => {
    const { session, cookie } = await world.app.sessions.create({ data: { cart: 1 } });
    const { status, cookies } = await get(world, 'logout', cookie);
    expect({ status, cookies }).toEqual({ status: 302, cookies: [expect.stringMatching(/^session_id=;/)] });
    expect(await world.second.read(session.id)).toBeNull();
  },
  '`save(cb)` refused, and the handler answers 400': async (world) => {
    const { session, cookie } = await world.app.sessions.create({ data: { note: 'old' } });
    expect(await get(world, 'note', cookie)).toMatchObject({ status: 400, cookies: [] });
    expect(await world.second.read(session.id)).toEqual({ note: 'old', seen: true });
  },
  '`save(cb)` refused, and the handler redirects to a message': async (world) => {
    const { session, cookie } = await world.app.sessions.create({ data: { note: 'old' } });
    expect(await get(world, 'note?then=flash', cookie)).toMatchObject({ status: 302, headers: { location: '/form' } });
    const found = await world.app.sessions.find(session.id);
    expect([found?.get('note'), found?.flashes()]).toEqual([
      'old',
      [{ category: 'error', message: 'That cannot be stored.' }],
    ]);
  },
  'a late `send()`, the session revoked meanwhile': async (world) => {
    const exchange = await begin(world, 'send');
    await world.app.sessions.revoke(exchange.id);
    await expectUnnoticed(exchange, 401);
  },
  'a late `writeHead()`, the session revoked meanwhile': async (world) => {
    const exchange = await begin(world, 'head');
    await world.app.sessions.revoke(exchange.id);
    await expectUnnoticed(exchange, 401);
  },
  'a second answer, after the first turned into a 401': async (world) => {
    const name = randomUUID();
    const own: Steps = { begun: signal(), goOn: signal(), late: Promise.withResolvers() };
    steps.set(name, own);
    const { session, cookie } = await world.app.sessions.create({ data: { kept: 1 } });
    // The answer waits for this row, until it is gone.
    const held = await world.database.hold('delete from sessions where id = $1', [session.id]);
    const { answer } = world.send({ path: `/callbacks/twice/${name}`, headers: { cookie } });
    await own.begun.reached;
    await held.release();
    await expectNothingAfter({ ...own, id: session.id, answer }, 401);
  },
  'an `HttpException` below 500, and a late `send()`': async (world) => {
    const exchange = await begin(world, 'exception');
    await expectNothingAfter(exchange, 409);
    expect(await world.second.read(exchange.id)).toEqual({ kept: 1, mark: 1 });
  },
  'an `Error`, and a late `writeHead()`': async (world) => {
    await expectNothingAfter(await begin(world, 'error'), 500);
  },
  'a rejected promise, and a `send()` before it is answered': async (world) => {
    await expectUnnoticed(await begin(world, 'rejected'), 409);
  },
  'a timeout of an interceptor answers 408, and the handler later': async (world) => {
    await expectNothingAfter(await begin(world, 'timeout'), 408);
  },
  'a WebSocket handshake through socket.io’s engine, whose middleware writes': async ({ app, database }) => {
    const io = new Server(app.app.getHttpServer());
    io.engine.use(sessionMiddleware(app.app));
    io.engine.use((request: Requested, _response: unknown, next: () => void) => {
      request.session['seen'] = true;
      next();
    });
    const rows = async () => (await database.query('select from sessions')).length;
    const before = await rows();
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const opened = once(socket, 'message');
    const [{ headers }] = (await once(socket, 'upgrade')) as [{ headers: { 'set-cookie'?: string[] } }];
    await opened;
    socket.terminate();
    io.engine.close();
    expect([sessionCookies(headers), await rows()]).toEqual([[], before]);
  },
  'the store fails at the answer': async (world) => {
    const exchange = await begin(world, 'send');
    const held = await world.database.hold('lock table sessions in share mode');
    await expectUnnoticed(exchange, 503);
    await held.release();
    expect((await exchange.answer).headers['retry-after']).toBe('1');
    expect(await world.second.read(exchange.id)).toEqual({ kept: 1 });
  },
};

runOwn(CALLBACKS, { controllers: [CallbacksController], prepare: (app) => app.use(sessionMiddleware(app)) }, TESTS);
