import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { expect } from '@jest/globals';
import { Controller, Get, Logger, Param, Res, Sse, StreamableFile } from '@nestjs/common';
import { Session } from 'nestjs-mikro-session';
import { filter, finalize, firstValueFrom, type Observable, of, Subject } from 'rxjs';
import { type PlatformResponse, rawOf } from '../../support/platform.js';
import { eventually, idIn, runOwn, sessionCookies, type World } from './run.js';
import { STREAMS } from './scenarios.js';

/** A stream that a test drives from outside: the handler's session, and where its pieces come from. */
interface Driven {
  readonly session: Session;
  readonly events: Subject<string>;
  readonly pieces: PassThrough;
  readonly response?: PlatformResponse;
}

/** How clients say that an answer is not whole. */
const CUT_OFF = /aborted|socket hang up|ECONNRESET|NGHTTP2_INTERNAL_ERROR/;

const waiting = new Map<string, (driven: Driven) => void>();

function drive(name: string, session: Session, response?: PlatformResponse): Driven {
  const driven = { session, events: new Subject<string>(), pieces: new PassThrough(), ...(response && { response }) };
  waiting.get(name)?.(driven);
  return driven;
}

@Controller('streams')
class StreamsController {
  @Sse('events/:name') events(@Session() session: Session, @Param('name') name: string): Observable<string> {
    return drive(name, session).events;
  }
  @Sse('greeting/:name') greeting(@Session() session: Session, @Param('name') name: string): Observable<string> {
    session.set('mark', 'greeted');
    return drive(name, session).events;
  }
  @Sse('login/:name') async login(
    @Session() session: Session,
    @Param('name') name: string,
  ): Promise<Observable<string>> {
    await session.login('ada');
    return drive(name, session).events;
  }
  @Sse('leaving/:name') leaving(@Session() session: Session, @Param('name') name: string): Observable<string> {
    return drive(name, session).events.pipe(finalize(() => session.set('mark', 'left')));
  }
  @Sse('broken') broken(): Observable<string> {
    return of('the handler ran');
  }
  @Get('writes/:name') writes(
    @Session() session: Session,
    @Param('name') name: string,
    @Res() response: PlatformResponse,
  ): void {
    rawOf(response).write('first');
    drive(name, session, response);
  }
  @Get('iterable/:name') async *iterable(@Session() session: Session, @Param('name') name: string) {
    for await (const piece of drive(name, session).pieces) yield String(piece);
  }
  @Get('file/:name') file(@Session() session: Session, @Param('name') name: string): StreamableFile {
    return new StreamableFile(drive(name, session).pieces);
  }
}

/** Opens a stream as a visitor who has a session, or as one who has none. */
async function open({ send }: World, route: string, cookie?: string) {
  const name = randomUUID();
  const driven = new Promise<Driven>((resolve) => waiting.set(name, resolve));
  const headers = { ...(cookie !== undefined && { cookie }) };
  const exchange = send({ path: `/streams/${route}/${name}`, headers });
  return { exchange, ...(await driven) };
}

/** The same, as a visitor who has a session. */
async function openKnown(world: World, route: string) {
  const { session, cookie } = await world.app.sessions.create({ data: { mark: 'before' } });
  return { id: session.id, ...(await open(world, route, cookie)) };
}

/** What is logged meanwhile, as text. */
async function logged(during: () => Promise<void>): Promise<string> {
  const lines: string[] = [];
  const take = (...args: unknown[]): void => void lines.push(args.map(String).join(' '));
  Logger.overrideLogger({ log: () => {}, warn: take, error: take, fatal: take });
  try {
    await during();
  } finally {
    Logger.overrideLogger(false);
  }
  return lines.join('\n');
}

/** Changes the session between the pieces of a stream, and reads it when the last piece has come. */
async function expectStoredBeforeTheEnd(world: World, route: string): Promise<void> {
  const { id, exchange, session, pieces } = await openKnown(world, route);
  pieces.write('first');
  await exchange.received('first');
  session.set('mark', 'between');
  pieces.end('last');
  expect((await exchange.answer).body.toString()).toBe('firstlast');
  expect(await world.second.read(id)).toMatchObject({ mark: 'between' });
}

const TESTS: Record<string, (world: World) => Promise<void>> = {
  '`@Sse()`, before anything is emitted': async (world) => {
    const { exchange, events } = await open(world, 'greeting');
    const { status, headers } = await exchange.head;
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/event-stream');
    const [cookie, ...others] = sessionCookies(headers);
    expect(others).toEqual([]);
    expect(await world.second.read(idIn(cookie))).toMatchObject({ mark: 'greeted' });
    events.complete();
    await exchange.answer;
  },

  '`@Sse()`, with a `login()`': async (world) => {
    const { id, exchange, events } = await openKnown(world, 'login');
    const [cookie] = sessionCookies((await exchange.head).headers);
    expect(idIn(cookie)).toBe(id);
    const [row] = await world.database.query('select user_id from sessions where id = $1', [id]);
    expect(row).toEqual({ user_id: 'ada' });
    events.complete();
    await exchange.answer;
  },

  '`@Sse()`, with every event': async (world) => {
    const { id, exchange, session, events } = await openKnown(world, 'events');
    for (const mark of ['one', 'two', 'three']) {
      session.set('mark', mark);
      events.next(`event ${mark}`);
      await exchange.received(`data: event ${mark}`);
      expect(await world.second.read(id)).toMatchObject({ mark });
    }
    events.complete();
    await exchange.answer;
  },

  '`@Sse()`, after the last event': async (world) => {
    const { id, exchange, session, events } = await openKnown(world, 'events');
    events.next('the last');
    await exchange.received('data: the last');
    session.set('mark', 'after');
    events.complete();
    await exchange.answer;
    expect(await world.second.read(id)).toMatchObject({ mark: 'after' });
  },

  '`@Sse()`, when the client has gone': async (world) => {
    const { id, exchange, events } = await openKnown(world, 'leaving');
    events.next('hello');
    await exchange.received('data: hello');
    exchange.abort();
    await eventually(async () => (await world.second.read(id))?.['mark'], 'left');
  },

  '`@Sse()`, as an access': async (world) => {
    const { session, cookie } = await world.app.sessions.create({ data: { mark: 'before' } });
    const renewed = firstValueFrom(
      world.app.sessions.events.pipe(filter(({ type, sessionId }) => type === 'renewed' && sessionId === session.id)),
    );
    const { exchange, events } = await open(world, 'events', cookie);
    await renewed;
    events.complete();
    await exchange.answer;
  },

  '`@Sse()`, the session cannot be loaded': async (world) => {
    const { cookie } = await world.app.sessions.create({ data: { mark: 'before' } });
    const holder = await world.database.hold('lock table sessions in access exclusive mode');
    const { send } = world;
    const exchange = send({ path: '/streams/broken', headers: { cookie } });
    const [{ status, headers }, { body }] = await Promise.all([exchange.head, exchange.answer]);
    await holder.release();
    expect([status, headers['retry-after']]).toEqual([503, '1']);
    expect(body.toString()).not.toContain('the handler ran');
  },

  '`@Sse()`, failing after an event': async (world) => {
    const { id, exchange, session, events } = await openKnown(world, 'events');
    session.set('mark', 'sent');
    events.next('hello');
    await exchange.received('data: hello');
    session.set('mark', 'never');
    events.error(new Error('broken'));
    expect((await exchange.answer).body.toString()).toContain('event: error');
    expect(await world.second.read(id)).toMatchObject({ mark: 'sent' });
  },

  '`@Sse()`, a new session after the headers': async (world) => {
    const { exchange, session, events } = await open(world, 'events');
    const { headers } = await exchange.head;
    const rows = await world.app.sessions.count();
    const log = await logged(async () => {
      session.set('mark', 'late');
      events.next('hello');
      const { body } = await exchange.answer;
      expect(body.toString()).toContain('event: error');
      expect(body.toString()).not.toContain('hello');
    });
    expect(log).toContain('SessionHeadersSentError');
    expect(log).toContain('Start, log in or end the session before the first byte of the response.');
    expect(sessionCookies(headers)).toEqual([]);
    expect(await world.app.sessions.count()).toBe(rows);
  },

  '`write()` and `end()`, between them': async (world) => {
    const { id, exchange, session, response } = await openKnown(world, 'writes');
    await exchange.received('first');
    session.set('mark', 'between');
    rawOf(response as PlatformResponse).end('last');
    expect((await exchange.answer).body.toString()).toBe('firstlast');
    expect(await world.second.read(id)).toMatchObject({ mark: 'between' });
  },

  'an async iterable, between its pieces': (world) => expectStoredBeforeTheEnd(world, 'iterable'),

  '`StreamableFile`, between its pieces': (world) => expectStoredBeforeTheEnd(world, 'file'),

  'a new session after the first byte': async (world) => {
    const { exchange, session, response } = await open(world, 'writes');
    await exchange.received('first');
    const rows = await world.app.sessions.count();
    const log = await logged(async () => {
      session.set('mark', 'late');
      rawOf(response as PlatformResponse).end('last');
      await expect(exchange.answer).rejects.toThrow(CUT_OFF);
    });
    expect(log).toContain('Start, log in or end the session before the first byte of the response.');
    expect(await world.app.sessions.count()).toBe(rows);
  },

  '`setTtl()` beyond the end of the cookie after the first byte': async (world) => {
    const { id, exchange, session, response } = await openKnown(world, 'writes');
    await exchange.received('first');
    session.set('mark', 'never').setTtl('30d');
    rawOf(response as PlatformResponse).end('last');
    await expect(exchange.answer).rejects.toThrow(CUT_OFF);
    expect(await world.second.read(id)).toMatchObject({ mark: 'before' });
  },

  '`setTtl()` within it after the first byte': async (world) => {
    const { id, exchange, session, response } = await openKnown(world, 'writes');
    await exchange.received('first');
    session.set('mark', 'between').setTtl('5m');
    rawOf(response as PlatformResponse).end('last');
    expect((await exchange.answer).body.toString()).toBe('firstlast');
    expect(await world.second.read(id)).toMatchObject({ mark: 'between' });
    const [row] = await world.database.query('select ttl from sessions where id = $1', [id]);
    expect(row).toEqual({ ttl: '300000' });
  },

  'the store cannot be reached after the first byte': async (world) => {
    const { id, exchange, session, response } = await openKnown(world, 'writes');
    await exchange.received('first');
    const holder = await world.database.hold('select from sessions where id = $1 for update', [id]);
    session.set('mark', 'never');
    rawOf(response as PlatformResponse).end('last');
    const outcome = exchange.answer.then(
      () => 'whole',
      () => 'cut off',
    );
    expect([await outcome, await holder.release()]).toEqual(['cut off', undefined]);
    expect(await world.second.read(id)).toMatchObject({ mark: 'before' });
  },

  'the session ends after the first byte': async (world) => {
    const { id, exchange, session, response } = await openKnown(world, 'writes');
    await exchange.received('first');
    await world.app.sessions.revoke(id);
    const log = await logged(async () => {
      session.set('mark', 'never');
      rawOf(response as PlatformResponse).end('last');
      await expect(exchange.answer).rejects.toThrow(CUT_OFF);
    });
    expect(log).toContain('cut off');
    expect(log).toContain('SessionGoneError');
    expect(await world.second.read(id)).toBeNull();
  },
};

runOwn(STREAMS, { controllers: [StreamsController], options: { queryTimeout: '500ms' } }, TESTS);
