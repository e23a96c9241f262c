import { afterArrivals } from './lost-time.js';

/** In milliseconds. A timer may fire early, and two clocks never agree: "not written" is said only once the store would refuse. */
const MARGIN = 5;

/**
 * Calls back when the time is up, and nothing lies unread that has arrived.
 *
 * @param left how many milliseconds are left; by a clock that stands still now and then, it takes longer
 * @param keepsAlive whether the process waits for it
 * @returns what makes it not call back
 */
export function atDeadline(left: () => number, callback: () => void, keepsAlive = true): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const wait = (): void => {
    timer = setTimeout(() => afterArrivals(look), Math.ceil(Math.max(0, left())) + MARGIN);
    if (!keepsAlive) timer.unref();
  };
  const look = (): void => {
    if (isOver) return;
    if (left() > 0) wait();
    else callback();
  };
  wait();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/**
 * What a promise gives until its time is up, and nothing lies unread that has arrived. The promise goes on then.
 *
 * @param left as for {@link atDeadline}
 * @param late makes the error where the time is up
 */
export async function untilDeadline<Result>(
  promise: Promise<Result>,
  left: () => number,
  late: () => Error,
): Promise<Result> {
  let stop = (): void => {};
  const givenUp = new Promise<never>((_, reject) => {
    stop = atDeadline(left, () => reject(late()));
  });
  try {
    return await Promise.race([promise, givenUp]);
  } finally {
    stop();
  }
}
