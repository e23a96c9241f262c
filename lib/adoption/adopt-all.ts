import { NO_VISITOR } from '../session/session-environment.js';
import { SessionSetupError, SessionStoreUnavailableError } from '../session.errors.js';
import type { OldRow, OldSessions } from '../session-store.js';
import type { Adopter } from './adopter.js';
import { PATIENCE } from './owners.js';

/** How far taking over all old sessions has come. */
export interface AdoptionProgress {
  /** How many live ones were looked at. */
  readonly seen: number;
  /** How many of them have a session of ours in their place now. The others stay, but for those that visitors came with meanwhile. */
  readonly adopted: number;
}

/** How many are read by one statement. */
const PAGE = 50;
/** Each is a statement of its own, and a `toSession` may take a connection for it: visitors need some, too. */
const AT_A_TIME = 4;

/**
 * Takes over all old sessions of a table, each by itself. It may be called again where it has failed, and while visitors come.
 *
 * @param queryTimeout how long may be waited for a store, in milliseconds
 * @throws {SessionSetupError} where there is no table
 * @throws {SessionStoreUnavailableError} where some could not be taken over, after all others were; but where none was answered for
 * four times as long as a store may take, no others are tried
 */
export async function* adoptAll(
  adopter: Adopter | null,
  oldSessions: OldSessions | null,
  queryTimeout: number,
): AsyncGenerator<AdoptionProgress> {
  if (adopter === null || oldSessions === null) {
    throw new SessionSetupError(
      'There are no sessions of express-session to be taken over: give SessionModule the option "adopt", with a "table".',
    );
  }
  const pass = new Pass(adopter, PATIENCE * queryTimeout);
  try {
    for (let after: string | null = ''; after !== null && !pass.isGivenUp;) {
      const { rows, last } = await oldSessions.list(after, PAGE);
      pass.answered();
      for (const row of rows) await pass.take(row);
      if (last !== null) yield pass.progress;
      after = last;
    }
  } finally {
    await pass.end();
  }
  yield pass.progress;
  pass.assertComplete();
}

/** One way through the table. */
class Pass {
  readonly #adopter: Adopter;
  /** In milliseconds. */
  readonly #patience: number;
  /** None of them rejects. One that waits for a lock holds up no others. */
  readonly #underWay = new Set<Promise<void>>();
  #seen = 0;
  #adopted = 0;
  #failures = 0;
  /** The first, or one that is not of the store. */
  #failure: unknown = null;
  #answeredAt = 0;
  #isGivenUp = false;

  /** @param patience for how long it is gone on where none is answered, in milliseconds */
  constructor(adopter: Adopter, patience: number) {
    this.#adopter = adopter;
    this.#patience = patience;
  }

  get progress(): AdoptionProgress {
    return { seen: this.#seen, adopted: this.#adopted };
  }

  /** Whether no others are tried. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  answered(): void {
    this.#answeredAt = performance.now();
  }

  /** Begins with one, when few enough are under way. */
  async take(row: OldRow): Promise<void> {
    if (this.#underWay.size === AT_A_TIME) await Promise.race(this.#underWay);
    if (this.#isGivenUp) return;
    const taken = this.#take(row).finally(() => this.#underWay.delete(taken));
    this.#underWay.add(taken);
  }

  /** Waits for those that are under way. */
  async end(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** @throws {SessionStoreUnavailableError} where some could not be taken over */
  assertComplete(): void {
    const failure = this.#failure;
    if (failure === null) return;
    if (!(failure instanceof SessionStoreUnavailableError)) throw failure as Error;
    const others = this.#isGivenUp ? 'as none was answered any more, no others were tried' : 'all others were';
    throw new SessionStoreUnavailableError(
      `take over ${this.#failures} of the sessions of express-session, which stay; ${others}`,
      { cause: failure.cause },
    );
  }

  async #take(row: OldRow): Promise<void> {
    try {
      if (await this.#adopter.take(row, NO_VISITOR)) this.#adopted += 1;
      this.answered();
    } catch (error) {
      const isOfStore = error instanceof SessionStoreUnavailableError;
      this.#failures += 1;
      if (this.#failure === null || !isOfStore) this.#failure = error;
      this.#isGivenUp ||= !isOfStore || performance.now() - this.#answeredAt >= this.#patience;
    }
    this.#seen += 1;
  }
}
