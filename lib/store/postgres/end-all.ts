import type { SessionId } from '../../session/token.js';
import { SessionStoreUnavailableError } from '../../session.errors.js';
import { concernsOne } from '../batching/splitting.js';
import type { SessionQueries } from './session-queries.js';
import { untilUnlocked } from './until-unlocked.js';

/** How many sessions a statement ends at most: it takes a small part of the time that an operation has. */
const PIECE = 2_000;

/**
 * Ends all sessions that a statement is about, but for those that begin later, in committed pieces: each has the time of an
 * operation since the one before it. A session that the database refuses to end is left out, and the error is thrown when all
 * others are ended.
 */
export async function* endAll(
  queries: SessionQueries,
  operation: string,
  which: Parameters<SessionQueries['endMany']>[1],
  values: readonly unknown[],
): AsyncGenerator<readonly SessionId[]> {
  const leftOut: SessionId[] = [];
  let since: number | null = null;
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
      if (piece.ids.length > 0) yield piece.ids;
    } catch (error) {
      if (!concernsOne(error)) throw error;
      if (most > 1) {
        most = Math.ceil(most / 2);
      } else {
        refusal ??= error;
        leftOut.push(...(await queries.nextToEnd(operation, which, { ids: leftOut, since }, values)));
        most = PIECE;
      }
    }
  }
  if (refusal !== null) throw refusal as Error;
}
