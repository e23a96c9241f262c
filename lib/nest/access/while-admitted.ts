import { Observable, takeWhile } from 'rxjs';
import { SessionGoneError } from '../../session.errors.js';
import type { SessionContext } from '../context/session-context.js';
import type { SessionSource } from '../context/session-source.js';

/**
 * A stream to a visitor whom a guard has let in: it ends before the next value once the session has ended, or is no longer of
 * the same login, which the store is asked before values go out: once for those that have come by then. Streams to others are left as
 * they are.
 *
 * @param sparesAnswer whether it is not asked before what a handler answers at once: a single value, with which the stream ends. In the
 *   place of one that comes later, there is an error then
 */
export function whileAdmitted<Value>(
  values: Observable<Value>,
  source: SessionSource,
  sessionContext: SessionContext,
  sparesAnswer = false,
): Observable<Value> {
  return new Observable((subscriber) => {
    const waiting: Value[] = [];
    let isFirst = true;
    let isAsking = false;
    let isOver = false;
    const mayGoOut = async (): Promise<boolean> => {
      const isSpared = isFirst && sparesAnswer;
      isFirst = false;
      // What an answer is, is known when this turn is over: the end comes at once.
      if (isSpared) await Promise.resolve();
      const isAnswer = isSpared && isOver && waiting.length === 1;
      if (isAnswer && (await isFresh(source, sessionContext))) return true;
      if (await isStillAdmitted(source, sessionContext)) return true;
      if (!isAnswer) return false;
      // The client waits for its answer.
      if (!(await hasEndedItself(sessionContext))) throw new SessionGoneError();
      return true;
    };
    const send = async (): Promise<void> => {
      while (waiting.length > 0 && !subscriber.closed) {
        const asked = mayGoOut();
        const { length } = waiting;
        if (!(await asked)) return subscriber.complete();
        for (const value of waiting.splice(0, length)) subscriber.next(value);
      }
      isAsking = false;
      if (isOver) subscriber.complete();
    };
    subscriber.add(
      // A source that gives all at once would not see that nobody listens any more.
      values.pipe(takeWhile(() => !subscriber.closed)).subscribe({
        next: (value) => {
          if (!isAsking && !sessionContext.isAdmitted) return subscriber.next(value);
          waiting.push(value);
          if (isAsking) return;
          isAsking = true;
          send().catch((error: unknown) => subscriber.error(error));
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          isOver = true;
          if (!isAsking) subscriber.complete();
        },
      }),
    );
  });
}

/**
 * The same for the events of a GraphQL subscription, all of which are asked for. The events of the application's end with it.
 * Where the store does not answer, what `failed` gives is thrown, as no event may go out.
 */
export function eventsWhileAdmitted<Event>(
  events: AsyncIterable<Event>,
  source: SessionSource,
  sessionContext: SessionContext,
  failed: (error: unknown) => unknown,
): AsyncIterableIterator<Event, undefined> {
  const iterator = events[Symbol.asyncIterator]();
  const end = async (): Promise<IteratorReturnResult<undefined>> => {
    await iterator.return?.();
    return { done: true, value: undefined };
  };
  const isAdmitted = async (): Promise<boolean> => {
    try {
      return !sessionContext.isAdmitted || (await isStillAdmitted(source, sessionContext));
    } catch (error) {
      await end();
      throw failed(error);
    }
  };
  // No generator: its return() would wait for the next event.
  return {
    async next() {
      const event = await iterator.next();
      if (event.done === true) return { done: true, value: undefined };
      return (await isAdmitted()) ? event : end();
    },
    return: end,
    async throw(error) {
      await end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Whether a resolver has given the events of a subscription. */
export function isEvents(value: unknown): value is AsyncIterable<unknown> {
  return typeof (value as Partial<AsyncIterable<unknown>> | null)?.[Symbol.asyncIterator] === 'function';
}

/** Whether what a handler answers is no news, say by `take(1)`, of a time when its session may have ended. */
async function isFresh({ manager }: SessionSource, sessionContext: SessionContext): Promise<boolean> {
  return manager.isFresh(await sessionContext.load());
}

/** Whether it is the handler that has ended the session, once that is done. */
async function hasEndedItself(sessionContext: SessionContext): Promise<boolean> {
  const session = await sessionContext.load();
  return !session.isAuthenticated && !session.isGone;
}

async function isStillAdmitted({ manager }: SessionSource, sessionContext: SessionContext): Promise<boolean> {
  const session = await sessionContext.load();
  return manager.isStillSignedIn(session);
}
