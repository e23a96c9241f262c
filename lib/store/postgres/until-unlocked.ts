import { SessionStoreUnavailableError } from '../../session.errors.js';
import { FIRST_PAUSE, LONGEST_FOR_ROW, longerPause, paused } from '../batching/backoff.js';
import type { Database } from './driver/database.js';

/** Tries until the row is not locked by another transaction, or the time is up. Between two attempts it holds no connection. */
export async function untilUnlocked<Row>(
  db: Pick<Database, 'time' | 'deadline'>,
  operation: string,
  attempt: (deadline: number) => Promise<Row | 'locked'>,
  deadline = db.deadline(),
): Promise<Row> {
  const start = db.time();
  for (let pause = FIRST_PAUSE; ; pause = longerPause(pause, LONGEST_FOR_ROW)) {
    const row = await attempt(deadline);
    if (row !== 'locked') return row;
    if (await paused(pause, deadline - db.time())) continue;
    throw new SessionStoreUnavailableError(operation, {
      cause: new Error(`another transaction held the session's row for ${Math.round(deadline - start)} ms`),
    });
  }
}
