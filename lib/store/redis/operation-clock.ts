import { afterArrivals, LostTime } from '../lost-time.js';

/** In milliseconds. A timer may fire early, and two clocks never agree: "not written" is said only once Redis would refuse. */
const MARGIN = 5;

/** An operation whose time is up. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp';
}

/** The clock of deadlines: it stands still while this process cannot take in answers, as a handler computes. */
export class OperationClock {
  readonly #limit: number;
  readonly #lost = new LostTime();

  /** @param limit how long an operation may take, in milliseconds */
  constructor(limit: number) {
    this.#limit = limit;
    this.#lost.start();
  }

  now(): number {
    const timer = performance.now();
    return timer - this.#lost.total(timer);
  }

  /** When an operation that begins now has to be done. */
  deadline(): number {
    return this.now() + this.#limit;
  }

  /** @throws {GivenUp} when the time is up, and nothing lies unread that has arrived */
  async until<Result>(deadline: number, promise: Promise<Result>): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const late = new Promise<never>((_, reject) => {
      const wait = (): void => {
        timer = setTimeout(() => afterArrivals(look), Math.ceil(Math.max(0, deadline - this.now())) + MARGIN);
      };
      const look = (): void => {
        if (isOver) return;
        if (this.now() < deadline) wait();
        else reject(new GivenUp(`Redis did not answer within ${this.#limit} ms`));
      };
      wait();
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      isOver = true;
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#lost.stop();
  }
}
