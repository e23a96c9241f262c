import { hash, randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

/** The public id of a session: a UUIDv7 (of one that was adopted, a UUIDv8). It names a session in logs, lists and revoke links, and opens nothing. */
export type SessionId = string;

/** What a well-formed cookie proves knowledge of. Holds the secret's hash, so that nothing downstream sees the secret. */
export interface Credential {
  readonly id: SessionId;
  readonly secretHash: Buffer;
  /** The cookie's value as it came, which is as secret as the secret in it. */
  readonly cookieValue: string;
  /** The id of the session of express-session that the client came with instead, where this was derived from it. */
  readonly sid?: string;
}

/** 256 bits, twice what OWASP ASVS 5.0 (7.2.3) asks for. So random a secret needs no salt and no slow hash. */
const SECRET_BYTES = 32;

// A UUID in lower case, a dot, and 32 bytes in canonical base64url: the last character carries only four bits, so only
// 16 of the 64 can end it. One session has exactly one spelling of its cookie.
const CREDENTIAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.[\w-]{42}[AEIMQUYcgkosw048]$/;
/** How many characters a credential has, which are ASCII. */
export const CREDENTIAL_LENGTH = 36 + 1 + 43;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A fresh session id. */
export function createSessionId(): SessionId {
  return uuidv7();
}

/** Whether a string has the form of a session id, in either case. */
export function isSessionId(value: string): value is SessionId {
  return ID.test(value);
}

/** A fresh credential for a session. */
export function issueCredential(id: SessionId): Credential {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return { id, secretHash: hashOf(secret), cookieValue: `${id}.${secret}` };
}

/** The credential that is made of bytes, of which it takes the first 16 and 32. */
export function credentialOf(idBytes: Buffer, secretBytes: Buffer): Credential {
  const bytes = Buffer.from(idBytes.subarray(0, 16));
  // A UUIDv8, of no form but its version and variant (RFC 9562, 5.8).
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const id = bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  const secret = secretBytes.subarray(0, SECRET_BYTES).toString('base64url');
  return { id, secretHash: hashOf(secret), cookieValue: `${id}.${secret}` };
}

/** By way of its text: a buffer of Node's own has memory of its own, which takes as long again to make and to give back: decision 14. */
function hashOf(secret: string): Buffer {
  return Buffer.from(hash('sha256', secret, 'hex'), 'hex');
}

/** Reads a cookie's value. `null` when it does not have exactly the form of a credential, which is not an error. */
export function parseCredential(value: string): Credential | null {
  if (!CREDENTIAL.test(value)) return null;
  return { id: copyOf(value.slice(0, 36)), secretHash: hashOf(value.slice(37)), cookieValue: value };
}

/**
 * The same text in memory of its own. What V8 cuts out of a text keeps all of it, here the secret and the header around it, for
 * as long as an application, or a cache, has the id.
 */
function copyOf(text: string): string {
  return ` ${text}`.slice(1);
}
