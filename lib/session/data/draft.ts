import { SessionArgumentError } from '../../session.errors.js';
import { kindOf } from './json.js';
import type { DataChanges } from './changes.js';
import type { LiveSessionData } from './paths.js';
import { TrackedData } from './tracked-data.js';

/** What came of changing stored data by a function. */
export interface Draft<Result> {
  readonly result: Result;
  /** `null` when it changed nothing. */
  readonly changes: DataChanges | null;
  /** The data as it is afterwards, as JSON text. */
  readonly text: string;
}

/**
 * Changes data by a function, without storing it.
 *
 * @throws {SessionArgumentError} when the function is asynchronous.
 * @throws {SessionDataError} when it leaves something that cannot be stored.
 */
export function draftOf<Result>(
  text: string,
  change: (data: LiveSessionData) => Result,
  onUnreadable: (error: unknown) => void,
): Draft<Result> {
  const document = new TrackedData({ data: text }, onUnreadable);
  const result = callAtOnce(change, document.data);
  const changes = document.changes();
  return { result, changes, text: changes === null ? text : document.text() };
}

/** @throws {SessionArgumentError} for what is no function. */
export function assertChange(change: unknown): void {
  if (typeof change === 'function') return;
  throw new SessionArgumentError(`update() takes a function that changes the data, but got ${kindOf(change)}.`);
}

/** Calls a function that has no time to wait. */
function callAtOnce<Result>(change: (data: LiveSessionData) => Result, data: LiveSessionData): Result {
  const result = change(data);
  if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
    // Whether it fails later is no longer of interest.
    Promise.resolve(result).catch(() => {});
    throw new SessionArgumentError(
      'update() takes a function that is not asynchronous, as a lock is held while it runs. Fetch what it needs before.',
    );
  }
  return result;
}
