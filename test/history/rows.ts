import { type EncryptionKey, KeyRing } from 'nestjs-mikro-session';
import type pg from 'pg';
import type { Document, Row } from './history.js';

/** Reads rows of the table, past all that the library does, but for the decryption where there are keys. */
export function readerOf(
  pool: pg.Pool,
  keys: readonly EncryptionKey[] | null,
): (ids: readonly string[]) => Promise<Row[]> {
  const ring = keys && new KeyRing(keys);
  return async (ids) => {
    const { rows } = await pool.query<Row>(
      `select id::text, user_id as "user", generation, encode(secret_hash, 'hex') as hash, data
       from sessions where id = any($1::uuid[])`,
      [ids],
    );
    return ring === null ? rows : rows.map((row) => ({ ...row, data: opened(row, ring) }));
  };
}

/** @throws {Error} when something is not sealed, or was sealed for another place. */
function opened({ id, data }: Row, ring: KeyRing): Document {
  const open = ([key, sealed]: [string, unknown]): [string, unknown] => {
    const text = typeof sealed === 'string' ? ring.open(sealed, `data\0${id}\0${key}`) : null;
    if (text === null)
      throw new Error(`${key} of session ${id} is not sealed as it should be: ${JSON.stringify(sealed)}`);
    return [key, JSON.parse(text)];
  };
  return Object.fromEntries(Object.entries(data).map(open));
}
