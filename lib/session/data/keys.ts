import { SessionArgumentError, SessionDataError } from '../../session.errors.js';
import { RESERVED } from './flash.js';
import { kindOf } from './json.js';
import { inQuotes } from '../../shown.js';

/** @throws {SessionArgumentError} for a path, or what is none */
export function assertTopLevel(method: string, key: string): void {
  if (typeof key !== 'string' || key === '' || key.includes('.')) {
    throw new SessionArgumentError(
      `${method}() works on a top-level key, not ${typeof key === 'string' && key !== '' ? 'a path' : kindOf(key)}.`,
    );
  }
  assertNotReserved(key);
}

/** @throws {SessionDataError} for a key, or a path, that is the library's own */
export function assertNotReserved(path: string): void {
  if (typeof path === 'string' && path.startsWith(RESERVED)) {
    throw new SessionDataError(
      path,
      `Session data cannot have a key ${inQuotes(path)}; keys that begin with "$" are reserved.`,
    );
  }
}
