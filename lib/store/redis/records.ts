import { parseObject } from '../../session/data/json.js';
import type { ListedSession, SessionSecrets, StoredSession } from '../../session/stored-session.js';
import type { SessionId } from '../../session/token.js';
import type { NewSession } from '../../session-store.js';

/** A session, and which version of it was read. */
export interface Versioned {
  readonly stored: StoredSession;
  readonly version: string;
}

/** How a hash of 32 bytes is kept. */
export function hashText(hash: Buffer): string {
  return hash.toString('base64url');
}

/** The name of the field that holds a top-level key of the data. */
export function fieldOf(key: string): string {
  return JSON.stringify(key);
}

/** The key of a field of the data. */
export function keyOf(field: string): string {
  return JSON.parse(field) as string;
}

/** The data as fields and values, and how many bytes they count. */
export function dataFields(data: string): { readonly fields: string[]; readonly bytes: number } {
  const fields: string[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(parseObject(data) ?? {})) {
    const [field, text] = [fieldOf(key), JSON.stringify(value)];
    fields.push(field, text);
    bytes += Buffer.byteLength(field) + Buffer.byteLength(text) + 2;
  }
  return { fields, bytes };
}

/** What a new session has, but for its times: fields and values. */
export function newSessionFields(
  { secretHash, userId, auth, persistent = null, ip, userAgent }: NewSession,
  generation: number,
  data: ReturnType<typeof dataFields>,
): string[] {
  const meta: Record<string, string | null> = {
    s: hashText(secretHash),
    g: String(generation),
    v: '0',
    b: String(data.bytes),
    u: userId,
    a: auth,
    k: persistent === null ? null : String(Number(persistent)),
    i: ip,
    w: userAgent,
  };
  const present = Object.entries(meta).filter((entry): entry is [string, string] => entry[1] !== null);
  return [...present.flat(), ...data.fields];
}

/** How many bytes the JSON text of data has, by what its fields count. */
export function sizeOf(bytes: number): number {
  return Math.max(2, bytes + 1);
}

/** A session, given all its fields and their values. */
export function sessionOf(id: SessionId, hash: readonly string[], readAt: number): Versioned {
  const { meta, data } = partsOf(hash);
  const stored = { ...listedIn(meta, id, readAt), auth: meta['a'] ?? null, data: `{${data.join(',')}}` };
  return { stored, version: meta['v'] ?? '' };
}

/** The fields that {@link listedOf} takes. */
export const LISTED_FIELDS: readonly string[] = ['s', 'p', 'r', 'n', 'g', 'u', 't', 'c', 'l', 'e', 'x', 'k', 'i', 'w'];

/** The same without what is kept in it. */
export function listedOf(id: SessionId, hash: readonly string[], readAt: number): ListedSession {
  return listedIn(partsOf(hash).meta, id, readAt);
}

/** The fields that {@link secretsOf} takes. */
export const SECRET_FIELDS: readonly string[] = ['s', 'p', 'r', 'n'];

/** What tells whether a credential opens a session, given those fields and their values. */
export function secretsOf(id: SessionId, hash: readonly string[], readAt: number): SessionSecrets {
  return secretsIn(partsOf(hash).meta, id, readAt);
}

type Meta = Record<string, string | undefined>;

function partsOf(hash: readonly string[]): { readonly meta: Meta; readonly data: readonly string[] } {
  // Most sessions lack some fields, which no prototype must fill in.
  const meta = Object.create(null) as Meta;
  const data: string[] = [];
  for (let index = 0; index < hash.length; index += 2) {
    const [field, value] = [hash[index] as string, hash[index + 1] as string];
    if (field.startsWith('"')) data.push(`${field}:${value}`);
    else meta[field] = value;
  }
  return { meta, data };
}

function listedIn(meta: Meta, id: SessionId, readAt: number): ListedSession {
  return {
    ...secretsIn(meta, id, readAt),
    generation: Number(meta['g']),
    userId: meta['u'] ?? null,
    ttl: Number(meta['t']),
    createdAt: Number(meta['c']),
    lastAccessAt: Number(meta['l']),
    expiresAt: Number(meta['e']),
    endsAt: timeOf(meta['x']),
    persistent: meta['k'] === undefined ? null : meta['k'] === '1',
    ip: meta['i'] ?? null,
    userAgent: meta['w'] ?? null,
  };
}

function secretsIn(meta: Meta, id: SessionId, readAt: number): SessionSecrets {
  return {
    id,
    secretHash: hashOf(meta['s'] ?? ''),
    previousSecretHash: meta['p'] === undefined ? null : hashOf(meta['p']),
    rotatedAt: timeOf(meta['r']),
    authenticatedAt: timeOf(meta['n']),
    readAt,
  };
}

function timeOf(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}

function hashOf(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}
