import type { SessionId } from '../../session/credential.js';
import type { StoredSession } from '../../session/stored-session.js';

/** A row of the statement `findRaw`, each column as PostgreSQL writes it: numbers in decimal, bytes and times in hexadecimal. */
export type RawSession = readonly [
  id: SessionId,
  secretHash: string,
  previousSecretHash: string | null,
  rotatedAt: string | null,
  generation: string,
  userId: string | null,
  auth: string | null,
  authenticatedAt: string | null,
  data: string,
  ttl: string,
  createdAt: string,
  lastAccessAt: string,
  expiresAt: string,
  endsAt: string | null,
  ip: string | null,
  userAgent: string | null,
  readAt: string,
];

/** Its session. */
export function sessionOf(row: RawSession): StoredSession {
  return {
    id: row[0],
    secretHash: bytesOf(row[1]),
    previousSecretHash: row[2] === null ? null : bytesOf(row[2]),
    rotatedAt: row[3] === null ? null : timeOf(row[3]),
    generation: Number(row[4]),
    userId: row[5],
    auth: row[6],
    authenticatedAt: row[7] === null ? null : timeOf(row[7]),
    data: row[8],
    ttl: Number(row[9]),
    createdAt: timeOf(row[10]),
    lastAccessAt: timeOf(row[11]),
    expiresAt: timeOf(row[12]),
    endsAt: row[13] === null ? null : timeOf(row[13]),
    ip: row[14],
    userAgent: row[15],
    readAt: timeOf(row[16]),
  };
}

/** Microseconds from the beginning of the year 1970 to that of 2000, where PostgreSQL counts from. */
const EPOCH = 946_684_800_000_000;

/** To the last bit what PostgreSQL makes of it for other statements: seconds first, then milliseconds. */
function timeOf(bytea: string): number {
  return ((parseInt(hexOf(bytea), 16) + EPOCH) / 1_000_000) * 1000;
}

function bytesOf(bytea: string): Buffer {
  return Buffer.from(hexOf(bytea), 'hex');
}

/** As it is, or else as a server writes it that has been set to (https://www.postgresql.org/docs/current/datatype-binary.html). */
function hexOf(bytea: string): string {
  if (bytea.startsWith('\\x')) return bytea.slice(2);
  const bytes = bytea.replace(/\\(\d{3}|\\)/g, (_, byte: string) =>
    byte === '\\' ? byte : String.fromCharCode(parseInt(byte, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString('hex');
}
