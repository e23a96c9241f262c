import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Post, UseGuards } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request, RequestHandler } from 'express';
import { Session, SessionGuard, sessionMiddleware } from 'nestjs-mikro-session';
import { Server } from 'socket.io';
import { io as connect, type Socket } from 'socket.io-client';
import { useApp } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import { PLATFORMS } from '../../support/platform.js';
import { inHandler, signal, visit } from '../../support/probe.js';

const begun: ReturnType<typeof signal>[] = [];

const reachBody: RequestHandler = (_request, _response, next) => {
  begun.pop()?.reach();
  next();
};

@Controller('pay')
class PayController {
  @Post() @UseGuards(SessionGuard) pay(@Session('userId') userId: string, @Body() body: unknown) {
    return { userId, body };
  }
}

/** Begins a request, and holds its body back. Returns how to send the rest, which gives the status of the answer. */
function payHeldBack(url: string, cookie: string): () => Promise<number> {
  const held = httpRequest(`${url}/pay`, {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/json', 'content-length': 11 },
  });
  held.write('{"much');
  return async () => {
    held.end('":1}'.padEnd(5));
    const [response] = (await once(held, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    return response.statusCode;
  };
}

const sockets: { close(): unknown }[] = [];
afterEach(() => sockets.splice(0).forEach((socket) => socket.close()));

describe('Who has stolen a cookie, and opened a connection with it,', () => {
  const fixture = useApp({
    controllers: [PayController],
    prepare: (app: NestExpressApplication) => {
      const session = sessionMiddleware(app) as RequestHandler;
      app.use(session);
      // It has loaded the session; the body is read afterwards.
      app.use('/pay', reachBody);
      const io = new Server(app.getHttpServer());
      io.engine.use(session);
      io.on('connection', (socket) => {
        const { session } = socket.request as Request;
        socket.on('who', (answer: (error: string | null) => void) =>
          session.reload((error) => answer(error ? (error as Error).name : null)),
        );
      });
    },
  });
  const signIn = async (): Promise<{ client: Client; id: string; cookie: string }> => {
    const client = fixture.app.client();
    await visit(client, (session) => session.login('ada'));
    return { client, id: await inHandler(client, (session) => session.id), cookie: await client.cookie() };
  };
  const afterGrace = (id: string) =>
    fixture.database.query(`update sessions set rotated_at = rotated_at - interval '11 s' where id = $1`, [id]);
  const connected = async (cookie: string): Promise<Socket> => {
    const socket = connect(fixture.app.url, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      extraHeaders: { cookie },
    });
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    return socket;
  };
  const reloaded = (socket: Socket) => socket.timeout(10_000).emitWithAck('who');

  it('is told by reload() that the session is gone, once regenerate() has replaced it for longer than the grace period', async () => {
    const { client, id, cookie } = await signIn();
    const socket = await connected(cookie);
    expect(await reloaded(socket)).toBeNull();
    await visit(client, (session) => session.regenerate());
    expect(await reloaded(socket)).toBeNull();
    await afterGrace(id);
    expect(await reloaded(socket)).toBe('SessionGoneError');
    expect(await reloaded(await connected(await client.cookie()))).toBeNull();
  });

  it.each<[string, (id: string, client: Client) => unknown]>([
    ['revoked', (id) => fixture.app.sessions.revoke(id)],
    ['signed out', (_, client) => visit(client, (session) => session.logout())],
    ['signed in to anew', (_, client) => visit(client, (session) => session.login('ada'))],
    [
      'given another cookie',
      async (id, client) => {
        await visit(client, (session) => session.regenerate());
        await afterGrace(id);
      },
    ],
  ])('is not let in by a guard with what was held back until the session was %s', async (_, end) => {
    const { client, id, cookie } = await signIn();
    const arrived = signal();
    begun.push(arrived);
    const held = payHeldBack(fixture.app.url, cookie);
    await arrived.reached;
    await end(id, client);
    await fixture.database.query('select pg_sleep(2.2)');
    expect(await held()).toBe(401);
  });
});

describe.each(PLATFORMS)('Whose body arrives after the idle timeout, on %s,', (platform) => {
  const fixture = useApp({
    platform,
    controllers: [PayController],
    options: { idleTimeout: '3s', queryTimeout: '1s' },
    prepare: (app) => {
      app.use(sessionMiddleware(app));
      app.use('/pay', reachBody);
    },
  });

  it('is let in by a guard where other requests have kept the session alive', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.login('ada'));
    const arrived = signal();
    begun.push(arrived);
    const held = payHeldBack(fixture.app.url, await client.cookie());
    await arrived.reached;
    await fixture.database.query('select pg_sleep(1.7)');
    await visit(client, (session) => session.touch().userId);
    await fixture.app.sessions.flush();
    await fixture.database.query('select pg_sleep(1.7)');
    expect(await held()).toBe(201);
  });
});
