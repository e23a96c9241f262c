import type { SessionId } from '../../../session/token.js';
import type { StoredSession } from '../../../session/stored-session.js';
import type { PackedPart } from '../packed-session.js';

/** What every access may change. */
type Access = readonly [id: SessionId, lastAccessAt: string | null, expiresAt: string, readAt: string];

/** Everything else. */
type Rest = readonly [
  version: string,
  secretHash: string | null,
  previousSecretHash: string | null,
  generation: string | null,
  userId: string | null,
  auth: string | null,
  data: string | null,
  ttl: string | null,
  ip: string | null,
  userAgent: string | null,
  persistent: 't' | 'f' | null,
  rotatedAt: string | null,
  authenticatedAt: string | null,
  createdAt: string | null,
  endsAt: string | null,
  server: string,
];

/**
 * A row of the statement `findRaw`, each column as PostgreSQL writes it: numbers in decimal, bytes and times in hexadecimal.
 * Of a session that is known, only what every access may change.
 */
export type RawSession = readonly [...Access, ...Rest] | readonly [...Access, version: null, ...rest: null[]];

/** What there is where no session was found: the clock, which a read-only server has none of. */
export type RawClock = readonly [id: null, lastAccessAt: null, expiresAt: null, readAt: string | null, ...rest: null[]];

/** The clock alone, as {@link sessionOf} gives it with a session. */
export function clockOf(row: RawClock): { readonly id: null; readonly readAt: number | null } {
  return { id: null, readAt: row[3] === null ? null : timeOf(row[3]) };
}

/** Its session. A column that may not be null is none that sessions have where it is, and no error. @param known says the rest of one that is known */
export function sessionOf(row: RawSession, known: PackedPart | undefined): StoredSession {
  const id = row[0];
  const lastAccessAt = timeOf(row[1]);
  const expiresAt = timeOf(row[2]);
  const readAt = timeOf(row[3]);
  if (row[4] === null) return { id, ...(known as PackedPart), lastAccessAt, expiresAt, readAt };
  return {
    id,
    secretHash: bytesOf(row[5] ?? ''),
    previousSecretHash: row[6] === null ? null : bytesOf(row[6]),
    rotatedAt: row[15] === null ? null : timeOf(row[15]),
    generation: numberOf(row[7]),
    userId: row[8],
    auth: row[9],
    authenticatedAt: row[16] === null ? null : timeOf(row[16]),
    data: row[10] ?? 'null',
    ttl: numberOf(row[11]),
    createdAt: timeOf(row[17]),
    lastAccessAt,
    expiresAt,
    endsAt: row[18] === null ? null : timeOf(row[18]),
    ip: row[12],
    userAgent: row[13],
    persistent: row[14] === null ? null : row[14] === 't',
    readAt,
  };
}

/** Microseconds from the beginning of the year 1970 to that of 2000, where PostgreSQL counts from. */
const EPOCH = 946_684_800_000_000;

/** To the last bit what PostgreSQL makes of it for other statements: seconds first, then milliseconds. */
function timeOf(bytea: string | null): number {
  if (bytea === null) return Number.NaN;
  const hex = hexOf(bytea);
  // Negative before 2000, as two's complement says it.
  const microseconds = hex < '8' ? parseInt(hex, 16) : Number(BigInt.asIntN(64, BigInt(`0x${hex}`)));
  return ((microseconds + EPOCH) / 1_000_000) * 1000;
}

function numberOf(text: string | null): number {
  return text === null ? Number.NaN : Number(text);
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
