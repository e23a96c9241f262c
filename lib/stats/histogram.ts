/** How values were distributed, in buckets. */
export interface HistogramStats {
  /** The upper bounds of the buckets, ascending; a value equal to one is in its bucket. */
  readonly bounds: readonly number[];
  /** How many values are in each bucket: one number more than there are bounds, for what is above them all. */
  readonly counts: readonly number[];
  /** How many values there were. */
  readonly count: number;
  /** What they add up to. */
  readonly sum: number;
}

/** Bounds for durations, in milliseconds. */
export const DURATIONS: readonly number[] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000];
/** Bounds for the sizes of batches. */
export const SIZES: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Counts values in buckets: a number for each, and nothing is kept of a value. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  record(value: number): void {
    let bucket = 0;
    while (value > (this.#bounds[bucket] ?? Infinity)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
  }

  stats(): HistogramStats {
    const counts = [...this.#counts];
    const count = counts.reduce((sum, one) => sum + one, 0);
    return { bounds: this.#bounds, counts, count, sum: this.#sum };
  }
}
