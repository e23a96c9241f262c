import 'reflect-metadata';
import type { Server } from 'node:http';
import { Body, Controller, Get, HttpCode, Module, type ModuleMetadata, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Session, SessionModule, type SessionModuleOptions, SessionService } from 'nestjs-mikro-session';
import { type Program, progressOf, run } from './program.js';

export type Platform = 'Express' | 'Fastify';

/** The part of `SessionModule.forRoot()` that says where sessions live. */
export type StoreOption = NonNullable<Parameters<typeof SessionModule.forRoot>[0]>['store'];

export interface Definition {
  readonly platform: Platform;
  /** What sessions live in, beside `SessionModule`. */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  readonly store?: StoreOption;
  readonly options?: SessionModuleOptions;
}

/** An application that listens. */
export interface Application {
  readonly port: number;
  readonly sessions: SessionService;
  close(): Promise<void>;
}

/** What a visitor is told by {@link VisitController}. */
export interface Seen {
  /** `null` for a session that has only now begun. */
  readonly id: string | null;
  readonly userId: string | null;
  readonly data: Record<string, unknown>;
}

const seen = (session: Session): Seen => ({
  id: session.isNew ? null : session.id,
  userId: session.userId,
  data: session.toJSON(),
});

@Controller()
class VisitController {
  @Get('look')
  look(@Session() session: Session): Seen {
    return seen(session);
  }

  @Post('count')
  @HttpCode(200)
  count(@Session() session: Session): Seen {
    const before = seen(session);
    session.increment('visits');
    return before;
  }

  @Post('mark')
  @HttpCode(200)
  mark(@Session() session: Session): Seen {
    session.set('mark', 1);
    return seen(session);
  }

  /** The program as text, for Fastify refuses bodies that have a `__proto__`. */
  @Post('run')
  @HttpCode(200)
  async run(@Session() session: Session, @Body() { name, program }: Record<'name' | 'program', string>): Promise<Seen> {
    await run(JSON.parse(program) as Program, session, progressOf.get(name) ?? { acknowledged: 0 });
    return seen(session);
  }
}

export async function startApplication(definition: Definition): Promise<Application> {
  const { platform, imports = [], store, options } = definition;

  @Module({
    imports: [...imports, SessionModule.forRoot({ ...options, store })],
    controllers: [VisitController],
  })
  class FuzzModule {}

  const adapter = platform === 'Express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create<NestExpressApplication>(FuzzModule, adapter as ExpressAdapter, {
    logger: false,
    abortOnError: false,
  });
  // A connection that is closed for idling at the moment when a request comes leaves its outcome unknown.
  (app.getHttpServer() as Server).keepAliveTimeout = 3_600_000;
  await app.listen(0, '127.0.0.1');
  return {
    port: (app.getHttpServer().address() as { port: number }).port,
    sessions: app.get(SessionService),
    close: () => app.close(),
  };
}
