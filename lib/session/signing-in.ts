import { SessionArgumentError, SessionDataError } from '../session.errors.js';
import type { AuthSnapshot } from './avatar.js';
import { encodeJson, isPlainObject, kindOf } from './data/json.js';

/** A user to be signed in. */
export interface SigningIn {
  readonly userId: string;
  /** The snapshot as JSON text; `null` for none. */
  readonly auth: string | null;
}

/** What the arguments of a login say. @throws {SessionArgumentError | SessionDataError} for others than its types allow. */
export function signingIn(userId: string, auth: AuthSnapshot | undefined): SigningIn {
  if (typeof userId !== 'string' || userId === '') {
    const found = userId === '' ? 'an empty one' : kindOf(userId);
    throw new SessionArgumentError(`login() needs the user's id as a non-empty string, but got ${found}.`);
  }
  encodeJson(userId, 'userId');
  if (auth !== undefined && !isPlainObject(auth)) {
    throw new SessionDataError('auth', `login() takes a plain object as snapshot of the user, not ${kindOf(auth)}.`);
  }
  return { userId, auth: auth === undefined ? null : encodeJson(auth, 'auth') };
}
