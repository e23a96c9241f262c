import type { SessionId } from '../../session/token.js';
import type { StoredSession } from '../../session/stored-session.js';
import { Repeated } from '../repeated.js';
import { pack, type PackedPart, packedLength, unpack } from './packed-session.js';

/**
 * How many segments there are at most, how many bytes each has, and how many sessions. What leads to a session, its id, its place
 * and the tables that they are in, takes 220 bytes more: 31 MB at most in all, and 32 with the ids that are remembered.
 */
const SEGMENTS = 8;
const SEGMENT = 3 * 1024 * 1024;
const MOST_ROWS = 4096;
/**
 * In milliseconds. For a server that has crashed unnoticed, behind a pooler, and with `synchronous_commit` off: it may have
 * lost transactions that were seen, and give their numbers to others.
 */
const LONGEST_KEPT = 60_000;

/** What sessions are packed into, one after the other. A buffer is no part of V8's heap, which would keep as much again for garbage. */
interface Segment {
  readonly bytes: Buffer;
  used: number;
  /** Those that were put there; some may have gone, or be elsewhere by now. */
  rows: KnownRow[];
}

/** A session as it was found, and the version of its row. */
export class KnownRow {
  readonly id: SessionId;
  /** When it was found, on the clock of this process. */
  readonly since: number;
  /** The transaction that wrote the row as it is: every change of a row makes another version of it, on one server. */
  version: string;
  segment!: Segment;
  start = 0;
  end = 0;

  constructor(id: SessionId, version: string, since: number) {
    this.id = id;
    this.version = version;
    this.since = since;
  }

  /** The session; to be asked for before anything else is added, which may take its place. */
  read(): PackedPart {
    return unpack(this.segment.bytes, this.start);
  }
}

/**
 * Sessions that were looked up lately, so that PostgreSQL need not send all of them again. They answer no look-up: each
 * names the version of the row that is cached, and gets only its times if the row is in that version, and all of it
 * otherwise. So every change is noticed, however it was made.
 */
export class RowVersionCache {
  readonly #rows = new Map<SessionId, KnownRow>();
  readonly #lookedUp = new Repeated();
  /** The oldest first. */
  #segments: Segment[] = [];
  #server: string | null = null;

  /** That of all versions, as it says itself which it is; `null` as long as none is known. */
  get server(): string | null {
    return this.#server;
  }

  get(id: SessionId): KnownRow | undefined {
    const row = this.#rows.get(id);
    if (row === undefined) return undefined;
    if (performance.now() - row.since > LONGEST_KEPT) {
      this.#drop(id);
      return undefined;
    }
    // What is in use is carried on before its segment is the next to be used again.
    if (this.#segments.length === SEGMENTS && this.#segments.indexOf(row.segment) < SEGMENTS / 2) this.#carryOn(row);
    return row;
  }

  /** Takes in what a look-up gave, unless it fills a segment. What is known of another server is forgotten. */
  add(session: StoredSession, version: string, server: string): void {
    const { id } = session;
    if (server !== this.#server) this.clear();
    this.#server = server;
    if (!this.#drop(id) && !this.#lookedUp.isAgain(id)) return;
    const length = packedLength(session);
    if (length > SEGMENT) return;
    const segment = this.#segmentFor(length);
    pack(session, segment.bytes, segment.used);
    this.#put(new KnownRow(id, version, performance.now()), segment, length);
  }

  /** The row has changed. A session that changes at every use is not worth caching either. */
  forget(id: SessionId): void {
    this.#drop(id);
    this.#lookedUp.forget(id);
  }

  clear(): void {
    this.#rows.clear();
    this.#segments = [];
  }

  /** Nothing of it is left in memory. @returns whether it was there */
  #drop(id: SessionId): boolean {
    const row = this.#rows.get(id);
    if (row === undefined) return false;
    this.#rows.delete(id);
    row.segment.bytes.fill(0, row.start, row.end);
    return true;
  }

  #carryOn(row: KnownRow): void {
    const { segment: from, start, end } = row;
    const packed = Buffer.from(from.bytes.subarray(start, end));
    from.bytes.fill(0, start, end);
    const to = this.#segmentFor(packed.length);
    to.bytes.set(packed, to.used);
    this.#put(row, to, packed.length);
  }

  #put(row: KnownRow, segment: Segment, length: number): void {
    row.segment = segment;
    row.start = segment.used;
    row.end = segment.used += length;
    segment.rows.push(row);
    this.#rows.set(row.id, row);
  }

  /** One with room: the newest, another one, or the oldest, whose sessions are forgotten. */
  #segmentFor(length: number): Segment {
    const newest = this.#segments.at(-1);
    if (newest !== undefined && newest.used + length <= SEGMENT && newest.rows.length < MOST_ROWS) return newest;
    const oldest = this.#segments.length < SEGMENTS ? undefined : this.#segments.shift();
    for (const row of oldest?.rows ?? []) {
      if (row.segment === oldest && this.#rows.get(row.id) === row) this.#rows.delete(row.id);
    }
    const next = { bytes: oldest?.bytes ?? Buffer.allocUnsafeSlow(SEGMENT), used: 0, rows: [] };
    this.#segments.push(next);
    return next;
  }
}
