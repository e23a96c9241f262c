import type { SessionId } from '../../session/token.js';
import { SessionStoreUnavailableError } from '../../session.errors.js';
import { PieceSize } from '../batching/piece-size.js';
import { concernsOne } from '../batching/splitting.js';
import { isOfLock } from './driver/refusals.js';
import type { Ended, SessionQueries } from './session-queries.js';
import { untilUnlocked } from './until-unlocked.js';

/** How many sessions a statement ends at most: it takes a small part of the time that an operation has. */
const PIECE = 2_000;

/** How often running a piece of one is refused, though there is none: that it is refused once may be over by then. */
const MOST_IN_VAIN = 2;

/** How often a lock is waited for too long before it is given up, with nothing ended meanwhile: to find one session takes seven. */
const MOST_WAITS = 20;

/**
 * Ends all sessions that a statement is about, but for those that begin later, in committed pieces: each has the time of an
 * operation since the one before it. Where that is not enough, pieces get smaller. A session that the database refuses to end, or that
 * waits for a lock on a row of another table, is left out, and the error is thrown when all others are ended.
 *
 * @param until when all of it is to be done instead, on the clock of deadlines, as part of another operation
 */
export async function* endAll(
  queries: SessionQueries,
  operation: string,
  which: Parameters<SessionQueries['endMany']>[1],
  values: readonly unknown[],
  until: number | null = null,
): AsyncGenerator<readonly SessionId[]> {
  const leftOut: SessionId[] = [];
  let since: number | null = null;
  let waits = 0;
  let inVain = 0;
  // What is done by `until` is to last, however long one takes.
  const piece = new PieceSize(PIECE, queries.deadline() - queries.time(), until === null ? PIECE : 1);
  let refusal: unknown = null;
  for (let isLeft = true; isLeft;) {
    /** Whether all that is left was locked: then it is for that that there was no time left. */
    let wasLocked = false;
    try {
      const end = async (deadline: number): Promise<Ended | 'locked'> => {
        const begun = queries.time();
        const those = { ids: leftOut, since };
        const ended = await queries.endMany(operation, which, piece.size, those, values, deadline, until);
        if (ended === undefined || (ended.count === 0 && !ended.inTime))
          throw new SessionStoreUnavailableError(operation);
        since ??= ended.since;
        wasLocked = ended.count === 0 && ended.left;
        // What was waited for too long may be free by now.
        if (!wasLocked) piece.succeeded(queries.time() - begun);
        return wasLocked ? 'locked' : ended;
      };
      const done = await untilUnlocked(queries, operation, end, until ?? queries.deadline());
      isLeft = done.left;
      waits = 0;
      inVain = 0;
      if (done.ids.length > 0) yield done.ids;
    } catch (error) {
      if (until !== null && queries.time() >= until) throw error;
      const isLocked = isOfLock(error) && ++waits < MOST_WAITS;
      const mayConcernOne = isLocked || concernsOne(error);
      if (!mayConcernOne && (wasLocked || !queries.wasCancelled(error))) throw error;
      if (piece.shrink()) continue;
      if (!mayConcernOne) throw error;
      const next = await queries.nextToEnd(operation, which, { ids: leftOut, since }, values);
      // The statement itself is refused, whichever sessions it is to end.
      if (next.length === 0 && ++inVain === MOST_IN_VAIN) throw error;
      refusal ??= error;
      leftOut.push(...next);
    }
  }
  if (refusal !== null) throw refusal as Error;
}
