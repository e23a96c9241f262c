import type { SessionId } from '../../session/token.js';
import type { ListedSession, SessionSecrets, StoredSession } from '../../session/stored-session.js';
import type { Database } from './driver/database.js';
import { clockOf, type RawClock, type RawSession, sessionOf } from './driver/raw-session.js';
import type { PackedPart } from './packed-session.js';
import type { RowVersionCache } from './row-version-cache.js';
import { arrayOf } from './sql/arguments.js';
import type { lookupStatements } from './sql/lookup.js';

type Sql = ReturnType<typeof lookupStatements>;

/** What a statement that looks for sessions says: them, or the clock alone. */
type Found<Session = StoredSession> = Session | { readonly id: null; readonly readAt: number | null };

/** How many sessions of a user are listed: more are no list of devices. */
const MOST_LISTED = 1_000;

/** The statements that read sessions, and write nothing. */
export class Lookups {
  readonly #db: Database;
  readonly #sql: Sql;
  readonly #known: RowVersionCache;
  readonly #givesRawRows: boolean;

  /** @param known what look-ups need not transfer again; stays empty on connections that give no raw rows */
  constructor(db: Database, sql: Sql, known: RowVersionCache, givesRawRows: boolean) {
    this.#db = db;
    this.#sql = sql;
    this.#known = known;
    this.#givesRawRows = givesRawRows;
  }

  async readClock(): Promise<void> {
    await this.#db.read('read the clock', this.#sql.clock, []);
  }

  /** Looks up sessions in one statement, which leaves out what is known. */
  async findMany(ids: readonly SessionId[], deadline: number): Promise<StoredSession[]> {
    const operation = 'find a session';
    const wanted = arrayOf(ids, (id) => id);
    if (!this.#givesRawRows) {
      return foundIn(await this.#db.read<Found>(operation, this.#sql.find, [wanted], deadline));
    }
    const known = new Map<SessionId, PackedPart>();
    const versions = arrayOf(ids, (id) => {
      const one = this.#known.get(id);
      if (one !== undefined) known.set(id, one.read());
      return one?.version;
    });
    const read = (row: RawSession | RawClock): Found => {
      if (row[0] === null) return clockOf(row as RawClock);
      const session = sessionOf(row as RawSession, known.get(row[0]));
      if (row[4] !== null) this.#known.add(session, row[4], row[19]);
      return session;
    };
    const values = [wanted, versions, this.#known.server];
    return foundIn(await this.#db.read(operation, { text: this.#sql.findRaw, read }, values, deadline));
  }

  /** What opens sessions, in one statement, which reads none of their data. */
  async secretsOf(ids: readonly SessionId[], deadline: number): Promise<SessionSecrets[]> {
    const values = [arrayOf(ids, (id) => id)];
    return foundIn(await this.#db.read<Found<SessionSecrets>>('find a session', this.#sql.secrets, values, deadline));
  }

  /** Those that another transaction has locked, in one statement. */
  heldOf(ids: readonly SessionId[], deadline: number): Promise<{ readonly id: SessionId }[]> {
    return this.#db.read<{ id: SessionId }>('find a session', this.#sql.held, [arrayOf(ids, (id) => id)], deadline);
  }

  async findByUser(userId: string): Promise<ListedSession[]> {
    const values = [userId, MOST_LISTED];
    return foundIn(
      await this.#db.read<Found<ListedSession>>('list the sessions of a user', this.#sql.findByUser, values),
    );
  }

  async count(): Promise<number> {
    const [row] = await this.#db.read<{ count: number }>('count the sessions', this.#sql.count, []);
    return row?.count ?? 0;
  }
}

function foundIn<Session extends SessionSecrets>(rows: Found<Session>[]): Session[] {
  return rows[0]?.id === null ? [] : (rows as Session[]);
}
