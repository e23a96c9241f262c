import type { OldSession } from '../../adoption/old-session.js';
import { parseObject } from '../../session/data/json.js';
import type { StoredSession } from '../../session/stored-session.js';
import { SessionStoreUnavailableError } from '../../session.errors.js';
import type { NewSession, OldRow, OldSessions } from '../../session-store.js';
import { watchDeadlines } from '../batching/deadlines.js';
import { LookupBatcher } from '../batching/lookup-batcher.js';
import { Slots } from '../batching/slots.js';
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

/** How many are looked up by one statement, of which one is under way: others have the connections, too. */
const LOOKUPS = { sessions: 32, underWay: 1 };
/** How many are taken over at a time where it is not known how many connections there are. */
const FEW = 4;

/** The statements that take over sessions of express-session. */
export class Adoptions {
  /** Those in a table beside ours; `null` without one. */
  readonly oldSessions: OldSessions | null;
  readonly #db: Database;
  readonly #sql: Sql;
  readonly #maxDataBytes: number;
  /** Each is a statement of its own: half of the connections stay for those who need none. */
  readonly #slots: Slots;

  /** @param connections how many there are at most; `null` where that is not known */
  constructor(db: Database, sql: Sql, maxDataBytes: number, connections: number | null) {
    this.#db = db;
    this.#sql = sql;
    this.#maxDataBytes = maxDataBytes;
    this.#slots = new Slots(connections === null ? FEW : Math.max(1, Math.floor(connections / 2)));
    const { ofTable } = sql;
    if (ofTable === null) {
      this.oldSessions = null;
      return;
    }
    const findMany = async (sids: readonly string[], deadline: number): Promise<(OldRow & { id: string })[]> =>
      rowsOf(await db.read<Row>(OPERATION, ofTable.find, [sids], deadline)).map((row) => ({ ...row, id: row.sid }));
    const finds = new LookupBatcher({ now: () => db.time(), findMany }, undefined, LOOKUPS);
    this.oldSessions = {
      find: (sid) => finds.find(sid, db.deadline()),
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
        const values = [id, secretHash, this.#db.latestStart(deadline), this.#maxDataBytes, ...content, ...old];
        const send = (): Promise<Created[]> => this.#db.query<Created>(OPERATION, text, values, deadline);
        const [answer] = await this.#inTurn(deadline, send);
        // Sent late by a process that was kept from its work, there may be time left.
        return answer?.held === true || answer?.inTime === false ? 'locked' : answer;
      },
      deadline,
    );
    if (row?.fits === false) throw tooLargeData(this.#maxDataBytes);
    return row === undefined || row.id === null ? null : row;
  }

  /** Sends a statement once its turn has come. @throws {SessionStoreUnavailableError} where that is too late */
  #inTurn<Result>(deadline: number, send: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const tooLate = (error: unknown): void => {
        isLate = true;
        reject(error as Error);
      };
      const stopWatching = watchDeadlines(
        [{ deadline, reject: tooLate }],
        () => this.#db.time(),
        () => {
          const cause = new Error('its turn did not come in time: many are taken over, or the database is slow');
          return new SessionStoreUnavailableError(OPERATION, { cause });
        },
      );
      this.#slots.run(async () => {
        stopWatching();
        if (!isLate) await send().then(resolve, reject);
      });
    });
  }
}

/** What is no object is no session. */
function rowsOf(rows: readonly Row[]): OldRow[] {
  return rows.flatMap(({ sid, session: text, expiresAt, readAt }) => {
    const session: OldSession | null = sid === null ? null : parseObject(text);
    return sid === null || session === null ? [] : [{ sid, session, expiresAt, readAt }];
  });
}
