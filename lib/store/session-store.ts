import type { SessionId } from '../session/token.js';
import type { DataChanges, SessionChanges } from '../session/data/changes.js';
import type { CommittedTimes, Login, NewSession, Rotation, SessionPersistence } from '../session/persistence.js';
import type { StoredSession } from '../session/stored-session.js';
import { areStillFound, type FoundValues } from './found-values.js';

/** An access to a session, on its way to being written down. */
export interface Access {
  readonly id: SessionId;
  /** When it was, in milliseconds of the store's clock. */
  readonly at: number;
}

/** What became of accesses; those of dead sessions are in neither list. */
export interface RenewalOutcome {
  readonly renewed: SessionId[];
  /** Could not be got at for the moment. */
  readonly locked: SessionId[];
}

/** Somebody who keeps copies of sessions. */
export interface ChangeListener {
  /** These sessions are not what they were; `null`: none is to be relied on. */
  changed(ids: readonly SessionId[] | null): void;
  /** Whether changes are being heard of. From `false` on, until `true`, some may be missed. */
  hearing(isHearing: boolean): void;
}

/**
 * Where sessions live. One clock, the store's own, sets and compares all times.
 *
 * An expired session is absent, swept or not. What is absent is an answer, never an error. Methods reject with
 * `SessionStoreUnavailableError` when the store cannot answer in time, and what they were to write is then not written,
 * not even later.
 */
export abstract class SessionStore implements SessionPersistence {
  /** Makes ready, or says what is missing. @throws {SessionSetupError} with the fix. */
  abstract open(): Promise<void>;
  abstract now(): number;

  /** A live session, or `null`. */
  abstract find(id: SessionId): Promise<StoredSession | null>;
  /**
   * The same for whoever found a session out of date, and so perhaps a copy. A store that keeps no copies has nothing newer
   * to say.
   *
   * @param found what {@link find} gave
   */
  refind(found: StoredSession): Promise<StoredSession | null> {
    return Promise.resolve(found);
  }
  abstract create(session: NewSession): Promise<StoredSession>;
  /** Merges changes into the session as it is now. `null`: it is gone, or was logged in to anew; nothing was written. */
  abstract commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null>;
  /**
   * The same, if values of the data are still what somebody found there. `'changed'`: they are not; nothing was written.
   * Here by {@link update}; a store may have a shorter way.
   *
   * @param deadline as with {@link update}
   */
  async commitIf(
    id: SessionId,
    generation: number,
    found: FoundValues,
    changes: SessionChanges,
    deadline?: number,
  ): Promise<CommittedTimes | 'changed' | null> {
    let isStill = false;
    const change = (stored: StoredSession): SessionChanges | null => {
      isStill = areStillFound(found, stored.data);
      return isStill ? changes : null;
    };
    const updated = await this.update(id, generation, change, deadline);
    if (updated === null) return null;
    const { ttl, lastAccessAt, expiresAt, endsAt } = updated;
    return isStill ? { ttl, lastAccessAt, expiresAt, endsAt } : 'changed';
  }
  /**
   * @param deadline when it must be done, in milliseconds of the store's clock, where its time began earlier than now
   */
  abstract update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
    deadline?: number,
  ): Promise<StoredSession | null>;
  /** Moves expiries forward, never back, and never those of dead sessions. */
  abstract renew(accesses: readonly Access[]): Promise<RenewalOutcome>;
  /**
   * `null`: the session is gone, or somebody else logged in to it.
   *
   * @param changesTo says, instead of `login.changes`, what to change of the session as it is, which is locked meanwhile
   */
  abstract login(
    login: Login,
    changesTo?: (stored: StoredSession) => DataChanges | null,
  ): Promise<StoredSession | null>;
  abstract rotate(rotation: Rotation): Promise<'rotated' | 'superseded' | 'gone'>;
  /** Whether it was there, under that generation; `null` for any. */
  abstract delete(id: SessionId, generation: number | null): Promise<boolean>;

  /** The live sessions of a user, oldest first. */
  abstract findByUser(userId: string): Promise<StoredSession[]>;
  /**
   * Deletes the sessions of a user, but for one; returns which. Where it rejects, because it cannot get at them all in
   * time, some may be deleted: that is what was asked for.
   */
  abstract deleteByUser(userId: string, except: SessionId | null): Promise<SessionId[]>;
  abstract keepNewest(userId: string, count: number): Promise<SessionId[]>;
  /** Deletes them all; returns how many. */
  abstract deleteAll(): Promise<number>;
  /** Removes what has expired, in batches: whoever asks may pause between them, and learns which they were. */
  abstract deleteExpired(): AsyncIterable<readonly SessionId[]>;
  /** Whether it is for this process to sweep, of all that share the store. It stays so until {@link close}. */
  abstract claimSweep(): Promise<boolean>;
  /** How many are live. */
  abstract count(): Promise<number>;
  /**
   * Has a listener told of changes and deletions (not of renewals) that other processes make, so that a cache can follow.
   * A store that no other process can change, or that cannot tell, need not call it at all.
   */
  abstract subscribe(listener: ChangeListener): Promise<void>;
  /** Lets go of what it holds besides the application's own connections. */
  abstract close(): Promise<void>;
}
