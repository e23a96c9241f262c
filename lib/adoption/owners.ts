import type { OldRow } from '../session-store.js';
import type { Adopter } from './adopter.js';

/** An application's `toSession` may take a connection of its pool for each. */
const AT_A_TIME = 20;
/** How often it may fail: each time it may have taken as long as a store may. */
const MOST_FAILURES = 20;

/** For one way through the table: whose the old sessions are, as `toSession` says. */
export class Owners {
  readonly #adopter: Adopter;
  readonly #failures: unknown[] = [];

  constructor(adopter: Adopter) {
    this.#adopter = adopter;
  }

  /** What `toSession` threw, where it is not known whose some of them are. */
  get failures(): readonly unknown[] {
    return this.#failures;
  }

  /** Whether it has failed so often that it is not asked any more. */
  get isGivenUp(): boolean {
    return this.#failures.length >= MOST_FAILURES;
  }

  /** Of each row, in that order; `null` where it is nobody's, or `toSession` fails, which is one of the `failures`. */
  async of(rows: readonly OldRow[]): Promise<(string | null)[]> {
    const owners: (string | null)[] = [];
    for (let at = 0; at < rows.length && !this.isGivenUp; at += AT_A_TIME) {
      const some = rows.slice(at, at + AT_A_TIME);
      const answers = await Promise.allSettled(some.map(async (row) => this.#adopter.userOf(row)));
      for (const [index, row] of some.entries()) {
        const answer = answers[index] as PromiseSettledResult<string | null>;
        owners.push(answer.status === 'fulfilled' ? answer.value : await this.#failed(row, answer.reason));
      }
    }
    return owners;
  }

  /** Asks once more, for this row alone, as a pool may have been too small for twenty; but not where another has failed twice. */
  async #failed(row: OldRow, reason: unknown): Promise<string | null> {
    let failure = reason;
    if (this.#failures.length === 0) {
      try {
        return await this.#adopter.userOf(row);
      } catch (error) {
        failure = error;
      }
    }
    this.#failures.push(failure);
    return null;
  }
}
