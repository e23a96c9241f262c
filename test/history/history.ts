import type { Operation, RevocationRequest } from './operations.js';

/**
 * What became of an operation before its request ended: still to be stored with the rest; stored; stored together with
 * a login; taken along by a login into a new session; or dropped, because the session was ended or its data flushed.
 */
export type Fate = 'pending' | 'committed' | 'merged' | 'carried' | 'dropped';

/** An operation as the server did it. */
export interface Step {
  fate: Fate;
  /** What it gave: the data that was read, the messages that were shown, and so on. */
  result?: unknown;
}

/** What the server tells of a request, also of one that failed. */
export interface Trace {
  readonly id: string;
  readonly isNew: boolean;
  readonly user: string | null;
  /** The operations that were begun. */
  readonly steps: Step[];
  /** Whose session it is after a login, logout or destroy, and from which step on. */
  after: { readonly id: string; readonly user: string | null; readonly from: number } | null;
  /** The data that a login took along into a new session. */
  base: Document | null;
}

export type Document = Record<string, unknown>;

/** From just before something was asked for until its answer was there, on the one clock of all clients. */
export interface Interval {
  readonly begin: number;
  readonly end: number;
}

/** One request with the visitor's cookie. */
export interface Visit extends Interval {
  readonly client: number;
  readonly process: number;
  /** Index of the cookie sent; `null` for none. */
  readonly cookie: number | null;
  readonly operations: readonly Operation[];
  /** 0 when there was no answer. */
  readonly status: number;
  readonly trace: Trace | null;
  /** Index of the cookie that the answer sets. */
  readonly issued: number | null;
  /** Whether the answer removes the cookie. */
  readonly removed: boolean;
  /** What the server says of an error. */
  readonly error: string | null;
}

/** One call of the service that ends sessions. */
export interface Revocation extends Interval {
  readonly process: number;
  readonly request: RevocationRequest;
  readonly status: number;
  /** Whether, or how many. */
  readonly result: boolean | number | null;
}

export interface Cookie {
  /** The id it names. */
  readonly id: string;
  /** The SHA-256 of its secret, in hex. */
  readonly hash: string;
  /** Left over from an earlier episode, whose sessions have all ended. */
  readonly isFromEarlierEpisode: boolean;
}

/** A row of the table, as it is when all clients have stopped. */
export interface Row {
  readonly id: string;
  readonly user: string | null;
  /** How many logins it has had; `null` where the store does not count them. */
  readonly generation: number | null;
  readonly hash: string;
  readonly data: Document;
}

/** All that happened around one shared cookie, from its first request until all clients had stopped. */
export interface History {
  readonly visits: readonly Visit[];
  readonly revocations: readonly Revocation[];
  readonly cookies: readonly Cookie[];
  readonly rows: readonly Row[];
  /**
   * Where processes keep copies of sessions: when each was made sure to have heard of all that the others had changed by
   * then. `null`: they keep none, and see every change at once.
   */
  readonly barriers: readonly Interval[] | null;
}

/** A broken promise. */
export interface Violation {
  readonly rule: Rule;
  readonly message: string;
  /** The visits that show it. */
  readonly visits: readonly Visit[];
}

export type Rule =
  | 'lost change'
  | 'counter'
  | 'list'
  | 'flash'
  | 'dead session'
  | 'foreign data'
  | 'refused change'
  | 'credential'
  | 'answer';
