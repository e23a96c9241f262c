import type { LostTime } from '../lost-time.js';
import { untilDeadline } from '../until-deadline.js';

/** An operation whose time is up. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp';
}

/** A script that arrived late, and did nothing. Where this process was kept from its work before it was sent, there may be time left. */
export class ArrivedLate extends Error {
  override readonly name = 'ArrivedLate';
}

/** The clock of deadlines: it stands still while this process cannot take in answers, as a handler computes. */
export class OperationClock {
  readonly #limit: number;
  readonly #lost: LostTime;

  /**
   * @param limit how long an operation may take, in milliseconds
   * @param lost started, and stopped, by who gives it
   */
  constructor(limit: number, lost: LostTime) {
    this.#limit = limit;
    this.#lost = lost;
  }

  now(): number {
    return this.#lost.time();
  }

  /** When an operation that begins now has to be done. */
  deadline(): number {
    return this.now() + this.#limit;
  }

  /** Whether an operation has enough time left for its silence to say anything: to connect may take most of it on a slow network. */
  hasFairTime(deadline: number): boolean {
    return deadline - this.now() >= this.#limit / 2;
  }

  /** @throws {GivenUp} when the time is up, and nothing lies unread that has arrived */
  until<Result>(deadline: number, promise: Promise<Result>): Promise<Result> {
    const left = (): number => deadline - this.now();
    return untilDeadline(promise, left, () => new GivenUp(`Redis did not answer within ${this.#limit} ms`));
  }
}
