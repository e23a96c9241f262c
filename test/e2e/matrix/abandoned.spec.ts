import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { pipeline as piped } from 'node:stream/promises';
import { expect } from '@jest/globals';
import { Controller, Get, Param, Post, Req, Res, StreamableFile } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { Session } from 'nestjs-mikro-session';
import { type PlatformResponse, rawOf } from '../../support/platform.js';
import { type Signal, signal } from '../../support/probe.js';
import { turns } from '../../support/turns.js';
import { eventually, runOwn, type World } from './run.js';
import { ABANDONED } from './scenarios.js';

/** Where a handler stands. */
interface Steps {
  readonly started: Signal;
  readonly clientLeft: Signal;
  readonly goOn: Signal;
  response?: ServerResponse;
}

const steps = new Map<string, Steps>();

function begin(name: string, session: Session, response: PlatformResponse): Steps {
  const own = steps.get(name) as Steps;
  own.response = rawOf(response);
  own.response.once('close', () => own.clientLeft.reach());
  session.increment('first');
  own.started.reach();
  return own;
}

/** Works until the client has gone. */
async function work(name: string, session: Session, response: PlatformResponse): Promise<void> {
  await begin(name, session, response).goOn.reached;
  session.increment('last');
}

const source = (): Readable => Readable.from(['a', 'b']);

type Express = PlatformResponse & { download(path: string): void; sendFile(path: string): void };

@Controller('abandoned')
class AbandonedController {
  @Get('file/:name')
  async file(
    @Session() session: Session,
    @Param('name') name: string,
    @Res({ passthrough: true }) response: PlatformResponse,
  ): Promise<StreamableFile> {
    await work(name, session, response);
    return new StreamableFile(source());
  }
  @Get('pipeline/:name')
  async pipeline(@Session() session: Session, @Param('name') name: string, @Res() response: PlatformResponse) {
    await work(name, session, response);
    pipeline(source(), rawOf(response), () => {});
  }
  @Get('waiting/:name')
  async waiting(@Session() session: Session, @Param('name') name: string, @Res() response: PlatformResponse) {
    begin(name, session, response);
    session.increment('last');
    await piped(new Readable({ read: () => {} }), new PassThrough(), rawOf(response));
  }
  @Get('download/:name')
  async download(@Session() session: Session, @Param('name') name: string, @Res() response: Express) {
    await work(name, session, response);
    response.download(import.meta.filename);
  }
  @Get('send-file/:name')
  async sendFile(@Session() session: Session, @Param('name') name: string, @Res() response: Express) {
    await work(name, session, response);
    response.sendFile(import.meta.filename);
  }
  @Get('send-stream/:name')
  async sendStream(@Session() session: Session, @Param('name') name: string, @Res() response: PlatformResponse) {
    await work(name, session, response);
    response.send(source());
  }
  @Get('callback/:name')
  callback(@Session() session: Session, @Param('name') name: string, @Res() response: PlatformResponse) {
    void work(name, session, response).then(() => source().pipe(rawOf(response)));
  }
  @Get('silent/:name')
  async silent(@Session() session: Session, @Param('name') name: string, @Res() response: PlatformResponse) {
    await work(name, session, response);
    if (!session.has('last')) response.send('');
  }
  @Post('upload/:name')
  async upload(
    @Session() session: Session,
    @Param('name') name: string,
    @Req() request: IncomingMessage & { readonly raw?: IncomingMessage },
    @Res() response: PlatformResponse,
  ) {
    begin(name, session, response);
    session.increment('last');
    await piped(request.raw ?? request, new PassThrough().resume());
    response.send('received');
  }
  @Get('error/:name')
  async error(@Session() session: Session, @Param('name') name: string, @Res() response: PlatformResponse) {
    await work(name, session, response);
    throw new Error('broken');
  }
}

/** A body that never ends. */
const UPLOAD = {
  headers: { 'content-type': 'application/octet-stream' },
  request: { method: 'POST', body: ['part'], isUnfinished: true },
};

/** Sends a request whose client leaves while the handler works, and then lets that go on. */
async function abandon(
  { send, app }: World,
  route: string,
  upload?: typeof UPLOAD,
): Promise<{ id: string; response: ServerResponse }> {
  const name = randomUUID();
  const own: Steps = { started: signal(), clientLeft: signal(), goOn: signal() };
  steps.set(name, own);
  const { session, cookie } = await app.sessions.create({ data: { first: 0, last: 0 } });
  const path = `/abandoned/${route}/${name}`;
  const exchange = send({ path, headers: { cookie, ...upload?.headers }, ...upload?.request });
  await own.started.reached;
  exchange.abort();
  await own.clientLeft.reached;
  own.goOn.reach();
  steps.delete(name);
  return { id: session.id, response: own.response as ServerResponse };
}

const storedBy =
  (route: string) =>
  async (world: World): Promise<void> => {
    const { id } = await abandon(world, route);
    await eventually(() => world.second.read(id), { first: 1, last: 1 });
    // Nothing is to come that would be added to it.
    await world.app.sessions.flush();
    expect(await world.second.read(id)).toEqual({ first: 1, last: 1 });
  };

const droppedBy =
  (route: string) =>
  async (world: World): Promise<void> => {
    const { id } = await abandon(world, route);
    // Nothing is to come: what was stored would be there by then.
    for (let round = 0; round < 10; round++) {
      await turns();
      await world.app.sessions.create();
      expect(await world.second.read(id)).toEqual({ first: 0, last: 0 });
    }
  };

const discardedBy =
  (route: string, upload?: typeof UPLOAD) =>
  async (world: World): Promise<void> => {
    const { id, response } = await abandon(world, route, upload);
    await eventually(() => turns().then(() => response.statusCode), 500);
    await turns();
    await world.app.sessions.flush();
    expect(await world.second.read(id)).toEqual({ first: 0, last: 0 });
  };

runOwn(
  ABANDONED,
  {
    controllers: [AbandonedController],
    prepare: (app) => {
      const fastify = app.getHttpAdapter().getInstance() as Partial<FastifyInstance>;
      fastify.addContentTypeParser?.('application/octet-stream', (_request, _body, done) => done(null));
    },
  },
  {
    'a `StreamableFile`': storedBy('file'),
    '`pipeline()`, called once the client has gone': droppedBy('pipeline'),
    '`pipeline()`, while it waits for its source': discardedBy('waiting'),
    '`res.download()`': droppedBy('download'),
    '`res.sendFile()`': droppedBy('send-file'),
    '`send()` of a stream': droppedBy('send-stream'),
    '`send()` of a stream, over HTTP/2': storedBy('send-stream'),
    '`pipe()` in a callback': storedBy('callback'),
    'nothing, as the handler sees that the response has closed': droppedBy('silent'),
    'an `Error`': discardedBy('error'),
    'an `Error`, as its client breaks off an upload': discardedBy('upload', UPLOAD),
  },
);
