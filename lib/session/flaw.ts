import { LONGEST_DURATION } from './lifetime.js';
import { isUserId } from './signing-in.js';
import type { ListedSession } from './stored-session.js';

/** A SHA-256. */
const HASH_BYTES = 32;
/** A login adds one, and a database's integer ends here. */
const HIGHEST_GENERATION = 2 ** 31 - 2;
/** The end of the year 9999, which a lifetime does not reach: in milliseconds. A `Date` ends later, a database's clock too. */
const LATEST = 253_402_300_799_999;

const isHash = (bytes: Uint8Array | null): boolean => bytes?.length === HASH_BYTES;
const isTime = (time: number | null): boolean => isNumber(time) && time >= 0 && time <= LATEST;
const isNumber = (value: number | null): value is number => Number.isFinite(value);

/**
 * Which column of a stored session has a value that no session of ours has, and with which no request could go on; `null`
 * for none. (What `data` and `auth` say is found out when they are read.)
 */
export function flawOf(stored: ListedSession): string | null {
  const { secretHash, previousSecretHash, rotatedAt, generation, userId, authenticatedAt, ttl, endsAt } = stored;
  if (!isHash(secretHash)) return 'secret_hash';
  if (previousSecretHash !== null && !isHash(previousSecretHash)) return 'previous_secret_hash';
  if (rotatedAt !== null && !isTime(rotatedAt)) return 'rotated_at';
  if (!isNumber(generation) || generation < 0 || generation > HIGHEST_GENERATION) return 'generation';
  if (userId !== null && !isUserId(userId)) return 'user_id';
  if (authenticatedAt !== null && !isTime(authenticatedAt)) return 'authenticated_at';
  if (!isNumber(ttl) || Math.abs(ttl) > LONGEST_DURATION) return 'ttl';
  if (!isTime(stored.createdAt)) return 'created_at';
  if (!isTime(stored.lastAccessAt)) return 'last_access_at';
  if (!isTime(stored.expiresAt)) return 'expires_at';
  return endsAt === null || isTime(endsAt) ? null : 'ends_at';
}
