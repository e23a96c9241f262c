import { SessionArgumentError, SessionDataError } from '../session.errors.js';
import type { AuthSnapshot } from './avatar.js';
import { encodeJson, isPlainObject, kindOf } from './data/json.js';

/** A user to be signed in. */
export interface SigningIn {
  readonly userId: string;
  /** The snapshot as JSON text; `null` for none. */
  readonly auth: string | null;
  /** Whether the cookie outlives the browser; `null` for what the module's options say. */
  readonly persistent: boolean | null;
}

/** Far beyond any id, and within what an index entry of PostgreSQL holds (2,704 bytes) in any script. */
const LONGEST_USER_ID = 512;

/**
 * A user's id as a method takes it.
 *
 * @throws {SessionArgumentError} unless it is a string of 1 to 512 characters that a database can store.
 */
export function userIdOf(method: string, userId: unknown): string {
  if (isUserId(userId)) return userId;
  const isText = typeof userId === 'string';
  let found = kindOf(userId);
  if (typeof userId === 'number' || typeof userId === 'bigint') found += ': use String(id)';
  else if (userId === '') found = 'an empty string';
  else if (isText && userId.length > LONGEST_USER_ID) found = `one of ${userId.length}`;
  else if (isText) found = 'one with half of a character, or U+0000, in it';
  throw new SessionArgumentError(
    `${method}() takes the user's id as a string of 1 to ${LONGEST_USER_ID} characters, but got ${found}.`,
  );
}

/** Whether it is a text that users' ids can be. */
export function isUserId(userId: unknown): userId is string {
  return typeof userId === 'string' && userId !== '' && userId.length <= LONGEST_USER_ID && isStorable(userId);
}

/** A proxy that throws is none. */
function isPlain(value: unknown): boolean {
  try {
    return isPlainObject(value);
  } catch {
    return false;
  }
}

/** PostgreSQL's text holds no U+0000, and UTF-8 no lone surrogate. */
function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** What the arguments of a login say. @throws {SessionArgumentError | SessionDataError} for others than its types allow. */
export function signingIn(userId: string, auth: AuthSnapshot | undefined, persistent: boolean | undefined): SigningIn {
  userIdOf('login', userId);
  if (auth !== undefined && !isPlain(auth)) {
    throw new SessionDataError('auth', `login() takes a plain object as snapshot of the user, not ${kindOf(auth)}.`);
  }
  if (persistent !== undefined && typeof persistent !== 'boolean') {
    throw new SessionArgumentError(`login() takes true or false as "persistent", but got ${kindOf(persistent)}.`);
  }
  return { userId, auth: auth === undefined ? null : encodeJson(auth, 'auth'), persistent: persistent ?? null };
}
