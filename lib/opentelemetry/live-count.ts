/**
 * How many sessions are live, counted at most every so often: to count them, the database looks at each. What was counted
 * last is given meanwhile; nothing is, before the first answer, and while there is none.
 */
export class LiveCount {
  readonly #count: () => Promise<number>;
  readonly #every: number;
  #value: number | null = null;
  #countedAt = -Infinity;
  #isCounting = false;

  /** @param every in milliseconds */
  constructor(count: () => Promise<number>, every: number) {
    this.#count = count;
    this.#every = every;
  }

  /** The last count, at once. Has the next one made where it is time. */
  get value(): number | null {
    if (!this.#isCounting && performance.now() - this.#countedAt >= this.#every) void this.#renew();
    return this.#value;
  }

  async #renew(): Promise<void> {
    this.#isCounting = true;
    this.#countedAt = performance.now();
    try {
      this.#value = await this.#count();
    } catch {
      // The statement that failed is counted, and a figure from before would pass for one of now.
      this.#value = null;
    } finally {
      this.#isCounting = false;
    }
  }
}
