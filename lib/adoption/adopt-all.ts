import type { Visitor } from '../session/session-environment.js';
import { SessionSetupError } from '../session.errors.js';
import type { OldSessions } from '../session-store.js';
import type { Adopter } from './adopter.js';

/** How far taking over all old sessions has come. */
export interface AdoptionProgress {
  /** How many live ones were looked at. */
  readonly seen: number;
  /** How many of them have a session of ours in their place now. The others stay, but for those that visitors came with meanwhile. */
  readonly adopted: number;
}

/** Each is one statement, so many wait for the database at once. */
const PAGE = 50;

/** Nobody has come with it. */
const NO_VISITOR: Visitor = { ip: null, userAgent: null, assertReachable: () => {} };

/**
 * Takes over all old sessions of a table, each by itself. It may be called again where it has failed, and while visitors come.
 *
 * @throws {SessionSetupError} where there is no table
 */
export async function* adoptAll(
  adopter: Adopter | null,
  oldSessions: OldSessions | null,
): AsyncGenerator<AdoptionProgress> {
  if (adopter === null || oldSessions === null) {
    throw new SessionSetupError(
      'There are no sessions of express-session to be taken over: give SessionModule the option "adopt", with a "table".',
    );
  }
  let progress: AdoptionProgress = { seen: 0, adopted: 0 };
  for (let after = ''; ;) {
    const { rows, last } = await oldSessions.list(after, PAGE);
    const taken = await Promise.all(rows.map((row) => adopter.take(row, NO_VISITOR)));
    progress = { seen: progress.seen + rows.length, adopted: progress.adopted + taken.filter(Boolean).length };
    if (last === null) return;
    yield progress;
    after = last;
  }
}
