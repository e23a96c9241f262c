import type { SessionChanges, DataChanges } from './data/changes.js';
import type { SessionId } from './token.js';
import type { Lifetime } from './lifetime.js';
import type { StoredSession } from './stored-session.js';

/** A session about to be stored for the first time. */
export interface NewSession {
  readonly id: SessionId;
  readonly secretHash: Buffer;
  readonly userId: string | null;
  /** The login's snapshot as JSON text. */
  readonly auth: string | null;
  /** The data as JSON text. */
  readonly data: string;
  readonly lifetime: Lifetime;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** A login into a session that exists, or its start over without a user: a new secret, a new generation, a new start. */
export interface Login {
  readonly id: SessionId;
  /** The generation that the session was loaded under. */
  readonly generation: number;
  readonly secretHash: Buffer;
  /** What the browser still holds, if that is not the current secret: for the grace period it is recognised. */
  readonly previousSecretHash?: Buffer;
  /** `null` for no user any more. */
  readonly userId: string | null;
  readonly auth: string | null;
  readonly lifetime: Lifetime;
  /** Whether to drop all data first, because it is another user's. */
  readonly flush: boolean;
  readonly changes: DataChanges | null;
}

/** A new secret for a session that exists. */
export interface Rotation {
  readonly id: SessionId;
  readonly generation: number;
  /** The secret that the request proved to know. */
  readonly knownHash: Buffer;
  readonly secretHash: Buffer;
}

/** The times of a session after a commit. */
export interface CommittedTimes {
  readonly ttl: number;
  readonly lastAccessAt: number;
  readonly expiresAt: number;
  readonly endsAt: number | null;
}

/**
 * What one visitor's session needs of the place that it is kept in. A session that is absent, expired, or of another
 * generation is never an error here but an answer (`null`, `false`, `'gone'`). Every method rejects with
 * `SessionStoreUnavailableError` when the store cannot answer, and then has written nothing.
 */
export interface SessionPersistence {
  /** The store's clock, in milliseconds since the epoch. */
  now(): number;
  find(id: SessionId): Promise<StoredSession | null>;
  create(session: NewSession): Promise<StoredSession>;
  /** Merges changes into a live session. Rejects with `SessionDataError` if it gets too big. */
  commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null>;
  /**
   * Locks a live session, calls a function for what to change of it, and commits that before any other write to it. The
   * function is synchronous, as the lock is held while it runs. An error it throws reaches the caller, and
   * nothing is written.
   *
   * @param generation the one it was loaded under; `null` for any
   * @returns the session as it was when it was locked, with the times of the commit
   */
  update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
  ): Promise<StoredSession | null>;
  login(login: Login): Promise<StoredSession | null>;
  /**
   * `superseded`: the secret known is not the current one any more. As the generation is, parallel requests have rotated
   * the session since it was loaded.
   */
  rotate(rotation: Rotation): Promise<'rotated' | 'superseded' | 'gone'>;
  /** Ends the sessions of a user but for the newest logins; returns which. */
  keepNewest(userId: string, count: number): Promise<SessionId[]>;
  /** Whether a session of that generation was there to be deleted. */
  delete(id: SessionId, generation: number): Promise<boolean>;
}
