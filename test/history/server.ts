import 'reflect-metadata';
import type { Server } from 'node:http';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import {
  type ArgumentsHost,
  Body,
  Catch,
  Controller,
  type ExceptionFilter,
  HttpCode,
  HttpException,
  Inject,
  Module,
  Post,
  Req,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request, Response } from 'express';
import { Session, SessionModule, type SessionModuleOptions, SessionService, SkipSession } from 'nestjs-mikro-session';
import { joinDatabase } from './database.js';
import type { Trace } from './history.js';
import type { Operation, RevocationRequest } from './operations.js';
import { perform } from './perform.js';

type TracedRequest = Request & { trace?: Trace };

@Controller()
class VisitController {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  @Post('visit')
  @HttpCode(200)
  async visit(
    @Session() session: Session,
    @Req() request: TracedRequest,
    @Body() operations: Operation[],
  ): Promise<{ trace: Trace }> {
    const { id, isNew, userId: user } = session;
    const trace: Trace = { id, isNew, user, steps: [], after: null, base: null };
    request.trace = trace;
    await perform(session, operations, trace);
    return { trace };
  }

  @Post('revocation')
  @HttpCode(200)
  @SkipSession()
  async revoke(@Body() asked: RevocationRequest): Promise<{ result: boolean | number }> {
    if (asked.kind === 'revoke') return { result: await this.#sessions.revoke(asked.id) };
    const options = asked.except === null ? {} : { except: asked.except };
    return { result: await this.#sessions.revokeAllForUser(asked.user, options) };
  }
}

/** Answers with the trace, so that the client learns what was stored before a request failed. */
@Catch()
class TraceFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const status = error instanceof HttpException ? error.getStatus() : 500;
    const { trace = null } = http.getRequest<TracedRequest>();
    const causes: string[] = [];
    for (let one = error; one instanceof Error; one = one.cause) causes.push(String(one));
    http
      .getResponse<Response>()
      .status(status)
      .json({ trace, error: causes.join(' < ') });
  }
}

async function start(url: string): Promise<NestExpressApplication> {
  const besides = JSON.parse(process.argv[2] ?? '{}') as SessionModuleOptions;

  @Module({
    imports: [
      MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl: url, autoLoadEntities: true }),
      // Generous, for a machine that stands still for a moment must look neither like a fault nor like the end of the grace.
      SessionModule.forRoot({ ensureSchema: true, queryTimeout: '20s', rotationGrace: '10m', ...besides }),
    ],
    controllers: [VisitController],
  })
  class HistoryModule {}

  const app = await NestFactory.create<NestExpressApplication>(HistoryModule, { logger: false, abortOnError: false });
  app.useGlobalFilters(new TraceFilter());
  // A connection that is closed for idling at the moment when a request comes leaves its outcome unknown.
  (app.getHttpServer() as Server).keepAliveTimeout = 3_600_000;
  await app.listen(0, '127.0.0.1');
  return app;
}

/** Ends with the process that started it, however that ends: its channel closes then. */
async function main(): Promise<void> {
  const ended = new Promise<void>((resolve) => process.once('disconnect', resolve));
  // Ctrl-C reaches all processes of the terminal; the one that started us decides.
  process.on('SIGINT', () => {});
  const database = await joinDatabase();
  const app = await start(database.url);
  const { port } = app.getHttpServer().address() as { port: number };
  if (process.connected) process.send?.({ port });
  await ended;
  await Promise.race([app.close(), new Promise((resolve) => setTimeout(resolve, 2_000))]);
  await database.leave();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
