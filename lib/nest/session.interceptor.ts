import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { concatMap, from, Observable, of, type Subscriber, tap } from 'rxjs';
import { SessionSource } from './context/session-source.js';
import { statusOf } from './http-errors.js';
import type { BoundedContext } from './context/session-context.js';
import type { RequestContext } from './context/request-context.js';
import { boundedContextOf, requestContextOf } from './context/context-of.js';
import { loadForRoute } from './context/load-for-route.js';
import { handleInContext } from './context/handling.js';
import { whileAdmitted } from './access/while-admitted.js';
import { metadataOf, type SessionMetadata } from './session.metadata.js';

/**
 * Loads the session where no guard has done so, and stores it, and renews its expiry, before the handler's result becomes a
 * response. Registered by the module for all routes, resolvers of GraphQL and messages of gateways. Other messages pass it
 * untouched, and so do those of sockets and GraphQL servers that do not tell what request they come from.
 *
 * A handler that throws an `HttpException` below 500 (or a session error that answers with one) has its changes stored:
 * counting failed logins must work. Any other error drops what is not stored yet. The expiry is renewed either way. An
 * Observable counts when it completes or fails; the events of an `@Sse()` route are each stored before they are sent. To a
 * visitor whom a guard has let in they end with the session or its login, and so do the events of a GraphQL subscription. A handler that answers by itself (a plain `@Res()`
 * or `@Next()`) has its session stored when its answer goes out.
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
      // A gateway may name this interceptor as well.
      if (sessionContext === null || !this.#source.begin(context.getArgs())) return next.handle();
      return this.#handle(sessionContext, context, next, metadata.renews);
    }
    if (metadata.isSkipped) return next.handle();
    const request = requestContextOf(this.#source, context);
    const proceed = (): Observable<unknown> => {
      const result = next.handle();
      return stored(metadata.isSse ? whileAdmitted(result, this.#source, request) : result, request, context, metadata);
    };
    if (request.isLoaded) return proceed();
    return Promise.resolve(loadForRoute(request, metadata)).then(proceed);
  }

  async #handle(
    sessionContext: BoundedContext,
    context: ExecutionContext,
    next: CallHandler,
    renews: boolean,
  ): Promise<Observable<unknown>> {
    const end = (): void => this.#source.end(context.getArgs());
    try {
      const answers = await handleInContext(this.#source, sessionContext, context, next, renews);
      // At once: an error may begin the next attempt.
      return answers.pipe(tap({ complete: end, error: end, unsubscribe: end }));
    } catch (error) {
      end();
      throw error;
    }
  }
}

/** What the handler gives, with the session stored before it goes out. */
function stored(
  result: Observable<unknown>,
  request: RequestContext,
  context: ExecutionContext,
  metadata: SessionMetadata,
): Observable<unknown> {
  if (metadata.answersItself) return answeredByHandler(result, request);
  return settled(result, request, context.getArgByIndex<{ statusCode: number }>(1), metadata);
}

/**
 * Of a handler that answers by itself, in a callback maybe: that it has returned says nothing. The gate stores the session
 * when the answer is about to go out. Where Nest answers instead, as the handler has failed or is not waited for any more
 * (a timeout), that answer is the last.
 */
function answeredByHandler(result: Observable<unknown>, request: RequestContext): Observable<unknown> {
  return new Observable((subscriber) => {
    let hasCompleted = false;
    const work = result.subscribe({
      next: (value) => subscriber.next(value),
      complete: () => {
        hasCompleted = true;
        request.returned();
        subscriber.complete();
      },
      error: (error: unknown) => {
        request.refuseHandler();
        // What an error says in headers is said once they are no longer the handler's.
        void reportSettled(error, request, subscriber, () => request.awaitLastAnswer());
      },
    });
    return () => {
      // Nest answers in the place of a handler that is at work, or whose session is being stored after it has failed.
      if (!hasCompleted) request.awaitLastAnswer();
      work.unsubscribe();
    };
  });
}

/** The same, completed when the session is stored. (By operators of rxjs: 3 to 7 µs of CPU more; docs/decisions/0014.) */
function settled(
  result: Observable<unknown>,
  request: RequestContext,
  response: { readonly statusCode: number },
  { isSse }: SessionMetadata,
): Observable<unknown> {
  const values = isSse ? result.pipe(concatMap((event) => afterEvent(event, request, response))) : result;
  return new Observable((subscriber) =>
    values.subscribe({
      next: (value) => subscriber.next(value),
      complete: () => {
        const settling = request.settle(response.statusCode);
        if (settling === null) return subscriber.complete();
        settling.then(
          () => subscriber.complete(),
          (error: unknown) => subscriber.error(request.reported(error)),
        );
      },
      error: (error: unknown) => {
        void reportSettled(error, request, subscriber);
      },
    }),
  );
}

/**
 * Reports a failed handler once its session is settled: its error, or that of settling. A promise would not give it, as it may have
 * a then().
 */
async function reportSettled(
  error: unknown,
  request: RequestContext,
  subscriber: Subscriber<unknown>,
  onSettled = (): void => {},
): Promise<void> {
  let failure = error;
  try {
    await request.settle(statusOf(error));
  } catch (instead) {
    failure = instead;
  }
  onSettled();
  subscriber.error(request.reported(failure));
}

/** An event, once what came with it is stored. */
function afterEvent(
  event: unknown,
  request: RequestContext,
  response: { readonly statusCode: number },
): Observable<unknown> {
  const settling = request.settle(response.statusCode);
  return settling === null ? of(event) : from(settling.then(() => event));
}
