import type { SessionTransport } from '../../http/session-transport.js';
import type { ActiveSession } from '../../session/active-session.js';
import type { Visitor } from '../../session/session-environment.js';
import type { Credential } from '../../session/token.js';

/** Where a request's session comes from. */
export interface SessionSource {
  /** What tells registrations of the module apart: an application mounted in another has sessions of its own. */
  readonly registration: object;
  readonly transport: SessionTransport;
  now(): number;
  /** The session that the credentials open, or a new one. At once, where there is nothing to look up. */
  open(credentials: readonly Credential[], visitor: Visitor): ActiveSession | Promise<ActiveSession>;
}
