import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { type ExpressSession, sessionMiddleware } from 'nestjs-mikro-session';
import { Server } from 'socket.io';
import { WebSocket } from 'ws';
import { useApp } from '../support/app.js';
import { visit } from '../support/probe.js';

describe('What is written to the session of a WebSocket that is being opened', () => {
  const fixture = useApp({
    prepare: (app) => {
      const io = new Server((app as NestExpressApplication).getHttpServer());
      io.engine.use(sessionMiddleware(app));
      io.engine.use(
        ({ url, session }: { url: string; session: ExpressSession }, _response: never, next: () => void) => {
          session['seen'] = true;
          if (url.includes('regenerate')) void session.regenerate();
          if (url.includes('save')) session.save(() => next());
          else next();
        },
      );
    },
  });

  /** Opens a socket, closes it, and waits until the server has noticed. */
  async function openAndClose(query = ''): Promise<void> {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('a', 1));
    const upgraded = once(fixture.app.app.getHttpServer(), 'upgrade');
    const socket = new WebSocket(`ws://127.0.0.1:${fixture.app.port}/socket.io/?EIO=4&transport=websocket${query}`, {
      headers: { cookie: await client.cookie() },
    });
    const [, connection] = (await upgraded) as [unknown, NodeJS.EventEmitter];
    const closed = once(connection, 'close');
    await once(socket, 'message');
    socket.terminate();
    await closed;
  }

  it('and not saved is lost, and that is said once', async () => {
    await openAndClose('&save');
    expect(fixture.app.warnings).toEqual([]);
    await openAndClose();
    await openAndClose();
    expect(fixture.app.warnings).toEqual([expect.stringMatching(/WebSocket is lost.*session\.save\(\)/)]);
  });

  it('by an operation that fails, and that nobody waits for, is told of in the log', async () => {
    await openAndClose('&save&regenerate');
    expect(fixture.app.lines).toContainEqual(expect.stringContaining('nobody waited for it'));
  });
});
