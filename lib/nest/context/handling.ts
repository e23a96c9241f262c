import { type CallHandler, type ExecutionContext, HttpException } from '@nestjs/common';
import { catchError, concat, concatMap, defer, EMPTY, from, ignoreElements, map, type Observable, of } from 'rxjs';
import { statusOf } from '../http-errors.js';
import { eventsWhileAdmitted, isEvents, whileAdmitted } from '../access/while-admitted.js';
import { isSubscription } from './graphql-context.js';
import type { BoundedContext } from './session-context.js';
import type { SessionSource } from './session-source.js';
import { toWsException } from '../ws-exception.js';

/**
 * Loads the session of a message, or of a GraphQL request, before the handler runs, and stores it before anything that
 * the handler answers goes out, and when that is complete.
 */
export async function handleInContext(
  source: SessionSource,
  sessionContext: BoundedContext,
  context: ExecutionContext,
  next: CallHandler,
  renews: boolean,
): Promise<Observable<unknown>> {
  try {
    const session = await sessionContext.load();
    sessionContext.accessed(renews, context);
    if (session.mayExpireSoon) session.renew();
  } catch (error) {
    throw await answerOf(sessionContext, error, context);
  }
  // Each value of a message's handler goes out by itself; a resolver's Observable counts when it completes.
  const isMessage = context.getType() === 'ws';
  const guarded = (events: unknown): unknown =>
    isEvents(events)
      ? eventsWhileAdmitted(events, source, sessionContext, (error) => sessionContext.reported(error))
      : events;
  return sessionContext.around(() => {
    const result = isSubscription(context) ? next.handle().pipe(map(guarded)) : next.handle();
    const values = isMessage ? whileAdmitted(result, source, sessionContext, true) : result;
    const answers = isMessage ? values.pipe(concatMap((value) => settled(sessionContext, of(value)))) : values;
    const rest = defer(() => settled(sessionContext, EMPTY));
    return concat(answers, rest).pipe(
      catchError((error: unknown) => from(settleAfter(sessionContext, error, context))),
    );
  }, context);
}

function settled<Value>(sessionContext: BoundedContext, then: Observable<Value>): Observable<Value> {
  const settling = sessionContext.settle(200);
  return settling === null ? then : concat(from(settling).pipe(ignoreElements()), then);
}

async function settleAfter(sessionContext: BoundedContext, error: unknown, context: ExecutionContext): Promise<never> {
  try {
    await sessionContext.settle(isDeliberate(error) ? 200 : 500);
  } catch (instead) {
    throw await answerOf(sessionContext, instead, context);
  }
  throw await answerOf(sessionContext, error, context);
}

/** Whether it is an answer to the client: an HTTP status below 500, or the `WsException` of gateways. */
function isDeliberate(error: unknown): boolean {
  if (statusOf(error) < 500) return true;
  return !(error instanceof HttpException) && typeof (error as { getError?: unknown } | null)?.getError === 'function';
}

async function answerOf(sessionContext: BoundedContext, error: unknown, context: ExecutionContext): Promise<unknown> {
  const reported = sessionContext.reported(error);
  // What the application throws is its own affair.
  return reported === error ? error : toWsException(reported, context);
}
