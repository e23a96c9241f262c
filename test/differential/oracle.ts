import type { Server } from 'node:http';
import { once } from 'node:events';
import flash from 'connect-flash';
import express, { type NextFunction, type Request, type Response } from 'express';
import session from 'express-session';
import { expressAnswering } from './express-answering.js';
import { adapt, adaptLogins } from './oracle-adaptation.js';
import { newPassport } from './passport.js';
import type { Performance } from './performance.js';
import type { DifferentialRequest } from './request.js';
import { newAgent, performanceOf, type Side } from './side.js';

/** As long as sessions live here by default. */
const COOKIE = { maxAge: 1_800_000 };

const failing = (status: number): Error => Object.assign(new Error('The handler fails.'), { status });

/** Express with express-session, as it is mounted everywhere: what it does is right, but for the differences by design. */
export async function startOracle(): Promise<Side> {
  const performances = new Map<string, Performance>();
  const store = new session.MemoryStore();
  const passport = newPassport();
  const of = (request: Request): Performance => performanceOf(performances, request.headers);
  const asked = (request: Request): DifferentialRequest => request as unknown as DifferentialRequest;

  const app = express();
  // Else it prints the errors that handlers are meant to have.
  app.set('env', 'test');
  app.use(
    session({
      store,
      secret: 'differential',
      resave: false,
      saveUninitialized: false,
      unset: 'destroy',
      cookie: COOKIE,
    }),
  );
  app.use(adapt(store));
  app.use(passport.session());
  app.use(adaptLogins(store, COOKIE));
  app.use(flash());
  app.use((request, _response, next) => of(request).begin(asked(request), next));
  const handle = (request: Request, response: Response, next: NextFunction): unknown =>
    of(request).handle(asked(request), expressAnswering(response, next), failing);
  app.get('/res', handle);
  app.get('/next', handle, (request, response) => {
    response.json(of(request).next(asked(request)));
  });
  app.get(['/value', '/passthrough'], async (request, response, next) => {
    response.json(await handle(request, response, next));
  });
  app.use((error: { status?: number }, _request: Request, response: Response, _next: NextFunction) => {
    // As Nest does; Express would cut the connection.
    if (response.headersSent) response.end();
    else response.status(error.status ?? 500).json('failed');
  });

  const server: Server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = newAgent();
  return {
    name: 'express-session',
    port: (server.address() as { port: number }).port,
    agent,
    performances,
    keepsCookies: false,
    close: async () => {
      agent.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
