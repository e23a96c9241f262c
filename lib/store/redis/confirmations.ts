import { FIRST_PAUSE, longerPause, paused } from '../batching/backoff.js';
import { type Attempts, isForAMoment, type Run } from './attempts.js';
import { ConnectionLost, NotSent, RedisRefusal } from './connections.js';
import { GivenUp, type OperationClock } from './operation-clock.js';
import {
  type Durability,
  NotConfirmed,
  NotReached,
  PrimaryConfirmations,
  type Written,
} from './primary-confirmations.js';

/** Has replicas confirm what scripts have written, each until its deadline. */
export class Confirmations {
  readonly #operations: OperationClock;
  readonly #made: (name: string) => PrimaryConfirmations;
  /** By the name of the primary. */
  readonly #ofPrimaries = new Map<string, PrimaryConfirmations>();

  constructor(durability: Durability, operations: OperationClock, attempts: Attempts) {
    this.#operations = operations;
    this.#made = (name) => new PrimaryConfirmations(name, durability, operations, attempts);
  }

  /**
   * @throws {NotConfirmed}
   * @throws {ConnectionLost} where the primary could not be asked in time; or was not to be reached, and what was written may be written
   *   again, where the primary is by then
   */
  async of(written: Written, { deadline, isRepeatable = false }: Run): Promise<void> {
    const { name } = written.node;
    for (let pause = FIRST_PAUSE; ; pause = longerPause(pause)) {
      try {
        await this.#operations.until(deadline, this.#ofPrimary(name).confirm(written, deadline));
        return;
      } catch (error) {
        if (error instanceof GivenUp) throw new NotConfirmed(`replicas of ${name} have not confirmed it in time`);
        if (!isUnasked(error)) throw error;
        const isElsewhere = isRepeatable && error instanceof NotReached;
        if (isElsewhere || !(await paused(pause, deadline - this.#operations.now()))) {
          throw new ConnectionLost(`replicas could not be asked to confirm it: ${error.message}`);
        }
      }
    }
  }

  #ofPrimary(name: string): PrimaryConfirmations {
    let primary = this.#ofPrimaries.get(name);
    if (primary === undefined) this.#ofPrimaries.set(name, (primary = this.#made(name)));
    return primary;
  }
}

/** Whether it may be asked for once more: on another connection, or a moment later. */
function isUnasked(error: unknown): error is Error {
  return (
    error instanceof NotSent ||
    error instanceof ConnectionLost ||
    (error instanceof RedisRefusal && isForAMoment(error))
  );
}
