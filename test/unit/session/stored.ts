import type { StoredSession } from '../../../lib/session/stored-session.js';
import { issueCredential } from '../../../lib/session/token.js';

const ID = '0199a1b2-c3d4-7e5f-8a6b-0123456789ab';

/** The credential of {@link storedSession}. */
export const CREDENTIAL = issueCredential(ID);

/** An anonymous session of a moment ago, but for what is given. */
export function storedSession(given: Partial<StoredSession> = {}): StoredSession {
  return {
    id: ID,
    secretHash: CREDENTIAL.secretHash,
    previousSecretHash: null,
    rotatedAt: null,
    generation: 0,
    userId: null,
    auth: null,
    authenticatedAt: null,
    data: '{}',
    ttl: 60_000,
    createdAt: 1_000_000,
    lastAccessAt: 1_000_000,
    expiresAt: 1_060_000,
    endsAt: null,
    ip: null,
    userAgent: null,
    persistent: null,
    readAt: 1_000_000,
    ...given,
  };
}
