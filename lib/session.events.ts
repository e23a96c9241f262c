import type { SessionId } from './session/token.js';

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
 * - `rejected`: a request tried to use a session that had ended meanwhile, and was refused.
 */
export type SessionEventType =
  'created' | 'loaded' | 'renewed' | 'rotated' | 'login' | 'logout' | 'destroyed' | 'revoked' | 'expired' | 'rejected';

/** Something that happened to a session, in this process. Carries no secret and no data. */
export interface SessionEvent {
  readonly type: SessionEventType;
  readonly sessionId: SessionId;
  /** The user who was signed in, where that is known. */
  readonly userId: string | null;
}
