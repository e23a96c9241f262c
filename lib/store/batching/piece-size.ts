/** By how much a piece is smaller than one that failed. */
const SMALLER = 4;

/** After one that took a smaller part of its time than this, there is time for one that is twice as large. */
const QUICK_PART = 1 / 4;

/** How much of what concerns many sessions goes into one statement: less after one that failed, and more again after quick ones. */
export class PieceSize {
  readonly #most: number;
  /** In milliseconds. */
  readonly #quick: number;
  #size: number;

  /**
   * @param time what each statement has, in milliseconds
   * @param first less than `most` where there is no time left for smaller ones after one that fails
   */
  constructor(most: number, time: number, first = most) {
    this.#most = most;
    this.#quick = time * QUICK_PART;
    this.#size = first;
  }

  get size(): number {
    return this.#size;
  }

  /** @param took in milliseconds */
  succeeded(took: number): void {
    if (took < this.#quick) this.#size = Math.min(2 * this.#size, this.#most);
  }

  /** @returns `false` where it is one already */
  shrink(): boolean {
    if (this.#size === 1) return false;
    this.#size = Math.ceil(this.#size / SMALLER);
    return true;
  }
}
