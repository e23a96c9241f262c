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

async function isStillAdmitted({ manager }: SessionSource, sessionContext: SessionContext): Promise<boolean> {
  const session = await sessionContext.load();
  return manager.isStillSignedIn(session);
}
