import type { IncomingMessage, ServerResponse } from 'node:http';
import { type HttpServer, Inject, Injectable, type INestApplication, type NestMiddleware } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ActiveSession } from '../session/active-session.js';
import { SessionSource } from './context/session-source.js';
import { SessionSetupError } from '../session.errors.js';
import { ExpressSessionView } from './express-compat.js';
import type { CookieSettings } from './express-compat-cookie.js';
import type { ResolvedSessionOptions } from '../session.options.js';
import type { PlatformRequest } from './context/platform-request.js';
import { RequestContext, SESSION, SESSION_ID } from './context/request-context.js';

/** Middleware as Express and Nest's Fastify adapter take it. */
export type SessionMiddlewareFunction = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** As much of Fastify as is needed here; its package is the user's. */
interface Fastify {
  hasRequestDecorator(name: string): boolean;
  decorateRequest(name: string, accessor: { getter: () => unknown; setter: (value: unknown) => void }): void;
}

/**
 * Loads the session before all that comes after it, for code that reads `request.session` before guards run: Passport,
 * connect-flash, csrf-csrf, middleware of your own. It works on Express and on Fastify.
 *
 * ```ts
 * const app = await NestFactory.create(AppModule);
 * app.use(sessionMiddleware(app));
 * app.use(passport.session());
 * ```
 *
 * It is the session that `@Session()` gives, and `request.session` is an {@link ExpressSession} of it. Whatever the
 * request does is stored before its response is sent, whatever sends it. A request without a cookie costs no query. When
 * the store cannot answer, the request is answered 503 with `Retry-After`, whatever its route: give a path to
 * `app.use()`, or mount it after what must go on working. With the option `onStoreError: 'anonymous'` it goes on with a
 * stand-in for the session instead, up to a route with `@OnStoreError('fail')` or a `SessionGuard`.
 *
 * The middleware does not know the route. One with `@SkipSession()` finds `request.session` all the same, is checked as
 * `originCheck` says, and neither it nor one with `@SessionRenewal(false)` keeps the session alive; what never reaches the
 * route's handler or `SessionGuard` does (a guard of another kind that refuses, a 404, a handler of Express's own).
 *
 * @throws {SessionSetupError} when the application does not import `SessionModule`.
 */
export function sessionMiddleware(app: INestApplication): SessionMiddlewareFunction;
export function sessionMiddleware(app: INestApplication, ...rest: unknown[]): SessionMiddlewareFunction | void {
  if (typeof (app as Partial<INestApplication> | null)?.getHttpAdapter !== 'function') return notCalled(rest);
  return middlewareOf(sourceOf(app), app.getHttpAdapter());
}

/**
 * The same as {@link sessionMiddleware}, for the `configure(consumer)` of a module:
 *
 * ```ts
 * configure(consumer: MiddlewareConsumer): void {
 *   consumer.apply(SessionMiddleware, passport.session()).forRoutes('{*path}');
 * }
 * ```
 *
 * Middleware that `main.ts` mounts with `app.use()` comes before it, and finds no `request.session`.
 */
@Injectable()
export class SessionMiddleware implements NestMiddleware {
  readonly use: SessionMiddlewareFunction;

  constructor(@Inject(SessionSource) source: SessionSource, @Inject(HttpAdapterHost) { httpAdapter }: HttpAdapterHost) {
    this.use = middlewareOf(source, httpAdapter);
  }
}

function middlewareOf(source: SessionSource, adapter: HttpServer): SessionMiddlewareFunction {
  const settings = settingsOf(source.options);
  exposeOnFastify(adapter);
  return (raw, response, next) => {
    const request = RequestContext.of(source, raw as PlatformRequest, response);
    const loaded = (session: ActiveSession): void => {
      request.showAs(new ExpressSessionView(session, settings));
      request.begin();
      next();
    };
    const failed = (error: unknown): void => next(request.reported(error));
    const loading = request.loadOr(null);
    if (!(loading instanceof Promise)) return loaded(loading);
    // What comes next may throw, and not every platform catches that.
    loading.then(loaded, failed).catch((error: unknown) => request.fail(error));
  };
}

/** Of `app.use(sessionMiddleware)`, which calls it with a request, a response and `next`; or of a call with something else. */
function notCalled([, next]: unknown[]): void {
  const error = new SessionSetupError(
    'sessionMiddleware() takes the Nest application, and returns the middleware. Call it: app.use(sessionMiddleware(app)).',
  );
  if (typeof next !== 'function') throw error;
  next(error);
}

function sourceOf(app: INestApplication): SessionSource {
  try {
    return app.get(SessionSource);
  } catch (cause) {
    throw new SessionSetupError(
      'sessionMiddleware() finds no sessions in the application. Import SessionModule.forRoot() in its root module.',
      { cause },
    );
  }
}

/** What `request.session.cookie` says of all sessions. */
function settingsOf({ transport, cookie, lifetime }: ResolvedSessionOptions): CookieSettings {
  return transport === 'header' ? { path: '/', lifetime } : { ...cookie, lifetime };
}

/** Middleware is given Node's own request there, and handlers are given Fastify's. */
function exposeOnFastify(adapter: HttpServer): void {
  if (adapter.getType() !== 'fastify') return;
  const fastify = adapter.getInstance() as Fastify;
  for (const [name, { accessor }] of Object.entries({ session: SESSION, sessionID: SESSION_ID })) {
    if (!fastify.hasRequestDecorator(name))
      fastify.decorateRequest(name, { getter: accessor.get, setter: accessor.set });
  }
}
