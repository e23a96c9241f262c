import { UNFIT } from '../../limits.js';

/** The SQLSTATE of a lock that was waited for too long: an answer all the same. */
const LOCK_NOT_AVAILABLE = '55P03';

const OWN_RULE = 'a constraint or a trigger of your own on the table does not let them pass (the "cause" says which)';
const ENCODING = 'the encoding of the database cannot hold a character of them (it has to be UTF8)';
const TOO_LARGE = 'a value is larger than PostgreSQL, or a column of the table, can hold';

/**
 * Errors about what was to be written, by SQLSTATE or by its class
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const REFUSALS: Readonly<Record<string, string | undefined>> = {
  '22001': TOO_LARGE,
  '22021': ENCODING,
  '22P05': ENCODING,
  '22': UNFIT,
  '23': OWN_RULE,
  '44': OWN_RULE,
  '54': TOO_LARGE,
  P0: OWN_RULE,
};

/**
 * Errors of the connection, the transaction, the server or the table as a whole: a statement about fewer sessions meets the
 * same.
 */
const OF_SERVER = /^(08|25|26|28|3D|3F|40003|53|55|57|58|F0|42P01|42P05|42703)/;
/**
 * A connection whose state is not as it was left: read-only or in a transaction, without the statements that were prepared on
 * it, or with others. The statement has not run, and may on another connection. Not 25P04, a transaction's time limit, which may
 * come as it is committed.
 */
const BAD_STATE = /^(08P01|25(?!P04)|26|34|42P05)/;
/** What PgBouncer says of all that ails it. */
const PROTOCOL_VIOLATION = '08P01';
/** The server's part that finds that a prepared statement does not fit its table any more; the SQLSTATE alone is that of all that is not supported. */
const OUTDATED_PLAN = { code: '0A000', routine: 'RevalidateCachedQuery' };
/** The server's part that throws what a function says. */
const RAISED = 'exec_stmt_raise';
/** A connection that has ended, or is about to. */
const CUT_OFF = /^(08|25P04|57P0)/;
/**
 * Rolled back for the sake of another transaction (serialization failure, deadlock): nothing is written, try again. Not 40003, with
 * which a distributed database says that nobody knows whether a transaction was committed.
 */
const ROLLED_BACK = /^40(?!003)/;

/** Not those of Node, such as `EPIPE`. */
const SQLSTATE = /^(?!E[A-Z]{4}$)[\dA-Z]{5}$/;

/** A statement has not been answered in time, and is still under way. */
export class GivenUp extends Error {
  /** Its answer, which still comes, be it that it was cancelled. `null`: it was not sent. */
  answer: Promise<{ readonly rows?: unknown[] }> | null = null;
}

/** The server that answered is not the one that sessions are written to. Nothing that it says counts. */
export class ReadOnlyServer extends Error {
  constructor() {
    super(
      'the server that answers is read-only: a standby, or the primary from before a failover, to which a name or a pooler ' +
        'still leads',
    );
  }
}

/** The SQLSTATE of an error of the database's; `undefined` for any other. */
export function sqlState(error: unknown): string | undefined {
  const code: unknown = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && SQLSTATE.test(code) ? code : undefined;
}

/** Why the database refuses what was to be written; `undefined` for an error that is about something else. */
export function refusalOf(error: unknown): string | undefined {
  const code = sqlState(error) ?? '';
  return REFUSALS[code] ?? REFUSALS[code.slice(0, 2)];
}

/** Whether an error may be about one of several rows of a statement, such as a policy or a function of a trigger. */
export function mayConcernOneRow(error: unknown): boolean {
  const code = sqlState(error);
  if (code === undefined || ROLLED_BACK.test(code) || isOfPooler(error)) return false;
  return isRaised(error) || !OF_SERVER.test(code);
}

/** Whether the same statement may succeed at once. */
export function wasRolledBack(error: unknown): boolean {
  return ROLLED_BACK.test(sqlState(error) ?? '');
}

/** Whether a statement has not run because of the state that its connection is in. */
export function isBadState(error: unknown): boolean {
  if (error instanceof ReadOnlyServer) return true;
  const code = sqlState(error);
  if (code === undefined || isRaised(error)) return false;
  if (code === PROTOCOL_VIOLATION && isOfPooler(error)) return false;
  return BAD_STATE.test(code) || (code === OUTDATED_PLAN.code && routineOf(error) === OUTDATED_PLAN.routine);
}

/** Whether a function, such as a trigger's, has thrown it: then its code and its message can be any. */
export function isRaised(error: unknown): boolean {
  return routineOf(error) === RAISED;
}

/**
 * Whether it is not the server that says so, which names the part of it that does, but a pooler in front of it: of a connection that has
 * ended under a statement, maybe, which may have run. A driver that passes on no more than the code says nothing of either.
 */
function isOfPooler(error: unknown): boolean {
  const isWhole = typeof ((error ?? {}) as { severity?: unknown }).severity === 'string';
  return isWhole && routineOf(error) === undefined;
}

function routineOf(error: unknown): unknown {
  return ((error ?? {}) as { routine?: unknown }).routine;
}

/** Whether the connection ended under a statement, of which may have run what there is of it. */
export function isCutOff(error: unknown): boolean {
  const code = sqlState(error);
  return code === undefined ? !(error instanceof GivenUp) : CUT_OFF.test(code);
}

/** Whether a statement has waited too long for a lock, which the cause of an error of ours says. */
export function isOfLock(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return sqlState(cause) === LOCK_NOT_AVAILABLE && !isRaised(cause);
}

/**
 * Whether what an error of ours says it has waited for too long may be a lock that a commit needs: transactions that notify others take it in turn. The server
 * names no row then, and no statement. A lock on a whole table may be it as well.
 */
export function mayBeOfCommit(error: unknown): boolean {
  if (!isOfLock(error)) return false;
  const { where, severity } = (error as { cause: { where?: unknown; severity?: unknown } }).cause;
  // A driver that passes on no more than the code names neither.
  return typeof severity === 'string' && where === undefined;
}

/** Whether it shows that the database did not answer. */
export function isLost(error: unknown): boolean {
  return sqlState(error) !== LOCK_NOT_AVAILABLE;
}
