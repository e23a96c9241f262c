import { afterArrivals } from './lost-time.js';

/**
 * What a promise gives, or what `late` gives, or throws, where it takes longer, and nothing lies unread that has arrived. The
 * promise goes on then, and whatever comes of it is no error.
 *
 * @param limit in milliseconds
 */
export async function withTimeLimit<Result, Late>(
  promise: Promise<Result>,
  limit: number,
  late: () => Late,
): Promise<Result | Late> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<void>((resolve) => {
    timer = setTimeout(() => afterArrivals(resolve), limit);
  });
  try {
    return await Promise.race([promise, elapsed.then(late)]);
  } finally {
    clearTimeout(timer);
  }
}
