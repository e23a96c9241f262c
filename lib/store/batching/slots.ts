/** Runs so many tasks at a time, and the others in the order in which they came. */
export class Slots {
  readonly #most: number;
  #taken = 0;
  readonly #waiting: (() => Promise<void>)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** @param task must not reject */
  run(task: () => Promise<void>): void {
    this.#waiting.push(task);
    this.#runNext();
  }

  #runNext(): void {
    while (this.#taken < this.#most) {
      const task = this.#waiting.shift();
      if (task === undefined) return;
      this.#taken += 1;
      void task().finally(() => {
        this.#taken -= 1;
        this.#runNext();
      });
    }
  }
}
