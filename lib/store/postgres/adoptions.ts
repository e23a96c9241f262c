import type { OldSession } from '../../adoption/old-session.js';
import { parseObject } from '../../session/data/json.js';
import type { StoredSession } from '../../session/stored-session.js';
import { SessionStoreUnavailableError } from '../../session.errors.js';
import type { NewSession, OldRow, OldSessions } from '../../session-store.js';
import { refuseLargeAuth, tooLargeData } from '../limits.js';
import type { Database } from './driver/database.js';
import type { adoptionStatements } from './sql/adoption.js';
import { untilUnlocked } from './until-unlocked.js';

type Sql = ReturnType<typeof adoptionStatements>;
/** `held`: another transaction has locked the old row. */
type Created = { readonly fits: boolean; readonly held: boolean } & (StoredSession | { readonly id: null });
type Row = Omit<OldRow, 'session' | 'sid'> & { readonly sid: string | null; readonly session: string };

const OPERATION = 'take over a session of express-session';

/** The statements that take over sessions of express-session. */
export class Adoptions {
  /** Those in a table beside ours; `null` without one. */
  readonly oldSessions: OldSessions | null;
  readonly #db: Database;
  readonly #sql: Sql;
  readonly #maxDataBytes: number;

  constructor(db: Database, sql: Sql, maxDataBytes: number) {
    this.#db = db;
    this.#sql = sql;
    this.#maxDataBytes = maxDataBytes;
    const { ofTable } = sql;
    this.oldSessions = ofTable && {
      find: async (sid) => rowsOf(await db.read<Row>(OPERATION, ofTable.find, [sid]))[0] ?? null,
      list: async (after, most) => {
        const rows = await db.read<Row>(OPERATION, ofTable.list, [after, most]);
        return { rows: rowsOf(rows), last: rows.at(-1)?.sid ?? null };
      },
      remove: async (sids) => {
        const rows = await db.query<{ sid: string }>('end sessions of express-session', ofTable.remove, [sids]);
        return rows.map(({ sid }) => sid);
      },
    };
  }

  async adopt(session: NewSession, sid: string | null): Promise<StoredSession | null> {
    refuseLargeAuth(session.auth, this.#maxDataBytes);
    const { id, secretHash, userId, auth, data, lifetime, ip, userAgent, persistent = null } = session;
    const deadline = this.#db.deadline();
    const row = await untilUnlocked(
      this.#db,
      OPERATION,
      async () => {
        const limits = [this.#db.onClock(deadline), this.#maxDataBytes];
        const { ttl, absolute } = lifetime;
        const values = [id, secretHash, ...limits, userId, auth, data, ttl, absolute, ip, userAgent, persistent];
        const { create, ofTable } = this.#sql;
        const [text, given] = sid === null || ofTable === null ? [create, values] : [ofTable.replace, [...values, sid]];
        const [answer] = await this.#db.query<Created>(OPERATION, text, given, deadline);
        return answer?.held === true ? 'locked' : answer;
      },
      deadline,
    );
    if (row?.fits === false) throw tooLargeData(this.#maxDataBytes);
    if (row !== undefined && row.id !== null) return row;
    if (this.#db.time() >= deadline) throw new SessionStoreUnavailableError(OPERATION);
    return null;
  }
}

/** What is no object is no session. */
function rowsOf(rows: readonly Row[]): OldRow[] {
  return rows.flatMap(({ sid, session: text, expiresAt, readAt }) => {
    const session: OldSession | null = sid === null ? null : parseObject(text);
    return sid === null || session === null ? [] : [{ sid, session, expiresAt, readAt }];
  });
}
