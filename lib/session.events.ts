import type { SessionId } from './session/token.js';
import type { TokenRejection } from './stats/session-stats.js';

/**
 * What can happen to a session:
 *
 * - `created`: stored for the first time.
 * - `loaded`: a request came with a live session.
 * - `renewed`: its expiry was moved forward.
 * - `rotated`: it got a new credential, by `login()` or `regenerate()`.
 * - `login`, `logout`: a user signed in or out.
 * - `destroyed`: ended by its own visitor.
 * - `revoked`: ended from elsewhere, through the service.
 * - `expired`: removed by the sweep, after its time.
 * - `rejected`: a request came with a token that opens nothing, or tried to use a session that had ended meanwhile.
 */
export type SessionEventType = SessionChangeEvent['type'] | SessionRejectedEvent['type'];

/** Something that happened to a session, in this process. Carries no secret and no data. */
export type SessionEvent = SessionChangeEvent | SessionRejectedEvent;

/** What happened to a session that is, or was, there. */
export interface SessionChangeEvent {
  readonly type:
    'created' | 'loaded' | 'renewed' | 'rotated' | 'login' | 'logout' | 'destroyed' | 'revoked' | 'expired';
  readonly sessionId: SessionId;
  /** The user who was signed in, where that is known. */
  readonly userId: string | null;
}

/**
 * A request, a message or a handshake that did not get the session it named. Of each reason, no more than ten are told in a
 * second, as a client can have them made by the thousand; `SessionService.stats()` counts them all.
 */
export interface SessionRejectedEvent {
  readonly type: 'rejected';
  /** What the client named. Of `unknown`, the client may have made it up. */
  readonly sessionId: SessionId;
  /** Whose session that is, where it was found, and not together with another one. Not who has sent the request. */
  readonly userId: string | null;
  /**
   * Why, as {@link TokenRejection} explains it; `gone`: the token was good, and then the session ended, or was logged in to
   * anew, before the request could write (`SessionGoneError`). No event tells of what has not the form of a token.
   */
  readonly reason: Exclude<TokenRejection, 'malformed'> | 'gone';
  /** Where the request came from; `null` with `trackDevice: false`, for messages on sockets, and where the platform does not say. */
  readonly ip: string | null;
  /** As the client calls itself, on one line, and cut; `null` as with {@link ip}, or where it says nothing. */
  readonly userAgent: string | null;
  /** How many with this reason were left out since the one before was told. */
  readonly leftOut: number;
}
