import type { SessionId } from '../../../session/token.js';
import type { CommittedTimes } from '../../../session-store.js';

/** What a commit says of a live session. */
export type Committed = CommittedTimes & {
  readonly id: SessionId;
  /** About how long the data is now, in bytes. */
  readonly length: number;
  /**
   * Why nothing was written, and nothing here says anything but the id: it would have got too big, has another value than one that can be
   * added to, is not what was found, or was not to be had. `null`: it was written.
   */
  readonly refusal: 'large' | 'unfit' | 'outdated' | 'locked' | null;
  readonly now: number | null;
};

/** What a statement that renews sessions says. */
export interface Renewed {
  readonly locked: SessionId[];
  readonly gone: SessionId[];
  /** Whose row was not in the version that was known. */
  readonly changed: SessionId[];
  /** That of the rows now; `null`: none was written. */
  readonly version: string | null;
  readonly now: number;
}

// The same as PostgreSQL writes it: in the order of the statements' columns, numbers in decimal.

/** A row of a commit. */
type RawCommitted = readonly [
  id: SessionId,
  ttl: string,
  now: string | null,
  lastAccessAt: string,
  expiresAt: string,
  endsAt: string | null,
  length: string,
  refusal: Committed['refusal'],
];

/** The row of a renewal. */
type RawRenewed = readonly [locked: string, gone: string, changed: string, version: string | null, now: string];

export function committedOf(row: RawCommitted): Committed {
  return {
    id: row[0],
    ttl: Number(row[1]),
    now: row[2] === null ? null : Number(row[2]),
    lastAccessAt: Number(row[3]),
    expiresAt: Number(row[4]),
    endsAt: row[5] === null ? null : Number(row[5]),
    length: Number(row[6]),
    refusal: row[7],
  };
}

export function renewedOf(row: RawRenewed): Renewed {
  return {
    locked: idsOf(row[0]),
    gone: idsOf(row[1]),
    changed: idsOf(row[2]),
    version: row[3],
    now: Number(row[4]),
  };
}

/** An array of UUIDs, which are never quoted. */
function idsOf(array: string): SessionId[] {
  return array === '{}' ? [] : array.slice(1, -1).split(',');
}
