import { afterArrivals } from '../lost-time.js';

/** What a statement has besides, in milliseconds, to say itself why it has not been answered. */
const GRACE = 10;

/** A request that waits until a deadline, in milliseconds. */
export interface Waiting {
  readonly deadline: number;
  reject(error: unknown): void;
}

/**
 * Rejects each waiter soon after its own deadline, though they all wait for one statement, whose deadline is the latest.
 *
 * @param time the clock of deadlines
 * @returns ends the watch; waiters that have been answered are not harmed by a late rejection
 */
export function watchDeadlines(waiters: Iterable<Waiting>, time: () => number, error: () => Error): () => void {
  let left = [...waiters];
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const watch = (): void => {
    if (isOver) return;
    const now = time() - GRACE;
    for (const waiter of left) if (waiter.deadline <= now) waiter.reject(error());
    left = left.filter((waiter) => waiter.deadline > now);
    if (left.length === 0) return;
    timer = setTimeout(() => afterArrivals(watch), Math.max(1, deadlinesOf(left).first - now));
  };
  watch();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
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
