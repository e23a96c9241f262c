import type { StoredSession } from '../session/stored-session.js';

/** What a session takes besides its texts, in bytes, the tables of a cache included; as measured. */
const OVERHEAD = 1000;

/** A character beyond Latin-1 makes its text take two bytes a character in V8. */
const WIDE = /[^\0-\xff]/;

/** How many bytes of memory a session takes that is kept, with all its texts. */
export function bytesOf({ data, auth, userId, ip, userAgent }: StoredSession): number {
  let bytes = OVERHEAD;
  for (const text of [data, auth, userId, ip, userAgent]) if (typeof text === 'string') bytes += bytesOfText(text);
  return bytes;
}

/** How many bytes of memory the characters of a text take. */
export function bytesOfText(text: string): number {
  return WIDE.test(text) ? 2 * text.length : text.length;
}

/**
 * A session as it can be kept: with values of its own, and buffers of its own. Small ones are parts of bigger ones, which would
 * be kept along with whatever else is in there; and what is opened when it is read would be kept sealed as well.
 */
export function lasting(session: StoredSession): StoredSession {
  const { secretHash, previousSecretHash } = session;
  return { ...session, secretHash: own(secretHash), previousSecretHash: previousSecretHash && own(previousSecretHash) };
}

function own(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
