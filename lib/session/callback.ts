/** What takes the outcome of a method in the place of a promise: called once, with an error if there is one. */
// oxlint-disable-next-line typescript/no-explicit-any -- whatever type of error a library declares for its own callback
export type SessionCallback = (error?: any) => void;

/**
 * Tells a callback of an outcome, and settles when it has returned. What the callback throws is an uncaught exception, as
 * from any callback of Node's.
 */
export async function tell(outcome: Promise<void>, callback: SessionCallback): Promise<void> {
  const args = await outcome.then(
    () => [],
    (error: unknown) => [error],
  );
  return new Promise((resolve) => {
    process.nextTick(() => {
      // Promises are looked at when this tick is over, whether the callback returns or throws.
      resolve();
      callback(...args);
    });
  });
}
