/** How long the best reading is trusted before any newer one replaces it. */
const WINDOW = 30_000;

/**
 * The database's clock, estimated here: its last answers, carried on by a monotonic timer. The application server's own
 * clock plays no part.
 */
export class StoreClock {
  #offset = 0;
  #readAt = -Infinity;

  /** Milliseconds since the epoch. @param timer `performance.now()`, where it is known */
  now(timer = performance.now()): number {
    return this.#offset + timer;
  }

  /**
   * Takes in what the database's clock was when it answered. An answer is never early, only late: so of the readings
   * of half a minute the one that is furthest ahead is the best.
   */
  observe(databaseTime: number): void {
    const timer = performance.now();
    const offset = databaseTime - timer;
    if (offset <= this.#offset && timer - this.#readAt < WINDOW) return;
    this.#offset = offset;
    this.#readAt = timer;
  }
}
