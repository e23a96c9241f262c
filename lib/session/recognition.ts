import { timingSafeEqual } from 'node:crypto';
import type { SessionSecrets } from './stored-session.js';
import type { Credential } from './token.js';

/**
 * How a credential relates to the session it names.
 *
 * - `current`: it is the session's own.
 * - `previous`: the session was rotated by `regenerate()` a moment ago; the request was under way and still belongs.
 * - `replaced`: a `login()` replaced it a moment ago; the request does not belong to the session any more, and its response
 *   must leave the newer cookie alone.
 * - `unknown`: it proves nothing; the client is an ordinary new visitor.
 */
export type Recognition = 'current' | 'previous' | 'replaced' | 'unknown';

/** Whether a credential that opens nothing is the one before the current one, whose grace period is over. */
export function isSuperseded(credential: Credential, { previousSecretHash }: SessionSecrets): boolean {
  return previousSecretHash !== null && isHashOf(credential, previousSecretHash);
}

/** Whether a credential opens the session that it names. */
export function isLive(recognition: Recognition): boolean {
  return recognition === 'current' || recognition === 'previous';
}

/** Compares a credential with the session it names, in constant time. */
export function recognise(credential: Credential, stored: SessionSecrets, rotationGrace: number): Recognition {
  if (isHashOf(credential, stored.secretHash)) return 'current';
  if (
    stored.previousSecretHash === null ||
    stored.rotatedAt === null ||
    stored.readAt - stored.rotatedAt >= rotationGrace ||
    !isHashOf(credential, stored.previousSecretHash)
  ) {
    return 'unknown';
  }
  return stored.rotatedAt === stored.authenticatedAt ? 'replaced' : 'previous';
}

/** In constant time. A row that another hand has changed may hold something of another length. */
function isHashOf({ secretHash }: Credential, stored: Buffer): boolean {
  return stored.length === secretHash.length && timingSafeEqual(secretHash, stored);
}

const BEST_FIRST: readonly Recognition[] = ['current', 'previous', 'replaced', 'unknown'];

/** Of several credentials that name a session, the one that proves most. There is at least one. */
export function recogniseBest(
  credentials: readonly Credential[],
  stored: SessionSecrets,
  rotationGrace: number,
): { readonly credential: Credential; readonly recognition: Recognition } {
  const recognised = credentials.map((credential) => ({
    credential,
    recognition: recognise(credential, stored, rotationGrace),
  }));
  const rank = ({ recognition }: { recognition: Recognition }): number => BEST_FIRST.indexOf(recognition);
  return recognised.reduce((best, one) => (rank(one) < rank(best) ? one : best));
}
