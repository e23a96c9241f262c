import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req, Res } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request, RequestHandler, Response } from 'express';
import { sessionMiddleware } from 'nestjs-mikro-session';
import { Server } from 'socket.io';
import { io as connect, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';
import { describeOnBoth, type Running } from '../../support/both-sessions.js';
import type { Client } from '../../support/client.js';
import { EngineSessionAdapter } from '../../support/engine-session.adapter.js';
import { useApp } from '../../support/app.js';
import { inMessage, type MessageVisit, VisitGateway } from '../../support/gateway.js';

type Transport = 'polling' | 'websocket';

/** What these tests keep in a session. */
interface Counted {
  count?: number;
  handshakes?: number;
}
const dataOf = (request: Request) => request.session as unknown as Counted;

@Controller()
class PageController {
  @Post('count') count(@Req() request: Request, @Res() response: Response): void {
    const data = dataOf(request);
    data.count = (data.count ?? 0) + 1;
    response.json(data.count);
  }

  @Get('data') data(@Req() request: Request, @Res() response: Response): void {
    const { cookie: _, ...data } = request.session;
    response.json(data);
  }

  @Post('sign-in') signIn(@Req() request: Request, @Res() response: Response): void {
    request.session.regenerate(() => {
      dataOf(request).count = 1;
      request.session.save(() => response.json({}));
    });
  }

  @Post('end') end(@Req() request: Request, @Res() response: Response): void {
    request.session.destroy(() => response.json({}));
  }
}

/** What socket.io's guide "How to use with express-session" has an application do. */
function serve(app: NestExpressApplication, use: (io: Server) => void): void {
  const io = new Server(app.getHttpServer());
  use(io);
  io.on('connection', (socket) => {
    const request = socket.request as Request;
    void socket.join(request.session.id);
    socket.on('count', (answer: (count: number) => void) => {
      request.session.reload((missing) => {
        if (missing) return socket.disconnect();
        const data = dataOf(request);
        const count = (data.count = (data.count ?? 0) + 1);
        request.session.save((refused) => (refused ? socket.disconnect() : answer(count)));
      });
    });
    // Without a callback, as the guide has it.
    socket.on('count in passing', (answer: () => void) => {
      dataOf(request).count = 1000;
      request.session.save();
      answer();
    });
  });
  app.use('/logout', (request: Request, response: Response) => {
    const { id } = request.session;
    request.session.destroy(() => {
      io.in(id).disconnectSockets();
      response.json({});
    });
  });
}

/** The session is loaded for the first request of a socket, and not for every one of its polls. */
const onlyForHandshake =
  (middleware: RequestHandler): RequestHandler =>
  (request, response, next) =>
    isHandshake(request) ? middleware(request, response, next) : next();

const isHandshake = (request: Request) => !new URL(request.url, 'http://localhost').searchParams.has('sid');

const countHandshakes: RequestHandler = (request, _response, next) => {
  const data = isHandshake(request) ? dataOf(request) : {};
  data.handshakes = (data.handshakes ?? 0) + 1;
  next();
};

const sockets: { close(): unknown }[] = [];
afterEach(() => sockets.splice(0).forEach((socket) => socket.close()));

/** Settles once the server has said that the socket is connected. */
async function connected(app: Running, transport: Transport, client: Client): Promise<Socket> {
  const cookie = await client.cookie();
  const extraHeaders = cookie === '' ? {} : { cookie };
  const socket = connect(app.url, { transports: [transport], forceNew: true, reconnection: false, extraHeaders });
  sockets.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
}

const count = (socket: Socket) => socket.timeout(10_000).emitWithAck('count') as Promise<number>;

/** Settles once the server has disconnected the socket, and not because something has broken. */
const disconnected = (socket: Socket, what: () => unknown) =>
  new Promise<string>((resolve) => {
    socket.once('disconnect', resolve);
    void what();
  });

/** The first request of a socket, by hand: with the cookies that its answer sets. */
async function handshake(app: Running, transport: Transport, client: Client): Promise<string[]> {
  if (transport === 'polling') return (await client.get('/socket.io/?EIO=4&transport=polling')).setCookies;
  const cookie = await client.cookie();
  const url = `${app.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
  const socket = new WebSocket(url, cookie === '' ? {} : { headers: { cookie } });
  sockets.push({ close: () => socket.terminate() });
  const opened = once(socket, 'message');
  const [response] = (await once(socket, 'upgrade')) as [{ headers: { 'set-cookie'?: string[] } }];
  await opened;
  socket.close();
  await once(socket, 'close');
  const setCookies = response.headers['set-cookie'] ?? [];
  for (const line of setCookies) await client.jar.setCookie(line, app.url);
  return setCookies;
}

const WAYS: [name: string, Transport, (session: RequestHandler) => RequestHandler][] = [
  ['by polling', 'polling', (session) => session],
  ['by polling, with the session of the handshake', 'polling', onlyForHandshake],
  ['by WebSocket', 'websocket', (session) => session],
];

describe.each(WAYS)('socket.io with io.engine.use(), %s', (_name, transport, how) => {
  const mount = (app: NestExpressApplication, session: RequestHandler): void =>
    serve(app, (io) => io.engine.use(how(session)));

  describeOnBoth('as its guide has it', { controllers: [PageController], mount }, (fixture, sessions) => {
    const visitor = async () => {
      const client = fixture.app.client();
      await client.post('/count');
      return client;
    };

    it('shares the session with its events, both ways', async () => {
      const client = await visitor();
      const socket = await connected(fixture.app, transport, client);
      expect(await count(socket)).toBe(2);
      expect((await client.get('/data')).json).toEqual({ count: 2 });
      expect((await client.post('/count')).json).toBe(3);
      expect(await count(socket)).toBe(4);
    });

    it('knows the room of a session by its id, and leaves it when the session ends', async () => {
      const client = await visitor();
      const [socket, another] = [
        await connected(fixture.app, transport, client),
        await connected(fixture.app, transport, await visitor()),
      ];
      expect(await disconnected(socket, () => client.post('/logout'))).toBe('io server disconnect');
      expect(await count(another)).toBe(2);
    });

    it.each(['/end', '/sign-in'])('tells reload() that the session has ended meanwhile, by %s', async (path) => {
      const client = await visitor();
      const socket = await connected(fixture.app, transport, client);
      await client.post(path);
      expect(await disconnected(socket, () => socket.emit('count', () => {}))).toBe('io server disconnect');
    });

    it('has nothing to give to a visitor without a session, who cannot get one by an event', async () => {
      const client = fixture.app.client();
      expect(await handshake(fixture.app, transport, client)).toEqual([]);
      const socket = await connected(fixture.app, transport, client);
      expect(await disconnected(socket, () => socket.emit('count', () => {}))).toBe('io server disconnect');
      expect((await client.get('/data')).json).toEqual({});
    });

    // express-session stores such a session anew.
    if (sessions === 'nestjs-mikro-session') {
      it('survives a save() that nobody waits for, and that is refused', async () => {
        const ended = await visitor();
        const newcomer = fixture.app.client();
        const before = await fixture.rows?.();
        for (const client of [ended, newcomer]) {
          const socket = await connected(fixture.app, transport, client);
          await client.post('/end');
          await socket.timeout(10_000).emitWithAck('count in passing');
          // What comes after it has waited for it.
          expect(await disconnected(socket, () => socket.emit('count', () => {}))).toBe('io server disconnect');
        }
        expect(await fixture.rows?.()).toBe((before ?? 0) - 1);
      });
    }
  });
});

const passOn: RequestHandler = (_request, _response, next) => next();
const saveHandshakes: RequestHandler = (request, response, next) =>
  countHandshakes(request, response, () => request.session.save(() => next()));

/** With what a visitor with a session has of the middleware afterwards. */
const MIDDLEWARE: [name: string, boolean, RequestHandler, Record<Transport, Counted>][] = [
  ['with saveUninitialized: true', true, passOn, { polling: {}, websocket: {} }],
  // The answer to an upgrade waits for nothing, so nothing is stored by itself.
  ['with a middleware that writes', false, countHandshakes, { polling: { handshakes: 1 }, websocket: {} }],
  [
    'with a middleware that writes and saves',
    false,
    saveHandshakes,
    { polling: { handshakes: 1 }, websocket: { handshakes: 1 } },
  ],
];

describe.each(MIDDLEWARE)('socket.io with io.engine.use(), %s', (_name, saveUninitialized, middleware, stored) => {
  const mount = (app: NestExpressApplication, session: RequestHandler): void =>
    serve(app, (io) => {
      io.engine.use(session);
      io.engine.use(middleware);
    });
  const options = { saveUninitialized };

  describeOnBoth('as with Express', { controllers: [PageController], options, mount }, (fixture, sessions) => {
    it('gives a new visitor a session, by polling', async () => {
      const client = fixture.app.client();
      expect(await handshake(fixture.app, 'polling', client)).toHaveLength(1);
      expect(await count(await connected(fixture.app, 'polling', client))).toBe(1);
      expect((await client.get('/data')).json).toMatchObject({ count: 1 });
    });

    it.each(['polling', 'websocket'] as const)('serves a visitor with a session, by %s', async (transport) => {
      const client = fixture.app.client();
      await client.post('/count');
      const socket = await connected(fixture.app, transport, client);
      expect(await count(socket)).toBe(2);
      expect((await client.get('/data')).json).toEqual({ count: 2, ...stored[transport] });
    });

    // express-session sends a cookie there, for a session that it has not stored.
    if (sessions === 'nestjs-mikro-session') {
      it('serves a new visitor by WebSocket, who gets neither a row nor a cookie', async () => {
        const client = fixture.app.client();
        const before = await fixture.rows?.();
        expect(await handshake(fixture.app, 'websocket', client)).toEqual([]);
        expect((await connected(fixture.app, 'websocket', client)).connected).toBe(true);
        expect(await fixture.rows?.()).toBe(before);
      });
    }
  });
});

describe('A gateway behind io.engine.use()', () => {
  const fixture = useApp({
    controllers: [PageController],
    providers: [VisitGateway],
    options: { saveUninitialized: true },
    prepare: (app) => {
      app.use(sessionMiddleware(app));
      app.useWebSocketAdapter(new EngineSessionAdapter(app));
    },
  });
  const tell = async (socket: Socket, visit: MessageVisit) => {
    const answer = new Promise((resolve) => socket.once('answer', resolve));
    socket.emit('visit', inMessage(visit));
    return answer;
  };

  it.each(['polling', 'websocket'] as const)('has the session of now in each message, by %s', async (transport) => {
    const client = fixture.app.client();
    await client.post('/count');
    const socket = await connected(fixture.app, transport, client);
    await client.post('/count');
    expect(await tell(socket, (session) => session.increment('count' as never))).toBe(3);
    expect((await client.get('/data')).json).toEqual({ count: 3 });
  });

  it.each(['polling', 'websocket'] as const)('serves a new visitor, by %s', async (transport) => {
    const socket = await connected(fixture.app, transport, fixture.app.client());
    expect(await tell(socket, (session) => session.keys())).toEqual([]);
  });
});

describe('socket.io with io.engine.use(), of a page of another origin', () => {
  const fixture = useApp({
    controllers: [PageController],
    prepare: (app: NestExpressApplication) => {
      const session = sessionMiddleware(app) as RequestHandler;
      app.use(session);
      serve(app, (io) => io.engine.use(session));
    },
  });

  it('refuses the WebSocket, whose events could write to the visitor’s session', async () => {
    const client = fixture.app.client();
    await client.post('/count');
    const cookie = await client.cookie();
    const statusOf = async (origin: string) => {
      const url = `${fixture.app.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
      const socket = new WebSocket(url, { headers: { cookie, origin } });
      sockets.push({ close: () => socket.terminate() });
      const [response] = (await Promise.race([
        once(socket, 'upgrade'),
        once(socket, 'unexpected-response').then(([, refusal]) => [refusal]),
      ])) as [{ statusCode: number }];
      return response.statusCode;
    };
    expect(await statusOf('https://evil.test')).toBe(400);
    expect(await statusOf(fixture.app.url)).toBe(101);
  });
});
