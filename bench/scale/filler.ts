import { createHash, randomBytes } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import type pg from 'pg';
import { sampleData } from '../sample-data.js';

/** Rows that one statement inserts. */
const BATCH = 100_000;
/** On disk, at least, with what PostgreSQL writes besides: the WAL, which it recycles beyond `max_wal_size`. */
const BYTES_PER_ROW = 2_900;
const BYTES_OF_WAL = 20 * 2 ** 30;

/** Fills the table of sessions behind the module's back: over HTTP, ten million would take hours. */
export class Filler {
  readonly #database: pg.Client;
  /** All of them have the same: what is measured does not depend on it. */
  readonly #secret = randomBytes(32).toString('base64url');

  constructor(database: pg.Client) {
    this.#database = database;
  }

  /** Makes sessions of the numbers from `first` on. */
  async fill(first: number, count: number, isExpired: boolean, signal: AbortSignal): Promise<void> {
    const hash = createHash('sha256').update(this.#secret).digest();
    const data = JSON.stringify(sampleData());
    for (let from = first; from < first + count; from += BATCH) {
      signal.throwIfAborted();
      await this.#database.query(
        `insert into sessions (id, secret_hash, generation, data, ttl, created_at, updated_at, last_access_at, expires_at, ends_at)
         select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, $1::bytea, 0, $2::jsonb, 21600000,
                now, now, now, now + lifetime, now + interval '12 hours'
         from generate_series($3::bigint, $4::bigint) as n,
              (select now() as now, case when $5 then interval '-1 hour' else interval '6 hours' end as lifetime) as time`,
        [hash, data, from, Math.min(from + BATCH, first + count) - 1, isExpired],
      );
    }
    await this.#database.query('vacuum analyze sessions');
  }

  async empty(): Promise<void> {
    await this.#database.query('truncate sessions');
  }

  async tableBytes(): Promise<number> {
    const { rows } = await this.#database.query<{ bytes: string }>(
      `select pg_total_relation_size('sessions') as bytes`,
    );
    return Number(rows[0]?.bytes);
  }

  /** The `Cookie` header of a session by its number. */
  cookie(number: number): string {
    return `session_id=00000000-0000-7000-8000-${number.toString(16).padStart(12, '0')}.${this.#secret}`;
  }

  /** Those of so many sessions, anywhere in the table. */
  randomCookies(rows: number, count: number): string[] {
    return Array.from({ length: count }, () => this.cookie(Math.floor(Math.random() * rows)));
  }
}

/** @throws {Error} if there is not enough room for that many sessions in the folder. */
export async function assertSpace(folder: string, rows: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = rows * BYTES_PER_ROW + BYTES_OF_WAL;
  if (bavail * bsize >= needed) return;
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw new Error(`${rows} sessions need ${gib(needed)} of disk space, but ${folder} has ${gib(bavail * bsize)}.`);
}
