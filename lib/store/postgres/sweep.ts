import type { SessionId } from '../../session/token.js';
import { PieceSize } from '../batching/piece-size.js';
import { concernsOne } from '../batching/splitting.js';
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
 * Removes what has expired, one range of pages at a time: a shorter one where a statement does not get through in its time. A row that the
 * database refuses to delete is left, and the error is thrown once all others are removed. One that waits for a lock on a row of
 * another table is left to the next sweep.
 *
 * @param lockTimeout how long to wait for such a lock, in milliseconds
 */
export async function* sweep(db: Database, sql: Sql, lockTimeout: number): AsyncGenerator<readonly SessionId[]> {
  const refusals: Refusals = { first: null };
  const [counted] = await db.query<{ count: number; tables: number }>(OPERATION, sql.pages, []);
  const { count = 0, tables = 1 } = counted ?? {};
  const piece = new PieceSize(Math.max(1, Math.floor(PAGES / tables)), db.deadline() - db.time());
  for (let page = 0; page < count;) {
    const next = page + piece.size;
    const range = [`(${page},0)`, `(${next},0)`];
    const begun = db.time();
    try {
      const rows = await db.certainly(() => db.query<Row>(OPERATION, sql.sweep, [...range, lockTimeout]));
      piece.succeeded(db.time() - begun);
      page = next;
      yield idsOf(rows);
    } catch (error) {
      if (!concernsOne(error) && !isOfLock(error) && !db.wasCancelled(error)) throw error;
      // Who sweeps may have to say that it still does.
      yield [];
      if (piece.shrink()) continue;
      yield* sweepEach(db, sql, range, lockTimeout, refusals);
      page = next;
    }
  }
  if (refusals.first !== null) throw refusals.first;
}

/** @param refusals gets the error of a row that cannot be deleted */
async function* sweepEach(
  db: Database,
  sql: Sql,
  range: readonly string[],
  lockTimeout: number,
  refusals: Refusals,
): AsyncGenerator<readonly SessionId[]> {
  for (const { id } of await db.query<Row>(OPERATION, sql.expiredIn, [...range])) {
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

function idsOf(rows: readonly Row[]): SessionId[] {
  return rows.map(({ id }) => id);
}
