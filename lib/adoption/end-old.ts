import type { OldSessions } from '../session-store.js';
import type { Adopter } from './adopter.js';

/** How many are read, or removed, by one statement. */
const PAGE = 500;

/**
 * Ends sessions of express-session that have not been taken over: all, or those of a user, as `toSession` tells. Not an error:
 * there are none, or functions of the application find them, which can list none.
 *
 * @param userId `null` for all
 * @returns how many
 */
export async function endOld(
  adopter: Adopter | null,
  oldSessions: OldSessions | null,
  userId: string | null,
): Promise<number> {
  if (adopter === null || oldSessions === null) return 0;
  let count = 0;
  for (let after: string | null = ''; after !== null;) {
    const { rows, last } = await oldSessions.list(after, PAGE);
    const users = userId === null ? null : await Promise.all(rows.map((row) => adopter.userOf(row)));
    const sids = rows.filter((_, index) => users === null || users[index] === userId).map(({ sid }) => sid);
    if (sids.length > 0) count += await oldSessions.remove(sids);
    after = last;
  }
  return count;
}
