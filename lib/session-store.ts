import type { DataChanges, SessionChanges } from './session/data/changes.js';
import { areStillFound, type FoundValues } from './session/data/found-values.js';
import type { Lifetime } from './session/lifetime.js';
import type { ListedSession, SessionSecrets, StoredSession } from './session/stored-session.js';
import type { SessionId } from './session/token.js';
import type { OldSession } from './adoption/old-session.js';
import { SessionSetupError } from './session.errors.js';
import type { SessionMeter } from './stats/session-meter.js';

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
  /** Whether the cookie outlives the browser; `null`, or absent, for what the module's options say. */
  readonly persistent?: boolean | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** A live session of express-session, as it was read. Times are milliseconds of the store's clock. */
export interface OldRow {
  /** Its id there, which its cookie carries: a secret, unless it is signed. */
  readonly sid: string;
  readonly session: OldSession;
  /** `null` where that is not known. */
  readonly expiresAt: number | null;
  readonly readAt: number;
}

/** Some of them. */
export interface OldPage {
  /** Without what is no session. */
  readonly rows: readonly OldRow[];
  /** The last id that was looked at; `null` where there was none any more. */
  readonly last: string | null;
}

/** The sessions of express-session that lie beside ours. */
export interface OldSessions {
  /** A live one, or `null`. */
  find(sid: string): Promise<OldRow | null>;
  /**
   * Live ones, by their ids.
   *
   * @param after the {@link OldPage.last} of the page before; an empty text to begin
   */
  list(after: string, most: number): Promise<OldPage>;
  /** Removes those of these ids; says which were there. */
  remove(sids: readonly string[]): Promise<readonly string[]>;
}

/** A login into a session that exists, or its start over without a user: a new secret, a new generation, a new start. */
export interface Login {
  readonly id: SessionId;
  /** The generation that the session was loaded under. */
  readonly generation: number;
  readonly secretHash: Buffer;
  /** What the client still holds, if that is not the current secret: it is recognised for the grace period. */
  readonly previousSecretHash?: Buffer;
  /** `null` for no user any more. */
  readonly userId: string | null;
  readonly auth: string | null;
  readonly lifetime: Lifetime;
  /** As of {@link NewSession}. */
  readonly persistent?: boolean | null;
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

/**
 * What became of a rotation. `overtaken`: the secret known is not the current one any more. As the generation is, parallel
 * requests have rotated the session since it was loaded.
 */
export type RotationOutcome = 'rotated' | 'overtaken' | 'gone';

/** The times of a session after a commit. */
export interface CommittedTimes {
  readonly ttl: number;
  readonly lastAccessAt: number;
  readonly expiresAt: number;
  readonly endsAt: number | null;
}

/** An access to a session. Times are milliseconds of the store's clock. */
export interface Access {
  readonly id: SessionId;
  /** When it was. */
  readonly at: number;
  /** When the session expires without it. */
  readonly expiresAt: number;
}

/** What a store reports to the manager that opened it, at any time. */
export interface StoreListener {
  /** Where the stores of this library count what they do, for `SessionService.stats()`. A store of yours need not. */
  readonly meter?: SessionMeter | undefined;
  /** Aborted where the application is closed before `open()` is done, which had better reject then, and end what it has opened. */
  readonly closing?: AbortSignal | undefined;
  /** Called by {@link SessionStore.open}: how the store is set up loses what it should keep. A sentence with the fix, and no secret. */
  warned?(warning: string): void;
  /** The expiries of these sessions were moved forward. */
  renewed(accesses: readonly Pick<Access, 'id' | 'at'>[]): void;
  /** Renewals could not be written; the store keeps them for another try. */
  renewalFailed(error: unknown): void;
  /** The store refuses to renew this session, and would again: it ends unless something else renews it. */
  renewalRefused(id: SessionId, error: unknown): void;
  /** What is stored in the place of this session is none, and counts as absent. */
  notASession?(id: SessionId, error: unknown): void;
  /** Other processes changed or ended these sessions (renewals need not be reported); `null`: they may have changed any. */
  changed(ids: readonly SessionId[] | null): void;
  /**
   * Whether {@link changed} is called for every such change: from `false` on, until `true`, some may be missed. Nothing is
   * cached of a store that never calls it.
   */
  feedConnected(isConnected: boolean): void;
}

/**
 * Where sessions live: the one contract between sessions and stores.
 *
 * One clock, the store's own, sets and compares all times. An expired session is absent, swept or not. What is absent,
 * expired or of another generation is an answer (`null`, `false`, `'gone'`), never an error. Methods reject with
 * `SessionStoreUnavailableError` when the store cannot answer in time, and what they were to write is then not written,
 * not even later.
 */
export abstract class SessionStore {
  /** What it is, for the line that the operator reads at start, once it is open: no secret. The name of the class unless it says more. */
  get description(): string {
    return this.constructor.name;
  }
  /** Makes ready, or says what is missing. @throws {SessionSetupError} with the fix. */
  abstract open(listener: StoreListener): Promise<void>;
  /** The store's clock, in milliseconds since the epoch. */
  abstract now(): number;
  /**
   * The generation of a session that is created, or logged in to: never one that it has had. They are counted; a store that may
   * lose a login it has confirmed makes them of the new secret instead, so that the next login gets another one.
   *
   * @param _secretHash the one that the session gets
   * @param before the generation that is logged in to; `null` for a new session
   */
  generationOf(_secretHash: Buffer, before: number | null): number {
    return before === null ? 0 : before + 1;
  }

  /** A live session, or `null`. */
  abstract find(id: SessionId): Promise<StoredSession | null>;
  /**
   * The same where a session that was found seems out of date, or must not be, and perhaps is a copy. A store that keeps no
   * copies has nothing newer to give.
   *
   * @param found what {@link find} gave
   */
  refind(found: StoredSession): Promise<StoredSession | null> {
    return Promise.resolve(found);
  }
  /**
   * One of several sessions: the one that is chosen of those that are live, by what opens them. What {@link find} gives of it;
   * `null` where none is chosen. Here by `find`; a store may have a way that reads the data of no other.
   *
   * @param ids each once
   */
  async findOneOf(
    ids: readonly SessionId[],
    choose: (live: readonly SessionSecrets[]) => SessionId | null,
  ): Promise<StoredSession | null> {
    const live = (await Promise.all(ids.map((id) => this.find(id)))).filter((stored) => stored !== null);
    const chosen = choose(live);
    return live.find(({ id }) => id === chosen) ?? null;
  }
  /** Stores a session for the first time. Rejects with `SessionDataError` if its data, or its `auth`, is too big. */
  abstract create(session: NewSession): Promise<StoredSession>;
  /** The sessions of express-session that can be taken over with {@link adopt}; `null` where there are none, or none are in reach. */
  get oldSessions(): OldSessions | null {
    return null;
  }
  /** Whether it has an {@link adopt} of its own: without one, the option `adopt` is refused at start. */
  get canAdopt(): boolean {
    return this.adopt !== SessionStore.prototype.adopt;
  }
  /**
   * Stores a session in the place of one of express-session, of which no other has taken the place. Its user did not sign in just
   * now: `authenticatedAt` is `null`. Rejects as {@link create} does; here with `SessionSetupError`, for a store need not have this.
   *
   * @param _sid the old one, which is removed in the same instant; `null`: it is removed already
   * @returns `null` where the old one is gone, or a session of that id is there: nothing was written
   */
  adopt(_session: NewSession, _sid: string | null): Promise<StoredSession | null> {
    return Promise.reject(
      new SessionSetupError(`${this.constructor.name} takes over no sessions of express-session: it has no adopt().`),
    );
  }
  /**
   * Merges changes into the session as it is now. `null`: it is gone, or was logged in to anew; nothing was written.
   * Rejects with `SessionDataError` if the data gets too big, or holds a value that cannot be added to.
   */
  abstract commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null>;
  /**
   * The same, if values of the data are still what was found there. `'changed'`: they are not; nothing was written. Here by
   * {@link update}; a store may have a shorter way.
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
   * Locks a live session, calls a function for what to change of it, and commits that before any other write to it. The
   * function is synchronous, as the lock is held while it runs. An error it throws reaches the caller, and nothing is
   * written. It may be called again where nothing of the attempt before has lasted.
   *
   * @param generation the one it was loaded under; `null` for any
   * @param deadline when it must be done, in milliseconds of the store's clock, where its time began earlier than now
   * @returns the session as it was when it was locked, with the times of the commit
   */
  abstract update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
    deadline?: number,
  ): Promise<StoredSession | null>;
  /**
   * Counts an access: moves the session's expiry forward, never back, and never that of a dead session. Does not wait, and
   * may collect accesses to write many together.
   */
  abstract renew(access: Access): void;
  /** Writes the accesses that are still collected. Never rejects. */
  flush(): Promise<void> {
    return Promise.resolve();
  }
  /**
   * `null`: the session is gone, or another request logged in to it. Rejects with `SessionDataError` if its data, or its
   * `auth`, is too big: each may have as many bytes as `maxDataBytes` says.
   *
   * @param changesTo says, instead of `login.changes`, what to change of the session as it is, which is locked meanwhile
   */
  abstract login(
    login: Login,
    changesTo?: (stored: StoredSession) => DataChanges | null,
  ): Promise<StoredSession | null>;
  /** Gives a live session a new secret. */
  abstract rotate(rotation: Rotation): Promise<RotationOutcome>;
  /**
   * Whether it was there, under that generation; `null` for any.
   *
   * @param userId whose it must be when it is deleted; anybody's, or nobody's, unless given
   */
  abstract delete(id: SessionId, generation: number | null, userId?: string): Promise<boolean>;

  /**
   * Makes the absence of a session as sure as {@link delete} makes its end, for a request that is to end what it does not find: an end
   * that was answered with an error may be all that is between. Here at once; a store whose failover can undo an end waits.
   */
  confirmEnd(_id: SessionId): Promise<void> {
    return Promise.resolve();
  }

  /**
   * The live sessions of a user, oldest first; of very many, the 1,000 that began last. Without their data and snapshots, which
   * are not looked at.
   */
  abstract findByUser(userId: string): Promise<ListedSession[]>;
  /**
   * Deletes the sessions of a user, but for one, in pieces of which each is stored, and says which they were. Where it fails,
   * because it cannot lock them all in time, the pieces before are deleted all the same. Those that begin while it runs may stay.
   *
   * A store whose parts fail by themselves goes on with the others, and rejects at the end. One whose failover can undo an end says also
   * of those that have ended, and are not confirmed, before it rejects: called again, it waits for that, and finds them no more.
   */
  abstract deleteByUser(userId: string, except: SessionId | null): AsyncIterable<readonly SessionId[]>;
  /**
   * The same with the sessions of a user but for the newest logins. A login in the future is from before the store's clock was set
   * back, and older than any that is not: or a login would end itself.
   */
  abstract keepNewest(userId: string, count: number): AsyncIterable<readonly SessionId[]>;
  /** The same with all sessions. */
  abstract deleteAll(): AsyncIterable<readonly SessionId[]>;
  /** Removes what has expired, in batches, and says which they were; the caller may pause between them. */
  abstract deleteExpired(): AsyncIterable<readonly SessionId[]>;
  /**
   * Whether it is for this process to sweep, of all that share the store. It stays so until {@link close}, and for as long as
   * it is claimed again: of a process that was frozen for longer than the lease, another takes it over.
   *
   * @param lease in milliseconds
   */
  abstract claimSweep(lease: number): Promise<boolean>;
  /** How many are live. */
  abstract count(): Promise<number>;
  /**
   * Writes what is still collected, and closes what it holds besides the application's own connections. Called when the
   * application ends and no request is under way any more; {@link flush} comes before, while those that are go on. Not an error: that
   * the application's own connections are closed already, or that the store was never opened.
   */
  abstract close(): Promise<void>;
}
