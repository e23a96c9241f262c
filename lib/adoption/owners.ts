import type { OldRow } from '../session-store.js';
import type { Adopter } from './adopter.js';

/** An application's `toSession` may take a connection of its pool for each. */
const AT_A_TIME = 20;

/** For one way through the table: whose the old sessions are, as `toSession` says. */
export class Owners {
  readonly #adopter: Adopter;
  /** One whose user it had to wait for, and got: by this one we see whether `toSession` answers at the moment. */
  #known: OldRow | null = null;
  #failure: { readonly cause: unknown } | null = null;

  constructor(adopter: Adopter) {
    this.#adopter = adopter;
  }

  /** Why of some of them it is not known whose they are, and may be known later; `null` where it is known of all. */
  get failure(): { readonly cause: unknown } | null {
    return this.#failure;
  }

  /** Of each row, in that order; `null` where it is nobody's, or `toSession` fails, which is reported or is the `failure`. */
  async of(rows: readonly OldRow[]): Promise<(string | null)[]> {
    const owners: (string | null)[] = [];
    for (let at = 0; at < rows.length; at += AT_A_TIME) {
      const some = rows.slice(at, at + AT_A_TIME);
      const answers = await Promise.allSettled(some.map((row) => this.#ask(row)));
      for (const [index, row] of some.entries()) {
        const answer = answers[index] as PromiseSettledResult<string | null>;
        owners.push(answer.status === 'fulfilled' ? answer.value : await this.#askAgain(row));
      }
    }
    return owners;
  }

  /** @throws what `toSession` throws after it has waited for something, which may be for the moment */
  async #ask(row: OldRow): Promise<string | null> {
    let hasWaited = false;
    void allThatIsReady().then(() => {
      hasWaited = true;
    });
    try {
      const owner = await this.#adopter.userOf(row);
      if (hasWaited && owner !== null) this.#known = row;
      return owner;
    } catch (error) {
      if (hasWaited) throw error;
      return this.#adopter.failed(error);
    }
  }

  async #askAgain(row: OldRow): Promise<string | null> {
    if (this.#failure !== null) return null;
    try {
      return await this.#ask(row);
    } catch (cause) {
      // Where it answers for another one at this moment, it fails because of this row, and will do so each time.
      if (await this.#answers()) return this.#adopter.failed(cause);
      this.#failure = { cause };
      return null;
    }
  }

  async #answers(): Promise<boolean> {
    try {
      return this.#known !== null && (await this.#ask(this.#known)) !== null;
    } catch {
      return false;
    }
  }
}

/** Resolves once all has run that waits for no timer, no file and no network. */
async function allThatIsReady(): Promise<void> {
  await Promise.resolve();
  await new Promise<void>((resolve) => process.nextTick(resolve));
}
