import { concatMap, defer, map, type Observable, of, takeWhile, tap } from 'rxjs';
import type { SessionContext } from '../context/session-context.js';
import type { SessionSource } from '../context/session-source.js';

/**
 * A stream to a visitor whom a guard has let in: it ends before the next value once the session has ended, or is no longer of
 * the same login, which the store is asked before each value. Streams to others are left as they are.
 *
 * @param sparesAnswer whether it is not asked before the first value of a stream that ends with it: the answer of a handler
 */
export function whileAdmitted<Value>(
  values: Observable<Value>,
  source: SessionSource,
  sessionContext: SessionContext,
  sparesAnswer = false,
): Observable<Value> {
  return defer(() => {
    let isOver = false;
    const judge = async (value: Value, index: number): Promise<{ value: Value; isAdmitted: boolean }> => {
      // What an answer is, is known when this turn is over: the end comes at once.
      if (sparesAnswer && index === 0) await Promise.resolve();
      const isAnswer = sparesAnswer && index === 0 && isOver;
      return { value, isAdmitted: isAnswer || (await isStillAdmitted(source, sessionContext)) };
    };
    return values.pipe(
      tap({ complete: () => (isOver = true) }),
      concatMap((value, index) => (sessionContext.isAdmitted ? judge(value, index) : of({ value, isAdmitted: true }))),
      takeWhile(({ isAdmitted }) => isAdmitted),
      map(({ value }) => value),
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

async function isStillAdmitted({ manager }: SessionSource, sessionContext: SessionContext): Promise<boolean> {
  const session = await sessionContext.load();
  return manager.isStillSignedIn(session);
}
