/** What takes the outcome of a method in the place of a promise: called once, with an error if there is one. */
// oxlint-disable-next-line typescript/no-explicit-any -- whatever type of error a library declares for its own callback
export type SessionCallback = (error?: any) => void;

/**
 * Hands an outcome to a callback, and settles when that has returned. What the callback throws is an uncaught exception, as
 * from any callback of Node's.
 */
export async function callBack(callback: SessionCallback, outcome: Promise<void>): Promise<void> {
  const args = await outcome.then(
    () => [],
    (error: unknown) => [error],
  );
  return new Promise((resolve) => {
    process.nextTick(() => {
      // Promises go on after this tick, whether the callback returns or throws.
      resolve();
      callback(...args);
    });
  });
}
