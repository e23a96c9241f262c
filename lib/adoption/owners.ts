import type { OldRow } from '../session-store.js';
import type { Adopter } from './adopter.js';

/** An application's `toSession` may take a connection of its pool for each. */
const AT_A_TIME = 20;
/** For how long it is waited for where it fails: so many times as long as for a store. */
const PATIENCE = 4;

/** For one way through the table: whose the old sessions are, as `toSession` says. */
export class Owners {
  readonly #adopter: Adopter;
  readonly #failures: unknown[] = [];
  /** In milliseconds. */
  #left: number;

  /** @param queryTimeout how long may be waited for a store, in milliseconds */
  constructor(adopter: Adopter, queryTimeout: number) {
    this.#adopter = adopter;
    this.#left = PATIENCE * queryTimeout;
  }

  /** What `toSession` threw, where it is not known whose some of them are. */
  get failures(): readonly unknown[] {
    return this.#failures;
  }

  /** Whether it has been waited for so long that it is not asked any more. What fails at once costs nothing. */
  get isGivenUp(): boolean {
    return this.#left <= 0;
  }

  /** Of each row, in that order; `null` where it is nobody's, or `toSession` fails, which is one of the `failures`. */
  async of(rows: readonly OldRow[]): Promise<(string | null)[]> {
    const owners: (string | null)[] = [];
    for (let at = 0; at < rows.length && !this.isGivenUp; at += AT_A_TIME) {
      const some = rows.slice(at, at + AT_A_TIME);
      const since = performance.now();
      const known = this.#failures.length;
      const answers = await Promise.allSettled(some.map(async (row) => this.#adopter.userOf(row)));
      for (const [index, row] of some.entries()) {
        const answer = answers[index] as PromiseSettledResult<string | null>;
        owners.push(answer.status === 'fulfilled' ? answer.value : await this.#failed(row, answer.reason));
      }
      if (this.#failures.length > known) this.#left -= performance.now() - since;
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
