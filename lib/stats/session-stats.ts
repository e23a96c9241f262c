import type { HistogramStats } from './histogram.js';

/**
 * Why a well-meant token opened nothing:
 *
 * - `malformed`: it has not the form of a token. It cost no look-up.
 * - `unknown`: no live session has its id. It has ended or expired, or never was; a store does not tell which.
 * - `wrong_secret`: the session is there, and never had that secret, as far as its row tells. Rare without an attacker.
 * - `superseded`: the secret is the one before the current one, and its grace period is over.
 * - `replaced`: a login has replaced it within the grace period; the request counts as one of the session that is gone.
 * - `ambiguous`: two cookies of our name opened two live sessions, and neither was used.
 */
export type TokenRejection = 'malformed' | 'unknown' | 'wrong_secret' | 'superseded' | 'replaced' | 'ambiguous';

/** What tokens were presented with requests, messages and handshakes. */
export interface TokenStats {
  /** Those that opened their session. */
  readonly accepted: number;
  /** Those of {@link accepted} whose secret `regenerate()` had replaced, within `rotationGrace`. */
  readonly inGrace: number;
  readonly rejected: Readonly<Record<TokenRejection, number>>;
}

/** What `originCheck` has decided. */
export interface OriginStats {
  /** Requests and messages that a page of another origin has sent, and may not: `SessionOriginError`, 403. */
  readonly refused: number;
}

/** Look-ups of presented tokens in the store, whether or not a cache answered. */
export interface LookupStats {
  readonly total: number;
  /** Those that found a live session, whatever its secret is. */
  readonly found: number;
  /** Those that the store could not answer in time. */
  readonly failed: number;
}

/** What happened to sessions by this process, as `SessionService.events` tells it. */
export interface LifecycleStats {
  readonly created: number;
  readonly loggedIn: number;
  readonly loggedOut: number;
  readonly rotated: number;
  readonly destroyed: number;
  readonly revoked: number;
  /** Removed by a sweep, or `purgeExpired()`, of this process. */
  readonly expired: number;
}

/** Changes of sessions that were stored before. */
export interface CommitStats {
  readonly written: number;
  /** Refused, as the session had ended or been logged in to anew: `SessionGoneError`, 401. Logins and rotations included. */
  readonly conflicts: number;
  /** Not written, as the store did not answer (503), or refused the data. */
  readonly failed: number;
}

/** Expiries that are moved forward. */
export interface RenewalStats {
  /** How many were handed to the store: one a request at most. */
  readonly requested: number;
  /** How many the store has written. Fewer than requested: those of one session in a period are one. */
  readonly written: number;
  /** How many times the store could not write what was waiting; it tries again. */
  readonly failures: number;
  /** How many the store refuses for good: those sessions will end. */
  readonly refused: number;
  /** How many sessions wait for theirs to be sent, now; 0 where the store does not say. */
  readonly waiting: number;
  /** How long the one that waits longest to be written has, in milliseconds; 0 where none does, or the store does not say. */
  readonly oldest: number;
}

/** Sweeps of expired sessions by this process. */
export interface SweepStats {
  /** How many batches of rows were removed. */
  readonly batches: number;
  /** How many sweeps have failed; the next tries again. */
  readonly failures: number;
}

/** The feed by which the cache follows other processes. */
export interface FeedStats {
  readonly connected: boolean;
  /** How many times it was lost. Meanwhile nothing is cached. */
  readonly losses: number;
}

/** The cache of whole sessions (option `cache`). */
export interface CacheStats {
  /** Look-ups that were answered from memory. */
  readonly hits: number;
  /** Look-ups that went to the database. */
  readonly misses: number;
  /** How many sessions are in it now. */
  readonly entries: number;
  readonly max: number;
}

/** Sessions of express-session that are taken over (option `adopt`), by this process. */
export interface AdoptionStats {
  /** How many it has taken over. Where this stays the same, the option can go. */
  readonly adopted: number;
  /**
   * How many requests came with an old cookie that was signed, and opened nothing: its session has ended or expired, was empty,
   * or is not to be taken over; or there were two.
   */
  readonly refused: number;
  /** How many times an old session could not be made one of ours, as `toSession` threw, or gave what cannot be stored. */
  readonly failed: number;
}

/** Which queue: that of look-ups, of new sessions, of changes, of logins, of ends, of renewals. */
export type QueueName = 'find' | 'create' | 'commit' | 'login' | 'delete' | 'renew';

/** A queue in front of the database: what waits in it together goes in one statement. */
export interface QueueStats {
  /** How many requests (of `renew`: sessions) wait now to be sent. */
  readonly waiting: number;
  /** How many requests a statement carried. */
  readonly batchSize: HistogramStats;
  /** How long a request waited until it was sent, or given up, in milliseconds; once for each time that it is sent. */
  readonly waitTime: HistogramStats;
  /** How many requests found their row locked by another transaction, and waited for another try. */
  readonly locked: number;
  /** How many were given up, as `queryTimeout` was over before their answer came. */
  readonly late: number;
}

/** What a statement is for. `end_many` are the revocations of many sessions, `other` what has no name of its own. */
export type StatementName =
  | 'clock'
  | 'find'
  | 'list'
  | 'count'
  | 'create'
  | 'commit'
  | 'renew'
  | 'update'
  | 'login'
  | 'rotate'
  | 'delete'
  | 'end_many'
  | 'sweep'
  | 'claim_sweep'
  | 'other';

/** Statements of one kind, those of transactions around them included. */
export interface StatementStats {
  /** How long until the answer came, or was given up, in milliseconds; waiting for a connection included. */
  readonly duration: HistogramStats;
  /** Those that were not answered in time, or answered by an error. */
  readonly failed: number;
}

/**
 * Figures of one registration of the module in this process: plain numbers, which can be written as JSON. Totals are
 * counted from {@link since} on and never go back; what is "now" is as of the call. Durations are milliseconds.
 */
export interface SessionStats {
  /** When counting began, in milliseconds since the epoch, on this process's clock. */
  readonly since: number;
  readonly tokens: TokenStats;
  readonly origins: OriginStats;
  readonly lookups: LookupStats;
  readonly sessions: LifecycleStats;
  readonly commits: CommitStats;
  readonly renewals: RenewalStats;
  readonly sweeps: SweepStats;
  /** `null` where the store has no feed, or has not said anything of it. */
  readonly feed: FeedStats | null;
  /** `null` without the option `cache`. */
  readonly cache: CacheStats | null;
  /** `null` without the option `adopt`. */
  readonly adoption: AdoptionStats | null;
  /** `null` where the store has no queues: only that of PostgreSQL has. */
  readonly queues: Readonly<Record<QueueName, QueueStats>> | null;
  /** `null` where the store sends no statements: only that of PostgreSQL does. */
  readonly statements: Readonly<Record<StatementName, StatementStats>> | null;
}
