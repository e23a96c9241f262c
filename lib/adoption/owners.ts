import type { OldRow } from '../session-store.js';
import type { Adopter } from './adopter.js';

/** An application's `toSession` may take a connection of its pool for each. */
const AT_A_TIME = 20;
/** For how long it is waited for what fails: so many times as long as for a store. */
export const PATIENCE = 4;

/** What `toSession` said of a row, and how long that took, in milliseconds. */
interface Answer {
  readonly result: PromiseSettledResult<string | null>;
  readonly took: number;
}

/** For one way through the table: whose the old sessions are, as `toSession` says. */
export class Owners {
  readonly #adopter: Adopter;
  #failures = 0;
  #firstFailure: unknown;
  /** In milliseconds. */
  #left: number;

  /** @param queryTimeout how long may be waited for a store, in milliseconds */
  constructor(adopter: Adopter, queryTimeout: number) {
    this.#adopter = adopter;
    this.#left = PATIENCE * queryTimeout;
  }

  /** Of how many it is not known whose they are, as `toSession` fails. */
  get failures(): number {
    return this.#failures;
  }

  /** What `toSession` threw first. */
  get firstFailure(): unknown {
    return this.#firstFailure;
  }

  /**
   * Whether it has been waited for what fails for so long that it is not asked any more. What fails no later than it answers for
   * the other rows costs nothing, however many these are.
   */
  get isGivenUp(): boolean {
    return this.#left <= 0;
  }

  /** Of each row, in that order; `null` where it is nobody's, or `toSession` fails, which is one of the `failures`. */
  async of(rows: readonly OldRow[]): Promise<(string | null)[]> {
    const owners: (string | null)[] = [];
    for (let at = 0; at < rows.length && !this.isGivenUp; at += AT_A_TIME) {
      const some = rows.slice(at, at + AT_A_TIME);
      const known = this.#failures;
      const answers = await Promise.all(some.map((row) => this.#ask(row)));
      for (const [index, row] of some.entries()) {
        const { result } = answers[index] as Answer;
        owners.push(result.status === 'fulfilled' ? result.value : await this.#failed(row));
      }
      if (this.#failures > known) this.#left -= lostIn(answers);
    }
    return owners;
  }

  async #ask(row: OldRow): Promise<Answer> {
    const since = performance.now();
    const [result] = await Promise.allSettled([this.#adopter.userOf(row)]);
    return { result, took: performance.now() - since };
  }

  /** Asks once more, for this row alone, as a pool may have been too small for twenty; but not where another has failed twice. */
  async #failed(row: OldRow): Promise<string | null> {
    if (this.#failures === 0) {
      const { result, took } = await this.#ask(row);
      if (result.status === 'fulfilled') return result.value;
      this.#left -= took;
      this.#firstFailure = result.reason;
    }
    this.#failures += 1;
    return null;
  }
}

/** How much longer it was waited for those that failed than for the others, which were asked at the same time. */
function lostIn(answers: readonly Answer[]): number {
  const longest = (status: 'fulfilled' | 'rejected'): number =>
    Math.max(0, ...answers.filter(({ result }) => result.status === status).map(({ took }) => took));
  return Math.max(0, longest('rejected') - longest('fulfilled'));
}
