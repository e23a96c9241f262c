import type { SessionChangeEvent } from '../session.events.js';
import type { Recognition } from './recognition.js';
import type { Credential, SessionId } from './token.js';
import type { Lifetime } from './lifetime.js';
import type { SessionStore } from '../session-store.js';
import type { StoredSession } from './stored-session.js';

/** The client of a request. */
export interface Visitor {
  readonly ip: string | null;
  readonly userAgent: string | null;
  /** Whether no cookie can ever reach this visitor: then an empty session is not stored, even with `saveUninitialized`. */
  readonly takesNoCookies?: boolean;
  /** @throws {SessionHeadersSentError} when it is too late to send this visitor a cookie. */
  assertReachable(): void;
  /** All is stored, and the answer goes out: from now on it brings nothing to the client that it would not bring now. */
  answered?(): void;
}

/** Stands for the visitor where there is none: in a job, a test, an administrator's request. */
export const NO_VISITOR: Visitor = { ip: null, userAgent: null, assertReachable: () => {} };

/** What is around the sessions of an application. */
export interface SessionEnvironment {
  readonly store: SessionStore;
  /** The lifetime of a session that is given no other. */
  readonly lifetime: Lifetime;
  /** How long a credential still opens a session after `regenerate()` has replaced it, in milliseconds. */
  readonly rotationGrace: number;
  readonly saveUninitialized: boolean;
  /**
   * Whether a client drops a credential at the absolute end of its session, as it was when that was sent.
   *
   * @param persistent that of the session; `null` for what the module's options say
   */
  dropsAtEnd(persistent: boolean | null): boolean;
  readonly maxSessionsPerUser: number | null;
  /** Whether new sessions note where their visitors come from, for the list of a user's devices. */
  readonly trackDevice: boolean;
  /** Has the expiry of a session that was accessed just now moved forward, soon. */
  renew(stored: StoredSession): void;
  /** Whether renewals are written before the response, as the process may not live on after it. */
  readonly renewsAtOnce: boolean;
  /** Ends the sessions of a user that a login was one too many for. Never rejects: the login is stored, and stands. */
  revoked(pieces: AsyncIterable<readonly SessionId[]>, userId: string): Promise<void>;
  /** How many times changes were stored, met the end of their session, and could not be: added to by sessions. */
  readonly commits: { written: number; conflicts: number; failed: number };
  /** How many sessions this process has ended by a logout, `destroy()` or a revocation. */
  readonly endings: { readonly count: number };
  emit(type: SessionChangeEvent['type'], id: SessionId, userId: string | null): void;
  /** Tells that an operation was refused, as the session is gone. */
  refused(id: SessionId, userId: string | null, visitor: Visitor): void;
  /** A stored session with which a request can go on; `null` for one with a value that sessions never have, which is reported. */
  usable(stored: StoredSession | null): StoredSession | null;
  /** Reports stored data that cannot be read; the request goes on without it. */
  unreadable(id: SessionId, what: string, error: unknown): void;
  /** Reports an operation that has failed, and that nobody waited for, where no request can fail with it. */
  notAwaited(error: unknown): void;
}

/** A stored session, and what the request proved about it. */
export interface FoundSession {
  readonly stored: StoredSession;
  /** `null` when the session was found by its id: then its cookie cannot be changed. */
  readonly credential: Credential | null;
  readonly recognition: Recognition;
}
