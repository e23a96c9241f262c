/** A request that waits until a deadline, in milliseconds of the store's clock. */
export interface Waiting {
  readonly deadline: number;
  reject(error: unknown): void;
}

/**
 * Rejects each waiter at its own deadline, though they all wait for one statement, whose deadline is the latest.
 *
 * @param now the store's clock
 * @returns ends the watch; waiters that have been answered are not harmed by a late rejection
 */
export function watchDeadlines(waiters: Iterable<Waiting>, now: () => number, error: () => Error): () => void {
  let left = [...waiters];
  let timer: NodeJS.Timeout | undefined;
  const watch = (): void => {
    const time = now();
    for (const waiter of left) if (waiter.deadline <= time) waiter.reject(error());
    left = left.filter((waiter) => waiter.deadline > time);
    if (left.length === 0) return;
    timer = setTimeout(watch, Math.max(1, deadlinesOf(left).first - time));
  };
  watch();
  return () => clearTimeout(timer);
}

/** The earliest and the latest: until then something must be written, or can still be answered. */
export function deadlinesOf(requests: readonly { readonly deadline: number }[]): { first: number; last: number } {
  let first = Infinity;
  let last = 0;
  for (const { deadline } of requests) {
    first = Math.min(first, deadline);
    last = Math.max(last, deadline);
  }
  return { first, last };
}
