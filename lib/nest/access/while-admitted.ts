import { concatMap, map, type Observable, of, takeWhile } from 'rxjs';
import type { SessionContext } from '../context/session-context.js';
import type { SessionSource } from '../context/session-source.js';

/**
 * A stream to a visitor whom a guard has let in: it ends before the next value once the session has ended, or is no longer of
 * the same login, which the store is asked before each value. Streams to others are left as they are.
 *
 * @param from the first value that is asked for, counted from 0
 */
export function whileAdmitted<Value>(
  values: Observable<Value>,
  source: SessionSource,
  sessionContext: SessionContext,
  from = 0,
): Observable<Value> {
  const asked = values.pipe(
    concatMap((value, index) => {
      if (!sessionContext.isAdmitted || index < from) return of({ value, isAdmitted: true });
      return isStillAdmitted(source, sessionContext).then((isAdmitted) => ({ value, isAdmitted }));
    }),
  );
  return asked.pipe(
    takeWhile(({ isAdmitted }) => isAdmitted),
    map(({ value }) => value),
  );
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
