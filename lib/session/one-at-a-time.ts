import { callBack, type SessionCallback } from './callback.js';

/** Runs operations one after the other, in the order of the calls. */
export class OneAtATime {
  readonly #onIdle: () => void;
  #busy: Promise<void> | null = null;

  /** @param onIdle runs whenever the last operation is done */
  constructor(onIdle: () => void = () => {}) {
    this.#onIdle = onIdle;
  }

  get isBusy(): boolean {
    return this.#busy !== null;
  }

  /** Settles, without an error, when all that was called so far is done; `null` where that is so. */
  idle(): Promise<void> | null {
    return this.#busy;
  }

  /** Starts at once if no other operation is under way. */
  run<Result>(operation: () => Promise<Result>): Promise<Result> {
    const running = this.#busy === null ? begun(operation) : this.#busy.then(operation);
    const settled = (): void => {
      if (this.#busy !== busy) return;
      this.#busy = null;
      this.#onIdle();
    };
    const busy = running.then(settled, settled);
    this.#busy = busy;
    return running;
  }

  /** The same with a callback in the place of the promise: it runs before what is queued behind the operation. */
  runFor(callback: SessionCallback, operation: () => Promise<void>): void {
    void this.run(() => callBack(callback, operation()));
  }
}

/** An operation that throws, instead of rejecting, is no exception to the order. */
export function begun<Result>(operation: () => Promise<Result>): Promise<Result> {
  try {
    return operation();
  } catch (error) {
    return Promise.reject(error as Error);
  }
}
