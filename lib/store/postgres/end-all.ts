import type { SessionId } from '../../session/token.js';
import { SessionStoreUnavailableError } from '../../session.errors.js';
import { concernsOne } from '../batching/splitting.js';
import { isOfLock } from './driver/refusals.js';
import type { SessionQueries } from './session-queries.js';
import { untilUnlocked } from './until-unlocked.js';

/** How many sessions a statement ends at most: it takes a small part of the time that an operation has. */
const PIECE = 2_000;

/** By how much a piece is smaller than one that failed. */
const SMALLER = 4;

/** How often a lock is waited for too long before it is given up, with nothing ended meanwhile: to find one session takes seven. */
const MOST_WAITS = 20;

/**
 * Ends all sessions that a statement is about, but for those that begin later, in committed pieces: each has the time of an
 * operation since the one before it. A session that the database refuses to end, or that waits for a lock on a row of
 * another table, is left out, and the error is thrown when all others are ended.
 */
export async function* endAll(
  queries: SessionQueries,
  operation: string,
  which: Parameters<SessionQueries['endMany']>[1],
  values: readonly unknown[],
): AsyncGenerator<readonly SessionId[]> {
  const leftOut: SessionId[] = [];
  let since: number | null = null;
  let waits = 0;
  let most = PIECE;
  let refusal: unknown = null;
  for (let isLeft = true; isLeft;) {
    try {
      const piece = await untilUnlocked(queries, operation, async (deadline) => {
        const ended = await queries.endMany(operation, which, most, { ids: leftOut, since }, values, deadline);
        if (!ended?.inTime) throw new SessionStoreUnavailableError(operation);
        since ??= ended.since;
        return ended.count === 0 && ended.left ? 'locked' : ended;
      });
      isLeft = piece.left;
      // What was waited for too long may be free by now.
      most = Math.min(2 * most, PIECE);
      waits = 0;
      if (piece.ids.length > 0) yield piece.ids;
    } catch (error) {
      const isLocked = isOfLock(error) && ++waits < MOST_WAITS;
      if (!concernsOne(error) && !isLocked) throw error;
      if (most > 1) {
        most = Math.ceil(most / SMALLER);
      } else {
        refusal ??= error;
        leftOut.push(...(await queries.nextToEnd(operation, which, { ids: leftOut, since }, values)));
        // The next one may wait for the same.
        if (!isLocked) most = PIECE;
      }
    }
  }
  if (refusal !== null) throw refusal as Error;
}
