import type { StoredSession } from '../../session/stored-session.js';

/** A session but for what its look-up says anyway. */
export type PackedPart = Omit<StoredSession, 'id' | 'lastAccessAt' | 'expiresAt' | 'readAt'>;

/** In bytes: seven numbers, and seven lengths. */
const NUMBERS = 7 * 8;
const HEAD = NUMBERS + 7 * 4;
/** The length of what is `null`. */
const NONE = 0xffff_ffff;

/** How many bytes a session takes in {@link pack}. */
export function packedLength(session: PackedPart): number {
  let length = HEAD;
  for (const one of partsOf(session)) if (one !== null) length += Buffer.byteLength(one);
  return length;
}

/** Writes a session down, for {@link unpack}; there must be room. Numbers that are `null` are written as NaN. @returns where it ends */
export function pack(session: PackedPart, to: Buffer, start: number): number {
  const { persistent } = session;
  let head = start;
  head = to.writeDoubleLE(session.generation, head);
  head = to.writeDoubleLE(session.ttl, head);
  head = to.writeDoubleLE(session.createdAt, head);
  head = to.writeDoubleLE(session.rotatedAt ?? Number.NaN, head);
  head = to.writeDoubleLE(session.authenticatedAt ?? Number.NaN, head);
  head = to.writeDoubleLE(session.endsAt ?? Number.NaN, head);
  head = to.writeDoubleLE(persistent === null ? Number.NaN : Number(persistent), head);
  let at = start + HEAD;
  for (const one of partsOf(session)) {
    const written = one === null ? NONE : typeof one === 'string' ? to.write(one, at) : one.copy(to, at);
    head = to.writeUInt32LE(written, head);
    if (one !== null) at += written;
  }
  return at;
}

/**
 * Reads what {@link pack} wrote, into values of their own: parts of a longer text would keep all of it, as long as one of them is kept.
 */
export function unpack(from: Buffer, start: number): PackedPart {
  const numberAt = (index: number): number => from.readDoubleLE(start + 8 * index);
  let head = start + NUMBERS;
  let at = start + HEAD;
  /** Where the next one ends; `null` where there is none. */
  const next = (): number | null => {
    const length = from.readUInt32LE(head);
    head += 4;
    return length === NONE ? null : at + length;
  };
  const bytes = (): Buffer | null => {
    const end = next();
    return end === null ? null : Buffer.from(from.subarray(at, (at = end)));
  };
  const text = (): string | null => {
    const end = next();
    return end === null ? null : from.toString('utf8', at, (at = end));
  };
  return {
    secretHash: bytes() as Buffer,
    previousSecretHash: bytes(),
    userId: text(),
    auth: text(),
    ip: text(),
    userAgent: text(),
    data: text() as string,
    generation: numberAt(0),
    ttl: numberAt(1),
    createdAt: numberAt(2),
    rotatedAt: orNull(numberAt(3)),
    authenticatedAt: orNull(numberAt(4)),
    endsAt: orNull(numberAt(5)),
    persistent: Number.isNaN(numberAt(6)) ? null : numberAt(6) === 1,
  };
}

/** In the order in which {@link unpack} reads them. */
function partsOf(session: PackedPart): readonly (string | Buffer | null)[] {
  const { secretHash, previousSecretHash, userId, auth, ip, userAgent, data } = session;
  return [secretHash, previousSecretHash, userId, auth, ip, userAgent, data];
}

function orNull(number: number): number | null {
  return Number.isNaN(number) ? null : number;
}
