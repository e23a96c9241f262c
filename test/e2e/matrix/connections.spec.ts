import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as http2Connect } from 'node:http2';
import { Readable } from 'node:stream';
import { expect } from '@jest/globals';
import { MikroORM } from '@mikro-orm/core';
import { Body, Controller, Get, Param, Post, Query, Res, StreamableFile } from '@nestjs/common';
import { Session } from 'nestjs-mikro-session';
import { finalize, NEVER, type Observable } from 'rxjs';
import { collectGarbage } from '../../support/collect-garbage.js';
import { rawConnection } from '../../support/exchange.js';
import { type PlatformResponse, rawOf } from '../../support/platform.js';
import { type Signal, signal } from '../../support/probe.js';
import { eventually, runOwn, type World } from './run.js';
import { CONNECTIONS } from './scenarios.js';

/** Where a handler stands, and what it waits for. */
interface Steps {
  readonly started: Signal;
  readonly clientLeft: Signal;
  readonly goOn: Signal;
  session?: WeakRef<object>;
}

const steps = new Map<string, Steps>();

function enter(name: string, session: Session, response?: PlatformResponse): Steps {
  const found = steps.get(name) as Steps;
  found.session = new WeakRef(session);
  if (response !== undefined) rawOf(response).once('close', () => found.clientLeft.reach());
  found.started.reach();
  return found;
}

@Controller('connections')
class ConnectionsController {
  @Get('set') set(@Session() session: Session, @Query('mark') mark: string): string {
    session.set('mark', mark);
    session.increment('n');
    return `answer ${mark};`;
  }
  @Post('upload') upload(@Session() session: Session, @Body() body: object): object {
    session.set('mark', 'uploaded');
    return body;
  }
  @Get('work/:name') async work(
    @Session() session: Session,
    @Param('name') name: string,
    @Res({ passthrough: true }) response: PlatformResponse,
  ): Promise<string> {
    const { goOn } = enter(name, session, response);
    session.set('mark', 'worked').set('first', 1);
    await goOn.reached;
    session.set('last', 2);
    return 'done';
  }
  @Get('observable/:name') observable(@Session() session: Session, @Param('name') name: string): Observable<string> {
    const { clientLeft } = enter(name, session);
    session.set('mark', 'never');
    return NEVER.pipe(finalize(() => clientLeft.reach()));
  }
  @Get('stream/:name') stream(@Session() session: Session, @Param('name') name: string): StreamableFile {
    const { clientLeft } = enter(name, session);
    session.set('mark', 'begun');
    const endless = new Readable({ read: () => {} });
    endless.push('first');
    endless.once('close', () => clientLeft.reach());
    return new StreamableFile(endless);
  }
}

/** A request that its client will abort, with the steps of its handler. */
async function begin({ send, app }: World, route: string) {
  const name = randomUUID();
  const own: Steps = { started: signal(), clientLeft: signal(), goOn: signal() };
  steps.set(name, own);
  const { session, cookie } = await app.sessions.create({ data: { mark: 'before' } });
  const exchange = send({ path: `/connections/${route}/${name}`, headers: { cookie } });
  await own.started.reached;
  steps.delete(name);
  return { id: session.id, exchange, steps: own };
}

/** As `begin()`, up to the moment at which the server knows that nobody waits for the answer any more. */
async function abandon(world: World, route: string) {
  const { id, exchange, steps: own } = await begin(world, route);
  if (route === 'stream') await exchange.received('first');
  exchange.abort();
  await own.clientLeft.reached;
  return { id, steps: own };
}

async function abandonUpload({ send, app }: World): Promise<string> {
  const { session, cookie } = await app.sessions.create({ data: { mark: 'before' } });
  const arrived = once(app.app.getHttpServer(), 'request');
  const exchange = send({
    method: 'POST',
    path: '/connections/upload',
    headers: { cookie, 'content-type': 'application/json' },
    body: ['{"a":'],
    isUnfinished: true,
  });
  const [request] = (await arrived) as [Readable];
  const left = new Promise((resolve) => request.once('close', resolve));
  exchange.abort();
  await left;
  return session.id;
}

const mark = async (world: World, id: string) => (await world.second.read(id))?.['mark'];

const TESTS: Record<string, (world: World) => Promise<void>> = {
  'keep-alive': async (world) => {
    const socket = await rawConnection(world.app.url);
    const visitors = await Promise.all([1, 2].map(() => world.app.sessions.create({ data: { mark: 'before' } })));
    for (let number = 0; number < 10; number++) {
      const { session, cookie } = visitors[number % 2] as (typeof visitors)[number];
      socket.write(`GET /connections/set?mark=${number} HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n\r\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      const stored = await world.second.read(session.id);
      expect(answer.toString()).toContain(`answer ${number};`);
      expect(stored).toMatchObject({ mark: String(number) });
    }
    socket.destroy();
  },

  'pipelined requests': async (world) => {
    const socket = await rawConnection(world.app.url);
    const { session, cookie } = await world.app.sessions.create({ data: { n: 0 } });
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    const requests = numbers.map(
      (number) => `GET /connections/set?mark=${number} HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n\r\n`,
    );
    socket.write(requests.join(''));
    let received = '';
    for await (const chunk of socket) {
      received += String(chunk);
      const begun = received.split('HTTP/1.1 200').length - 1;
      expect((await world.second.read(session.id))?.['n']).toBeGreaterThanOrEqual(begun);
      if (received.includes('answer 19;')) break;
    }
    expect(Array.from(received.matchAll(/HTTP\/1\.1 (\d+)/g), (match) => match[1])).toEqual(numbers.map(() => '200'));
    expect(Array.from(received.matchAll(/answer (\d+);/g), (match) => Number(match[1]))).toEqual(numbers);
    expect(await world.second.read(session.id)).toMatchObject({ n: 20 });
  },

  'many requests at once on one connection': async (world) => {
    const connection = http2Connect(world.app.url);
    const { session, cookie } = await world.app.sessions.create({ data: { n: 0 } });
    let answered = 0;
    const request = async (number: number): Promise<void> => {
      const sent = connection.request({ ':path': `/connections/set?mark=${number}`, cookie });
      const [headers] = (await once(sent, 'response')) as [Record<string, unknown>];
      expect(headers[':status']).toBe(200);
      const begun = ++answered;
      expect((await world.second.read(session.id))?.['n']).toBeGreaterThanOrEqual(begun);
      sent.resume();
      await once(sent, 'close');
    };
    try {
      await Promise.all(Array.from({ length: 50 }, (_, number) => request(number)));
    } finally {
      // The server would wait for it.
      connection.destroy();
    }
    expect(await world.second.read(session.id)).toMatchObject({ n: 50 });
  },

  'the client goes away while it uploads': async (world) => {
    const id = await abandonUpload(world);
    expect(await mark(world, id)).toBe('before');
  },

  'the client goes away while the handler works': async (world) => {
    const { id, steps: own } = await abandon(world, 'work');
    expect(await mark(world, id)).toBe('before');
    own.goOn.reach();
    await eventually(() => world.second.read(id), { mark: 'worked', first: 1, last: 2 });
  },

  'the client goes away while the session is being stored': async (world) => {
    const { id, exchange, steps: own } = await begin(world, 'work');
    const holder = await world.database.hold('select from sessions where id = $1 for update', [id]);
    own.goOn.reach();
    exchange.abort();
    await own.clientLeft.reached;
    await holder.release();
    await eventually(() => world.second.read(id), { mark: 'worked', first: 1, last: 2 });
  },

  'the client goes away while an Observable is at work': async (world) => {
    const { id } = await abandon(world, 'observable');
    expect(await mark(world, id)).toBe('before');
  },

  'the client goes away while it reads': async (world) => {
    const { id } = await abandon(world, 'stream');
    expect(await mark(world, id)).toBe('begun');
  },

  'a hundred clients go away': async (world) => {
    const abandoned: WeakRef<object>[] = [];
    for (let round = 0; round < 25; round++) {
      await abandonUpload(world);
      for (const route of ['work', 'observable', 'stream']) {
        const { steps: own } = await abandon(world, route);
        own.goOn.reach();
        abandoned.push(own.session as WeakRef<object>);
      }
    }
    const { app } = world.app;
    const pool = await app.get<any>(MikroORM).driver.getConnection().getNativeClient();
    const busy = `select state from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'`;
    await eventually(() => world.database.query(busy), []);
    await eventually(async () => [pool.waitingCount, pool.totalCount - pool.idleCount], [0, 0]);
    const connections = () =>
      new Promise((resolve) => app.getHttpServer().getConnections((_error: unknown, count: number) => resolve(count)));
    await eventually(connections, 0);
    const left = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
      return abandoned.filter((session) => session.deref() !== undefined).length;
    };
    // The last few may still be held by what has just answered them.
    await eventually(async () => (await left()) <= 3, true);
  },
};

runOwn(CONNECTIONS, { controllers: [ConnectionsController] }, TESTS);
