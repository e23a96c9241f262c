import type pg from 'pg';
import { type RedisClusterType, createCluster } from 'redis';
import type { Document, Row } from './history.js';
import { decrypted } from './decrypt.js';

/** What is stored, read past all that the library does. */
export interface Rows {
  /** Those of some ids that are there. */
  of(ids: readonly string[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** @param key what the values were sealed with, if they were */
export function rowsInPostgres(pool: pg.Pool, key: string | null): Rows {
  return {
    of: async (ids) => {
      const { rows } = await pool.query<Row>(
        `select id::text, user_id as "user", generation, encode(secret_hash, 'hex') as hash, data
         from sessions where id = any($1::uuid[])`,
        [ids],
      );
      return rows.map((row) => opened(row, key));
    },
    close: () => pool.end(),
  };
}

/** The same in a Redis Cluster. */
export async function rowsInRedis(urls: readonly string[], key: string | null): Promise<Rows> {
  const cluster = createCluster({ rootNodes: urls.map((url) => ({ url })) }) as RedisClusterType;
  for (const event of ['error', 'node-error']) cluster.on(event, () => {});
  await cluster.connect();
  const rowOf = async (id: string): Promise<Row[]> => {
    const hash = (await cluster.hGetAll(`session:s:${id}`)) as Record<string, string>;
    if (hash['s'] === undefined) return [];
    const data = Object.entries(hash).filter(([field]) => field.startsWith('"'));
    const row = {
      id,
      user: hash['u'] ?? null,
      generation: null,
      hash: Buffer.from(hash['s'], 'base64url').toString('hex'),
      data: Object.fromEntries(data.map(([field, text]) => [JSON.parse(field) as string, JSON.parse(text) as unknown])),
    };
    return [opened(row, key)];
  };
  return {
    of: async (ids) => (await Promise.all(ids.map(rowOf))).flat(),
    close: async () => cluster.destroy(),
  };
}

function opened(row: Row, key: string | null): Row {
  return key === null ? row : { ...row, data: plain(row, key) };
}

function plain({ id, data }: Row, key: string): Document {
  const entries = Object.entries(data);
  return Object.fromEntries(
    entries.map(([name, sealed]) => [name, JSON.parse(decrypted(sealed, key, `data\0${id}\0${name}`)) as unknown]),
  );
}
