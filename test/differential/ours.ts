import 'reflect-metadata';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Controller, Get, HttpException, Inject, Module, type ModuleMetadata, Next, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Response } from 'express';
import flash from 'connect-flash';
import { MemorySessionStore, sessionMiddleware, SessionModule } from 'nestjs-mikro-session';
import { SESSION_OPTIONS } from 'nestjs-mikro-session/store';
import { expressAnswering } from './express-answering.js';
import { fastifyAnswering, type FastifyReply } from './fastify-answering.js';
import { newPassport } from './passport.js';
import type { Performance } from './performance.js';
import type { Answering, DifferentialRequest } from './request.js';
import { newAgent, performanceOf, type Side } from './side.js';
import { slowMemoryStore } from './slow-memory-store.js';
import { SABOTAGES, type SabotageName } from './sabotage.js';

export type Platform = 'express' | 'fastify';
export type StoreSetup =
  | { readonly kind: 'memory' }
  /** In memory, too, but slower than what a handler does meanwhile. */
  | { readonly kind: 'slow memory' }
  | { readonly kind: 'PostgreSQL'; readonly url: string };

/** What our side is to be. */
export interface Setup {
  readonly platform: Platform;
  /** Whether Nest's interceptor stores sessions; else the response gate does it alone. */
  readonly interceptor: boolean;
  readonly store: StoreSetup;
  /** What is broken on purpose. */
  readonly sabotage: SabotageName | null;
}

type Requested = DifferentialRequest & { readonly raw?: DifferentialRequest };

const PERFORMANCES = Symbol('performances');
/** Nest answers any error 500. */
const failing = (status: number): Error => (status === 500 ? new Error('failed') : new HttpException('failed', status));

/** Node's own request: there middleware leaves what it adds. */
const rawOf = (request: Requested): DifferentialRequest => request.raw ?? request;

function answeringOf(response: Response | FastifyReply): Answering {
  return 'raw' in response ? fastifyAnswering(response) : expressAnswering(response, () => {});
}

@Controller()
class PerformanceController {
  readonly #performances: ReadonlyMap<string, Performance>;

  constructor(@Inject(PERFORMANCES) performances: ReadonlyMap<string, Performance>) {
    this.#performances = performances;
  }

  @Get('value')
  value(@Req() request: Requested): unknown {
    return this.#handle(request, {} as Answering);
  }

  @Get('passthrough')
  passthrough(@Req() request: Requested, @Res({ passthrough: true }) response: Response): unknown {
    return this.#handle(request, answeringOf(response));
  }

  @Get('res')
  res(@Req() request: Requested, @Res() response: Response): unknown {
    return this.#handle(request, answeringOf(response));
  }

  #handle(request: Requested, answering: Answering): unknown {
    return performanceOf(this.#performances, request.headers).handle(rawOf(request), answering, failing);
  }
}

/** Fastify has one handler for a route. */
@Controller('next')
class NextController {
  readonly #performances: ReadonlyMap<string, Performance>;

  constructor(@Inject(PERFORMANCES) performances: ReadonlyMap<string, Performance>) {
    this.#performances = performances;
  }

  @Get()
  first(@Req() request: DifferentialRequest, @Res() response: Response, @Next() next: NextFunction): unknown {
    return this.#of(request).handle(request, expressAnswering(response, next), failing);
  }

  @Get()
  second(@Req() request: DifferentialRequest): unknown {
    return this.#of(request).next(request);
  }

  #of(request: DifferentialRequest): Performance {
    return performanceOf(this.#performances, request.headers);
  }
}

/** Nest with this library, its middleware, and what works on top of that. */
export async function startOurs({ platform, interceptor, store, sabotage }: Setup): Promise<Side> {
  const performances = new Map<string, Performance>();

  @Module({
    imports: modulesFor(store, interceptor),
    controllers: platform === 'express' ? [PerformanceController, NextController] : [PerformanceController],
    providers: [{ provide: PERFORMANCES, useValue: performances }],
  })
  class DifferentialModule {}

  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create<NestExpressApplication>(DifferentialModule, adapter as ExpressAdapter, {
    logger: false,
    abortOnError: false,
  });
  const passport = newPassport();
  app.use(sessionMiddleware(app));
  if (sabotage !== null) app.use(SABOTAGES[sabotage]);
  app.use(passport.session());
  app.use(flash());
  app.use((request: DifferentialRequest, _response: unknown, next: () => void) =>
    performanceOf(performances, request.headers).begin(request, next),
  );
  await app.listen(0, '127.0.0.1');
  const agent = newAgent();
  return {
    name: `${platform}${interceptor ? '' : ', no interceptor'}, ${store.kind}`,
    port: (app.getHttpServer().address() as { port: number }).port,
    agent,
    performances,
    keepsCookies: true,
    close: async () => {
      agent.destroy();
      await app.close();
    },
  };
}

function modulesFor(store: StoreSetup, interceptor: boolean): ModuleMetadata['imports'] & {} {
  switch (store.kind) {
    case 'memory':
      return [SessionModule.forRoot({ interceptor, store: MemorySessionStore })];
    case 'slow memory':
      return [
        SessionModule.forRoot({ interceptor, store: { useFactory: slowMemoryStore, inject: [SESSION_OPTIONS] } }),
      ];
    case 'PostgreSQL':
      return [
        MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl: store.url, autoLoadEntities: true }),
        SessionModule.forRoot({ interceptor, ensureSchema: true, queryTimeout: '20s' }),
      ];
  }
}
