import { SessionStoreUnavailableError } from '../session.errors.js';
import type { OldRow, OldSessions } from '../session-store.js';
import type { Adopter } from './adopter.js';
import { Owners } from './owners.js';

/** How many are read, or removed, by one statement. */
const PAGE = 500;

/** One way through the table, which is yet to begin. */
interface Pass {
  readonly users: Set<string>;
  /** How many there were of each. */
  readonly counts: Promise<ReadonlyMap<string, number>>;
}

/**
 * Ends sessions of express-session that have not been taken over. Not an error: functions of the application find them, which can
 * list none.
 */
export class OldEndings {
  readonly #adopter: Adopter;
  readonly #oldSessions: () => OldSessions | null;
  readonly #queryTimeout: number;
  #underWay: Promise<unknown> = Promise.resolve();
  #next: Pass | null = null;

  /**
   * @param oldSessions where they are, now
   * @param queryTimeout how long may be waited for a store, in milliseconds
   */
  constructor(adopter: Adopter, oldSessions: () => OldSessions | null, queryTimeout: number) {
    this.#adopter = adopter;
    this.#queryTimeout = queryTimeout;
    this.#oldSessions = oldSessions;
  }

  /** Everybody's. Returns how many. */
  async endAll(): Promise<number> {
    let count = 0;
    for await (const [rows, oldSessions] of this.#pages()) {
      if (rows.length > 0) count += (await oldSessions.remove(rows.map(({ sid }) => sid))).length;
    }
    return count;
  }

  /**
   * Those of a user. Returns how many. Whose they are is what `toSession` says, so each in the table has to be looked at: by one
   * pass at a time, and what is called for meanwhile is done by the next.
   *
   * @throws {SessionStoreUnavailableError} where `toSession` fails for some, after all others were ended (but where what fails was
   * waited for four times as long as a store may take, it is asked no further): they may be of that user, and it does not tell whether it fails for the moment
   */
  async endOf(userId: string): Promise<number> {
    const pass = (this.#next ??= this.#begin());
    pass.users.add(userId);
    return (await pass.counts).get(userId) ?? 0;
  }

  #begin(): Pass {
    const users = new Set<string>();
    const counts = this.#underWay.then(() => {
      this.#next = null;
      return this.#endOfSome(users);
    });
    this.#underWay = counts.catch(() => {});
    return { users, counts };
  }

  async #endOfSome(users: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    const owners = new Owners(this.#adopter, this.#queryTimeout);
    for await (const [rows, oldSessions] of this.#pages()) {
      const ownerOf = await owners.of(rows);
      const doomed = new Map<string, string>();
      for (const [index, { sid }] of rows.entries()) {
        const owner = ownerOf[index] ?? null;
        if (owner !== null && users.has(owner)) doomed.set(sid, owner);
      }
      for (const sid of doomed.size === 0 ? [] : await oldSessions.remove([...doomed.keys()])) {
        const owner = doomed.get(sid) as string;
        counts.set(owner, (counts.get(owner) ?? 0) + 1);
      }
      if (owners.isGivenUp) break;
    }
    if (owners.failures === 0) return counts;
    throw new SessionStoreUnavailableError(
      `tell whose ${owners.failures} of the old sessions are, as toSession() failed; ` +
        `${owners.isGivenUp ? 'it was asked no further' : 'all others were ended'}. Where it always fails for one, have it give null`,
      { cause: owners.firstFailure },
    );
  }

  async *#pages(): AsyncGenerator<readonly [readonly OldRow[], OldSessions]> {
    const oldSessions = this.#oldSessions();
    for (let after: string | null = ''; oldSessions !== null && after !== null;) {
      const { rows, last } = await oldSessions.list(after, PAGE);
      yield [rows, oldSessions];
      after = last;
    }
  }
}
