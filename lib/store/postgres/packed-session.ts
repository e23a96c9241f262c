import type { StoredSession } from '../../session/stored-session.js';

/** A session but for what its look-up says anyway. */
export type PackedPart = Omit<StoredSession, 'id' | 'lastAccessAt' | 'expiresAt' | 'readAt'>;

/** In bytes: seven numbers, and the lengths of all but the data, which take the rest. */
const NUMBERS = 7 * 8;
const HEAD = NUMBERS + 6 * 4;
/** The length of what is `null`. */
const NONE = 0xffff_ffff;

/** How many bytes a session takes in {@link pack}. */
export function packedLength(session: PackedPart): number {
  const { secretHash, previousSecretHash } = session;
  return HEAD + secretHash.length + (previousSecretHash?.length ?? 0) + Buffer.byteLength(textsOf(session));
}

/** Writes a session down, for {@link unpack}; there must be room. Numbers that are `null` are written as NaN. @returns where it ends */
export function pack(session: PackedPart, to: Buffer, start: number): number {
  const { secretHash, previousSecretHash, persistent } = session;
  let at = start;
  at = to.writeDoubleLE(session.generation, at);
  at = to.writeDoubleLE(session.ttl, at);
  at = to.writeDoubleLE(session.createdAt, at);
  at = to.writeDoubleLE(session.rotatedAt ?? Number.NaN, at);
  at = to.writeDoubleLE(session.authenticatedAt ?? Number.NaN, at);
  at = to.writeDoubleLE(session.endsAt ?? Number.NaN, at);
  at = to.writeDoubleLE(persistent === null ? Number.NaN : Number(persistent), at);
  at = to.writeUInt32LE(secretHash.length, at);
  at = to.writeUInt32LE(previousSecretHash?.length ?? NONE, at);
  at = to.writeUInt32LE(session.userId?.length ?? NONE, at);
  at = to.writeUInt32LE(session.auth?.length ?? NONE, at);
  at = to.writeUInt32LE(session.ip?.length ?? NONE, at);
  at = to.writeUInt32LE(session.userAgent?.length ?? NONE, at);
  at += secretHash.copy(to, at);
  if (previousSecretHash !== null) at += previousSecretHash.copy(to, at);
  return at + to.write(textsOf(session), at);
}

/** Reads what {@link pack} wrote between two places, into values of its own. */
export function unpack(from: Buffer, start: number, end: number): PackedPart {
  const numberAt = (index: number): number => from.readDoubleLE(start + 8 * index);
  const lengthAt = (index: number): number => from.readUInt32LE(start + NUMBERS + 4 * index);
  let at = start + HEAD;
  const secretHash = Buffer.from(from.subarray(at, (at += lengthAt(0))));
  const hasPrevious = lengthAt(1) !== NONE;
  const previousSecretHash = hasPrevious ? Buffer.from(from.subarray(at, (at += lengthAt(1)))) : null;
  const texts = from.toString('utf8', at, end);
  let read = 0;
  const next = (length: number): string | null => (length === NONE ? null : texts.slice(read, (read += length)));
  return {
    secretHash,
    previousSecretHash,
    rotatedAt: orNull(numberAt(3)),
    generation: numberAt(0),
    userId: next(lengthAt(2)),
    auth: next(lengthAt(3)),
    authenticatedAt: orNull(numberAt(4)),
    ip: next(lengthAt(4)),
    userAgent: next(lengthAt(5)),
    data: texts.slice(read),
    ttl: numberAt(1),
    createdAt: numberAt(2),
    endsAt: orNull(numberAt(5)),
    persistent: Number.isNaN(numberAt(6)) ? null : numberAt(6) === 1,
  };
}

function textsOf({ userId, auth, ip, userAgent, data }: PackedPart): string {
  return `${userId ?? ''}${auth ?? ''}${ip ?? ''}${userAgent ?? ''}${data}`;
}

function orNull(number: number): number | null {
  return Number.isNaN(number) ? null : number;
}
