import type { OldSession } from '../../adoption/old-session.js';
import { parseObject } from '../../session/data/json.js';
import type { StoredSession } from '../../session/stored-session.js';
import type { NewSession, OldRow, OldSessions } from '../../session-store.js';
import { refuseLargeAuth, tooLargeData } from '../limits.js';
import type { Database } from './driver/database.js';
import type { adoptionStatements } from './sql/adoption.js';
import { untilUnlocked } from './until-unlocked.js';

type Sql = ReturnType<typeof adoptionStatements>;
/** `held`: another transaction has locked the old row. `inTime` is null where there is none. */
type Created = { readonly fits: boolean; readonly held: boolean; readonly inTime: boolean | null } & (
  StoredSession | { readonly id: null }
);
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
    const content = [userId, auth, data, lifetime.ttl, lifetime.absolute, ip, userAgent, persistent];
    const { create, ofTable } = this.#sql;
    const [text, old] = sid === null || ofTable === null ? [create, []] : [ofTable.replace, [sid]];
    const row = await untilUnlocked(
      this.#db,
      OPERATION,
      async () => {
        const values = [id, secretHash, this.#db.onClock(deadline), this.#maxDataBytes, ...content, ...old];
        const [answer] = await this.#db.query<Created>(OPERATION, text, values, deadline);
        // Sent late by a process that was kept from its work, there may be time left.
        return answer?.held === true || answer?.inTime === false ? 'locked' : answer;
      },
      deadline,
    );
    if (row?.fits === false) throw tooLargeData(this.#maxDataBytes);
    return row === undefined || row.id === null ? null : row;
  }
}

/** What is no object is no session. */
function rowsOf(rows: readonly Row[]): OldRow[] {
  return rows.flatMap(({ sid, session: text, expiresAt, readAt }) => {
    const session: OldSession | null = sid === null ? null : parseObject(text);
    return sid === null || session === null ? [] : [{ sid, session, expiresAt, readAt }];
  });
}
