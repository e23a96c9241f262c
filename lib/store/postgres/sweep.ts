import type { SessionId } from '../../session/token.js';
import { concernsOne, halvesOf } from '../batching/splitting.js';
import type { Database } from './driver/database.js';
import { isOfLock } from './driver/refusals.js';
import type { maintenanceStatements } from './sql/maintenance.js';

const OPERATION = 'sweep sessions';
/** How many pages one statement looks through, of all partitions together: half a megabyte, so that none is felt. */
const PAGES = 64;

/** Of millions of rows, all may be refused: one error is kept. */
interface Refusals {
  first: Error | null;
}

type Row = { readonly id: SessionId };
type Sql = Pick<ReturnType<typeof maintenanceStatements>, 'pages' | 'sweep' | 'expiredIn' | 'sweepOne'>;

/**
 * Removes what has expired, one range of pages at a time. A row that the database refuses to delete is left, and the error is
 * thrown once all others are removed. One that waits for a lock on a row of another table is left to the next sweep.
 *
 * @param lockTimeout how long to wait for such a lock, in milliseconds
 */
export async function* sweep(db: Database, sql: Sql, lockTimeout: number): AsyncGenerator<readonly SessionId[]> {
  const refusals: Refusals = { first: null };
  const [counted] = await db.query<{ count: number; tables: number }>(OPERATION, sql.pages, []);
  const { count = 0, tables = 1 } = counted ?? {};
  const length = Math.max(1, Math.floor(PAGES / tables));
  for (let page = 0; page < count; page += length) {
    const pages = Array.from({ length }, (_, index) => page + index);
    yield* sweepPages(db, sql, pages, lockTimeout, refusals);
  }
  if (refusals.first !== null) throw refusals.first;
}

/** @param refusals gets the error of a row that cannot be deleted */
async function* sweepPages(
  db: Database,
  sql: Sql,
  pages: readonly number[],
  lockTimeout: number,
  refusals: Refusals,
): AsyncGenerator<readonly SessionId[]> {
  const range = [`(${pages[0]},0)`, `(${Number(pages.at(-1)) + 1},0)`];
  try {
    yield idsOf(await db.query<Row>(OPERATION, sql.sweep, [...range, lockTimeout]));
  } catch (error) {
    if (!concernsOne(error) && !isOfLock(error)) throw error;
    if (pages.length > 1) {
      for (const half of halvesOf(pages)) yield* sweepPages(db, sql, half, lockTimeout, refusals);
      return;
    }
    for (const { id } of await db.query<Row>(OPERATION, sql.expiredIn, range)) {
      const removed = db.query<Row>(OPERATION, sql.sweepOne, [id, lockTimeout]);
      yield idsOf(
        await removed.catch((refusal: unknown) => {
          if (isOfLock(refusal)) return [];
          if (!concernsOne(refusal)) throw refusal;
          refusals.first ??= refusal as Error;
          return [];
        }),
      );
    }
  }
}

function idsOf(rows: readonly Row[]): SessionId[] {
  return rows.map(({ id }) => id);
}
