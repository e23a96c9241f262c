import type pg from 'pg';
import type { Document, Row } from './history.js';
import { decrypted } from './decrypt.js';

/**
 * Reads rows of the table, past all that the library does.
 *
 * @param key what the values were sealed with, if they were
 */
export function readerOf(pool: pg.Pool, key: string | null): (ids: readonly string[]) => Promise<Row[]> {
  return async (ids) => {
    const { rows } = await pool.query<Row>(
      `select id::text, user_id as "user", generation, encode(secret_hash, 'hex') as hash, data
       from sessions where id = any($1::uuid[])`,
      [ids],
    );
    return key === null ? rows : rows.map((row) => ({ ...row, data: plain(row, key) }));
  };
}

function plain({ id, data }: Row, key: string): Document {
  const entries = Object.entries(data);
  return Object.fromEntries(
    entries.map(([name, sealed]) => [name, JSON.parse(decrypted(sealed, key, `data\0${id}\0${name}`)) as unknown]),
  );
}
