// A server process for tests that need several: the built package behind one route, which calls methods of the session.
import 'reflect-metadata';
import { promisify } from 'node:util';
import { writeHeapSnapshot } from 'node:v8';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Body, Controller, Inject, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { passportSession, Session, SessionModule, SessionService } from 'nestjs-mikro-session';

const { url, options, pool } = JSON.parse(process.argv[2]);
if (options.adopt !== undefined) options.adopt.toSession = passportSession;

/** Functions for `update()`, which cannot travel by HTTP. */
const UPDATES = {
  increment: (data) => (data.n = (data.n ?? 0) + 1),
  takeOne: (data) => (data.stock > 0 ? ((data.stock -= 1), true) : false),
};

/** Where a handler stops until another request lets it go on. */
let paused = Promise.withResolvers();
let resumed = Promise.withResolvers();
const PAUSES = {
  pause: async () => {
    paused.resolve();
    await resumed.promise;
    [paused, resumed] = [Promise.withResolvers(), Promise.withResolvers()];
  },
  untilPaused: () => paused.promise,
  resume: () => resumed.resolve(),
};

class CallsController {
  constructor(sessions) {
    this.sessions = sessions;
  }

  /** Calls in turn what the body lists, as `[method, ...arguments]`, and answers what they returned. */
  async run(session, { calls }) {
    const results = [];
    for (const [method, ...args] of calls) {
      if (method === 'wait') await new Promise((resolve) => setTimeout(resolve, args[0]));
      else if (method in PAUSES) await PAUSES[method]();
      else if (method === 'update') results.push(await session.update(UPDATES[args[0]]));
      else if (method === 'member') results.push(session[args[0]]);
      else if (method === 'service') results.push(await this.sessions[args[0]](...args.slice(1)));
      else results.push(await session[method](...args));
    }
    return results.map((result) => (result === session ? null : (result ?? null)));
  }
}
Inject(SessionService)(CallsController, undefined, 0);
Session()(CallsController.prototype, 'run', 0);
Body()(CallsController.prototype, 'run', 1);
Post('calls')(CallsController.prototype, 'run', Object.getOwnPropertyDescriptor(CallsController.prototype, 'run'));
Controller()(CallsController);

class AppModule {}
Module({
  imports: [
    MikroOrmModule.forRoot({
      driver: PostgreSqlDriver,
      clientUrl: url,
      autoLoadEntities: true,
      pool: { min: 0, max: pool },
      driverOptions: { application_name: `server-${process.pid}` },
    }),
    SessionModule.forRoot({ ensureSchema: true, ...options }),
  ],
  controllers: [CallsController],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn', 'log', 'debug', 'verbose'] });
app.enableShutdownHooks();
// As an application may: ids are public.
const ids = new Set();
app.get(SessionService).events.subscribe(({ sessionId }) => ids.add(sessionId));
await app.listen(0, '127.0.0.1');
process.stdout.write(`${await app.getUrl()}\n`);

/** For how long the library keeps the data of an answered request, to see whether its handler still writes, and a second. */
const LATE_WRITES = 6_000;

// A heap snapshot where a test asks for one, once no connection is left, and nothing waits for a handler.
async function snapshotTo(file) {
  const server = app.getHttpServer();
  const connections = promisify(server.getConnections.bind(server));
  while ((await connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, LATE_WRITES));
  writeHeapSnapshot(file);
  process.send('written');
}
process.on('message', ({ snapshot }) => void snapshotTo(snapshot));
