import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { concatMap, from, Observable, of, type Observer, type Subscriber } from 'rxjs';
import { SessionSource } from './context/session-source.js';
import { statusOf } from './http-errors.js';
import type { RequestContext } from './context/request-context.js';
import { boundedContextOf, requestContextOf } from './context/context-of.js';
import { loadForRoute } from './context/load-for-route.js';
import { handleInContext } from './context/handling.js';
import { metadataOf, type SessionMetadata } from './session.metadata.js';

/**
 * Loads the session where no guard has done so, and stores it, and renews its expiry, before the handler's result becomes a
 * response. Registered by the module for all routes, resolvers of GraphQL and messages of gateways. Other messages pass it
 * untouched, and so do those of sockets and GraphQL servers that do not tell what request they come from.
 *
 * A handler that throws an `HttpException` below 500 (or a session error that answers with one) has its changes stored:
 * counting failed logins must work. Any other error drops what is not stored yet. The expiry is renewed either way. An
 * Observable counts when it completes or fails; the events of an `@Sse()` route are each stored before they are sent. A
 * handler that answers by itself (a plain `@Res()` or `@Next()`) has its session stored when its answer goes out.
 */
@Injectable()
export class SessionInterceptor implements NestInterceptor {
  readonly #source: SessionSource;

  constructor(@Inject(SessionSource) source: SessionSource) {
    this.#source = source;
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> | Promise<Observable<unknown>> {
    const metadata = metadataOf(context);
    if (context.getType() !== 'http') {
      const sessionContext = metadata.isSkipped ? null : boundedContextOf(this.#source, context);
      return sessionContext === null ? next.handle() : handleInContext(sessionContext, context, next, metadata.renews);
    }
    if (metadata.isSkipped) return next.handle();
    const request = requestContextOf(this.#source, context);
    if (request.isLoaded) return stored(request, context, next, metadata);
    const loaded = Promise.resolve(loadForRoute(request, metadata));
    return loaded.then(() => stored(request, context, next, metadata));
  }
}

/** What the handler gives, with the session stored before it goes out. */
function stored(
  request: RequestContext,
  context: ExecutionContext,
  next: CallHandler,
  metadata: SessionMetadata,
): Observable<unknown> {
  if (metadata.answersItself) return answeredByHandler(next.handle(), request);
  return settled(next.handle(), request, context.getArgByIndex<{ statusCode: number }>(1), metadata);
}

/**
 * Of a handler that answers by itself, in a callback maybe: that it has returned says nothing. The gate stores the session
 * when the answer is about to go out. Where Nest answers instead, as the handler has failed or is not waited for any more
 * (a timeout), that answer is the last.
 */
function answeredByHandler(result: Observable<unknown>, request: RequestContext): Observable<unknown> {
  return new Observable((subscriber) => {
    let isOver = false;
    const work = result.subscribe({
      next: (value) => subscriber.next(value),
      complete: () => {
        isOver = true;
        subscriber.complete();
      },
      error: (error: unknown) => {
        isOver = true;
        request.refuseHandler();
        const answer = (reported: unknown): void => {
          request.awaitLastAnswer();
          subscriber.error(reported);
        };
        request.settle(statusOf(error)).then(
          () => answer(request.reported(error)),
          (instead: unknown) => answer(request.reported(instead)),
        );
      },
    });
    return () => {
      if (!isOver) request.awaitLastAnswer();
      work.unsubscribe();
    };
  });
}

/** The same, once the session is stored. */
function settled(
  result: Observable<unknown>,
  request: RequestContext,
  response: { readonly statusCode: number },
  { isSse }: SessionMetadata,
): Observable<unknown> {
  const stored = isSse ? result.pipe(concatMap((event) => afterEvent(event, request, response))) : result;
  return new Observable((subscriber) => stored.subscribe(new Settling(subscriber, request, response)));
}

/** An event, once what came with it is stored. */
function afterEvent(
  event: unknown,
  request: RequestContext,
  response: { readonly statusCode: number },
): Observable<unknown> {
  if (!request.isPending()) return of(event);
  return from(request.settle(response.statusCode).then(() => event));
}

/** Passes on what a handler gives, and its end when the session is stored. */
class Settling implements Observer<unknown> {
  readonly #to: Subscriber<unknown>;
  readonly #request: RequestContext;
  readonly #response: { readonly statusCode: number };

  constructor(to: Subscriber<unknown>, request: RequestContext, response: { readonly statusCode: number }) {
    this.#to = to;
    this.#request = request;
    this.#response = response;
  }

  next(value: unknown): void {
    this.#to.next(value);
  }

  complete(): void {
    const request = this.#request;
    if (!request.isPending()) {
      this.#to.complete();
      return;
    }
    request.settle(this.#response.statusCode).then(
      () => this.#to.complete(),
      (error: unknown) => this.#to.error(request.reported(error)),
    );
  }

  error(error: unknown): void {
    const request = this.#request;
    request.settle(statusOf(error)).then(
      () => this.#to.error(request.reported(error)),
      (instead: unknown) => this.#to.error(request.reported(instead)),
    );
  }
}
