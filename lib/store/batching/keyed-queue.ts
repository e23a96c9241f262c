/** Runs what has the same key one after the other, in the order of the calls, and everything else at once. */
export class KeyedQueue {
  readonly #last = new Map<string, Promise<void>>();

  async run<Result>(key: string, operation: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    const running = before === undefined ? operation() : before.then(operation);
    const settled = running.then(
      () => {},
      () => {},
    );
    this.#last.set(key, settled);
    try {
      return await running;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
