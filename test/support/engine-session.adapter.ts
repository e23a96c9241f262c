import type { RequestHandler } from 'express';
import type { INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { sessionMiddleware } from 'nestjs-mikro-session';
import type { Server, ServerOptions } from 'socket.io';

// What follows stands in docs/passport.md as well, word for word.
// begin
/** Loads the session for socket.io's engine. In `main.ts`: `app.useWebSocketAdapter(new EngineSessionAdapter(app))`. */
export class EngineSessionAdapter extends IoAdapter {
  readonly #session: RequestHandler;

  constructor(app: INestApplication) {
    super(app);
    this.#session = sessionMiddleware(app) as RequestHandler;
  }

  override createIOServer(port: number, options?: ServerOptions): Server {
    const server: Server = super.createIOServer(port, options);
    server.engine.use(this.#session);
    return server;
  }
}
// end
