import { SessionStoreUnavailableError } from '../session.errors.js';
import type { OldSessions } from '../session-store.js';
import type { Adopter } from './adopter.js';
import { Owners } from './owners.js';

/** How many are read, or removed, by one statement. */
const PAGE = 500;

/** Whose sessions are ended; `null` for everybody's. */
type Whose = string | null;

/** One way through the table, which is yet to begin. */
interface Pass {
  readonly whose: Set<Whose>;
  /** How many there were of each. */
  readonly counts: Promise<ReadonlyMap<Whose, number>>;
}

/**
 * Ends sessions of express-session that have not been taken over. Whose they are is what `toSession` says, so each in the table has
 * to be looked at: by one pass at a time, and what is called for meanwhile is done by the next.
 */
export class OldEndings {
  readonly #adopter: Adopter;
  readonly #oldSessions: () => OldSessions | null;
  #underWay: Promise<unknown> = Promise.resolve();
  #next: Pass | null = null;

  /** @param oldSessions where they are, now */
  constructor(adopter: Adopter, oldSessions: () => OldSessions | null) {
    this.#adopter = adopter;
    this.#oldSessions = oldSessions;
  }

  /**
   * Returns how many. Not an error: functions of the application find them, which can list none.
   *
   * @throws {SessionStoreUnavailableError} where `toSession` fails for some, after all others were ended: they may be of that
   * user, and it does not tell whether it fails for the moment
   */
  async end(whose: Whose): Promise<number> {
    const pass = (this.#next ??= this.#begin());
    pass.whose.add(whose);
    return (await pass.counts).get(whose) ?? 0;
  }

  #begin(): Pass {
    const whose = new Set<Whose>();
    const counts = this.#underWay.then(() => {
      this.#next = null;
      return this.#endAll(whose);
    });
    this.#underWay = counts.catch(() => {});
    return { whose, counts };
  }

  async #endAll(whose: ReadonlySet<Whose>): Promise<ReadonlyMap<Whose, number>> {
    const counts = new Map<Whose, number>();
    const oldSessions = this.#oldSessions();
    const owners = new Owners(this.#adopter);
    const areNamed = [...whose].some((one) => one !== null);
    for (let after: string | null = ''; oldSessions !== null && after !== null;) {
      const { rows, last } = await oldSessions.list(after, PAGE);
      const ownerOf = areNamed ? await owners.of(rows) : [];
      const doomed = new Map<string, Whose>();
      for (const [index, { sid }] of rows.entries()) {
        const owner = ownerOf[index] ?? null;
        if (whose.has(null) || whose.has(owner)) doomed.set(sid, owner);
      }
      for (const sid of doomed.size === 0 ? [] : await oldSessions.remove([...doomed.keys()])) {
        for (const one of new Set([null, doomed.get(sid) ?? null])) counts.set(one, (counts.get(one) ?? 0) + 1);
      }
      after = last;
    }
    const [cause] = owners.failures;
    if (cause !== undefined && !whose.has(null)) {
      throw new SessionStoreUnavailableError(
        `tell whose ${owners.failures.length} of the old sessions are, as toSession() failed; all others were ended. Where it ` +
          'always fails for one, have it give null',
        { cause },
      );
    }
    return counts;
  }
}
