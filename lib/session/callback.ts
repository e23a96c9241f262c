/** What takes the outcome of a method in the place of a promise: called once, with an error if there is one. */
// oxlint-disable-next-line typescript/no-explicit-any -- whatever type of error a library declares for its own callback
export type SessionCallback = (error?: any) => void;

/**
 * Tells the callback, if there is one, of an outcome; otherwise it is the caller's. What the callback itself throws is an
 * uncaught exception, as from any callback of Node's: it is nobody's outcome.
 */
export function told(outcome: Promise<void>, callback: SessionCallback | undefined): Promise<void> | void {
  if (typeof callback !== 'function') return outcome;
  outcome.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  );
}
