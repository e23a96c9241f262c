import type { SessionId } from '../../../session/token.js';
import type { CommittedTimes } from '../../../session-store.js';

/** What a commit says of a session that it could write to. */
export type Committed = Omit<CommittedTimes, 'ttl'> & {
  readonly id: SessionId;
  /** `null`, as are the times: it would have got too big, or is not what was found. */
  readonly ttl: number | null;
  /** About how long the data is now, in bytes; `null`, as the ttl. */
  readonly length: number | null;
  readonly outdated?: boolean;
  /** `null`, as the ttl. */
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
  ttl: string | null,
  now: string | null,
  lastAccessAt: string,
  expiresAt: string,
  endsAt: string | null,
  length: string | null,
  outdated?: 't' | 'f',
];

/** The row of a renewal. */
type RawRenewed = readonly [locked: string, gone: string, changed: string, version: string | null, now: string];

export function committedOf(row: RawCommitted): Committed {
  return {
    id: row[0],
    ttl: row[1] === null ? null : Number(row[1]),
    now: row[2] === null ? null : Number(row[2]),
    lastAccessAt: Number(row[3]),
    expiresAt: Number(row[4]),
    endsAt: row[5] === null ? null : Number(row[5]),
    length: row[6] === null ? null : Number(row[6]),
    outdated: row[7] === 't',
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
