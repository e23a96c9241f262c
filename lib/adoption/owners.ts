import type { OldRow } from '../session-store.js';
import type { Adopter } from './adopter.js';

/** An application's `toSession` may take a connection of its pool for each. */
const AT_A_TIME = 20;

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

  /** Of each row, in that order; `null` where it is nobody's, or `toSession` fails, which is one of the `failures`. */
  async of(rows: readonly OldRow[]): Promise<(string | null)[]> {
    const owners: (string | null)[] = [];
    for (let at = 0; at < rows.length; at += AT_A_TIME) {
      const some = rows.slice(at, at + AT_A_TIME);
      const answers = await Promise.allSettled(some.map(async (row) => this.#adopter.userOf(row)));
      for (const [index, row] of some.entries()) {
        const answer = answers[index] as PromiseSettledResult<string | null>;
        owners.push(answer.status === 'fulfilled' ? answer.value : await this.#askAgain(row));
      }
    }
    return owners;
  }

  /** By itself: a pool may have been too small for twenty. */
  async #askAgain(row: OldRow): Promise<string | null> {
    try {
      return await this.#adopter.userOf(row);
    } catch (error) {
      this.#failures.push(error);
      return null;
    }
  }
}
