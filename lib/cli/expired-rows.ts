import type { Database } from '../store/postgres/driver/database.js';

/**
 * How many rows there are of sessions that have expired, and so are absent.
 *
 * @param table its quoted name
 * @param since how long ago at least, in milliseconds
 */
export async function countExpired(database: Database, table: string, since = 0): Promise<number> {
  const text = `select count(*)::int as count from ${table} where expires_at <= clock_timestamp() - $1::int * interval '1 ms'`;
  const [row] = await database.query<{ count: number }>('count what has expired', text, [since]);
  return row?.count ?? 0;
}
