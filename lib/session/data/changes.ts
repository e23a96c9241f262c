import type { LifetimeChange } from '../lifetime.js';

/**
 * What a commit carries: changes to top-level keys of the data, never the document. The store merges them into the row
 * as it is when they arrive, so that parallel requests with different keys all survive. Values are JSON text.
 */
export interface DataChanges {
  readonly set: ReadonlyMap<string, string>;
  readonly unset: readonly string[];
  /** Numbers to add; an absent key, or null, counts as zero. */
  readonly increment: ReadonlyMap<string, number>;
  /** JSON arrays to append; an absent key, or null, counts as an empty array. */
  readonly push: ReadonlyMap<string, string>;
}

/** All that one commit changes of a session. */
export interface SessionChanges {
  readonly data: DataChanges | null;
  /** A new lifetime; an absolute timeout of `undefined` moves the absolute end only if the new idle timeout needs it. */
  readonly lifetime: LifetimeChange | null;
  /** Whether this counts as an access, which moves the expiry forward. */
  readonly renew: boolean;
}

// Shared, as most changes are of one kind.
const NONE: ReadonlyMap<string, never> = new Map<string, never>();

/** No changes at all. */
export const NO_CHANGES: DataChanges = { set: NONE, unset: [], increment: NONE, push: NONE };

export function keysOf({ set, unset, increment, push }: DataChanges): string[] {
  return [...set.keys(), ...unset, ...increment.keys(), ...push.keys()];
}

/** Whether doing the changes twice is another thing than doing them once. */
export function hasAdditions(changes: DataChanges | null): changes is DataChanges {
  return changes !== null && changes.increment.size + changes.push.size > 0;
}

/** The keys to whose values something is added. */
export function addedTo(changes: DataChanges | null): string[] {
  return changes === null ? [] : [...changes.increment.keys(), ...changes.push.keys()];
}
