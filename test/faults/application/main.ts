import { shiftClock } from './clock.js';
import 'reflect-metadata';
import type { Server, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { MikroORM } from '@mikro-orm/core';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Body, Controller, Get, HttpCode, Inject, type LoggerService, Module, Post, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Session, SessionGuard, SessionModule, SessionService, SkipSession } from 'nestjs-mikro-session';
import { VisitController } from '../../history/visit.controller.js';
import { type ApplicationSettings, SETTINGS, type State } from './protocol.js';

const settings = JSON.parse(process.env[SETTINGS] ?? 'null') as ApplicationSettings;

/** What visitors do. */
@Controller()
class VisitorController {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  @Get('state')
  state(@Session() session: Session): State {
    return { id: session.id, userId: session.userId, last: session.get('last'), count: session.get('count') } as State;
  }

  @Get('guarded')
  @UseGuards(SessionGuard)
  guarded(@Session() session: Session): State {
    return this.state(session);
  }

  @Post('write')
  @HttpCode(200)
  write(@Session() session: Session, @Body() { last }: { last: number }): State {
    session.set('last', last);
    return this.state(session);
  }

  @Post('increment')
  @HttpCode(200)
  increment(@Session() session: Session): State {
    session.increment('count');
    return this.state(session);
  }

  @Post('login')
  @HttpCode(200)
  async login(@Session() session: Session, @Body() { user }: { user: string }): Promise<State> {
    await session.login(user);
    return this.state(session);
  }

  @Post('logout')
  @HttpCode(200)
  async logout(@Session() session: Session): Promise<object> {
    await session.logout();
    return {};
  }

  @Post('revoke')
  @HttpCode(200)
  @SkipSession()
  async revoke(@Body() { id }: { id: string }): Promise<object> {
    return { isRevoked: await this.#sessions.revoke(id) };
  }

  /** Killed when the session is stored, and nothing is answered yet. */
  @Post('die')
  async die(@Session() session: Session, @Body() { last }: { last: number }): Promise<void> {
    session.set('last', last);
    await session.save();
    process.kill(process.pid, 'SIGKILL');
    await pause(60_000);
  }
}

/** What does not concern sessions, and what a test does to the process. */
@Controller()
@SkipSession()
class ProcessController {
  readonly #orm: MikroORM;

  constructor(@Inject(MikroORM) orm: MikroORM) {
    this.#orm = orm;
  }

  @Get('health')
  health(): object {
    return {};
  }

  /** Holds a connection of MikroORM's pool, for seconds. */
  @Post('hold')
  @HttpCode(200)
  async hold(@Body() { seconds }: { seconds: number }): Promise<object> {
    await this.#orm.em.fork().getConnection().execute('select pg_sleep(?)', [seconds]);
    return {};
  }

  @Post('block')
  @HttpCode(200)
  block(@Body() { milliseconds }: { milliseconds: number }): object {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    return {};
  }

  @Post('clock')
  @HttpCode(200)
  clock(@Body() { offset }: { offset: number }): object {
    shiftClock(offset);
    return {};
  }
}

@Module({
  imports: [
    MikroOrmModule.forRoot({
      driver: PostgreSqlDriver,
      clientUrl: settings.url,
      autoLoadEntities: true,
      pool: { min: 0, max: settings.pool },
      driverOptions: { application_name: settings.name },
    }),
    SessionModule.forRoot({ ensureSchema: true, ...settings.options }),
  ],
  controllers: [VisitorController, ProcessController, VisitController],
})
class FaultsModule {}

async function main(): Promise<void> {
  // It goes on, so that the one who started it hears of all of them.
  process.on('unhandledRejection', (error) => process.send?.({ unhandled: textOf(error) }));
  process.on('uncaughtException', (error) => process.send?.({ uncaught: textOf(error) }));
  // The process that started it is gone.
  process.once('disconnect', () => process.exit(0));
  const app = await NestFactory.create<NestExpressApplication>(FaultsModule, {
    logger: logger(),
    abortOnError: false,
  });
  app.enableShutdownHooks();
  // Connections that are kept, and always in use, would keep the server from closing.
  let isEnding = false;
  process.once('SIGTERM', () => (isEnding = true));
  app.use((_request: unknown, response: ServerResponse, next: () => void) => {
    if (isEnding) response.setHeader('connection', 'close');
    next();
  });
  const server = app.getHttpServer() as Server;
  // A connection that is closed for idling at the moment when a request comes looks like a fault.
  server.keepAliveTimeout = 600_000;
  await app.listen(settings.port, '127.0.0.1');
  process.send?.({ isListening: true });
}

/** What Nest answers with 500 it tells of with its stack; what the library reports of the store is expected. */
function logger(): LoggerService {
  const ignore = (): void => {};
  return {
    log: ignore,
    warn: ignore,
    error: (error: unknown, ...rest: unknown[]) => {
      if (rest.at(-1) === 'ExceptionsHandler') process.send?.({ failure: [error, ...rest].map(textOf).join(' ') });
    },
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

main().catch((error: unknown) => {
  process.stderr.write(`${textOf(error)}\n`);
  process.exit(1);
});
