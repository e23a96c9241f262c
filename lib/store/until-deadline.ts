import { afterArrivals } from './lost-time.js';

/** In milliseconds. A timer may fire early, and two clocks never agree: "not written" is said only once the store would refuse. */
const MARGIN = 5;

/**
 * What a promise gives until its time is up, and nothing lies unread that has arrived. The promise goes on then.
 *
 * @param left how many milliseconds are left; by a clock that stands still now and then, it takes longer
 * @param late makes the error where the time is up
 */
export async function untilDeadline<Result>(
  promise: Promise<Result>,
  left: () => number,
  late: () => Error,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const givenUp = new Promise<never>((_, reject) => {
    const wait = (): void => {
      timer = setTimeout(() => afterArrivals(look), Math.ceil(Math.max(0, left())) + MARGIN);
    };
    const look = (): void => {
      if (isOver) return;
      if (left() > 0) wait();
      else reject(late());
    };
    wait();
  });
  try {
    return await Promise.race([promise, givenUp]);
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}
