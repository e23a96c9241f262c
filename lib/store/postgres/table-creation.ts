import { SessionSetupError, SessionStoreUnavailableError } from '../../session.errors.js';
import type { Database } from './driver/database.js';
import { sqlState } from './driver/refusals.js';
import { COLUMNS } from './sql/columns.js';
import { quotedName } from './sql/quoting.js';
import { createTableSql } from './session.migration.js';
import { quoted, type TableName } from './table-name.js';
import { stateOf, type TableState } from './table-state.js';

/** Any number will do, as long as all processes use the same. */
const SCHEMA_LOCK = 7_305_804_402;

/** How long to wait for the turn, in milliseconds. */
const TURN_TIMEOUT = 5_000;

/** What another transaction has created meanwhile: the table, its type or its index. */
const EXISTS: readonly unknown[] = ['42P07', '42710', '42P06', '23505'];

/**
 * Creates what is missing of the table, and nothing where nothing is: a role that may not create anything can still start.
 * Processes that start at once take turns.
 *
 * @param lockTimeout how long to wait for a lock on the table, in milliseconds. Every writer waits behind it.
 * @returns what there is then
 * @throws {SessionSetupError} naming the right that is missing
 */
export async function createMissing(
  database: Database,
  wanted: TableName,
  found: TableState,
  lockTimeout: number,
): Promise<TableState> {
  if (isComplete(found)) return found;
  let state = found;
  const deadline = database.deadline();
  try {
    await database.transaction('create its table', deadline, async (connection) => {
      const run = (text: string): Promise<object[]> =>
        database.query('create its table', text, [], deadline, connection);
      await run(`set local lock_timeout = ${TURN_TIMEOUT}`);
      await run(`select pg_advisory_xact_lock(${SCHEMA_LOCK})`);
      state = await stateOf(database, wanted, connection);
      if (isComplete(state)) return;
      await run(`set local lock_timeout = ${lockTimeout}`);
      for (const statement of createTableSql(wanted)) await run(statement);
    });
  } catch (error) {
    const cause: unknown = error instanceof Error ? error.cause : null;
    const code = sqlState(cause);
    const reason = code === undefined ? null : reasonOf(code, state, lockTimeout);
    if (reason !== null) {
      throw new SessionSetupError(`The table ${quoted(wanted)} could not be created ("ensureSchema"): ${reason}`, {
        cause,
      });
    }
    if (!EXISTS.includes(code)) throw new SessionStoreUnavailableError('create its table', { cause });
  }
  return stateOf(database, wanted);
}

/** Not an error here: another's table of that name, or columns that are missing. The check says what to do about those. */
function isComplete({ table }: TableState): boolean {
  if (table === null) return false;
  return (
    table.isUserIndexed ||
    (table.kind !== 'r' && table.partitioning === null) ||
    Object.keys(COLUMNS).some((name) => !Object.hasOwn(table.columns, name))
  );
}

function reasonOf(code: string, state: TableState, lockTimeout: number): string | null {
  const { table, isSchemaThere, createsIn, database } = state;
  const role = quotedName(state.role);
  if (code === '55P03' && table === null) {
    return `another process has been about to create it for ${TURN_TIMEOUT} ms. Start again once that is done.`;
  }
  if (code === '55P03') {
    return (
      `another transaction held a lock on it for ${lockTimeout} ms, behind which its missing index had to wait. End that ` +
      // What PostgreSQL does not do for partitioned tables.
      `transaction${table?.partitioning === null ? ', or create the index by "create index concurrently"' : ''}.`
    );
  }
  if (code === '3F000') {
    return `the search path of role ${role} names no schema. Set "schema" in the configuration of MikroORM.`;
  }
  if (code === '25006') {
    return (
      'the server takes no writes: it is a standby, or the primary from before a failover, to which a name or a pooler still ' +
      'leads; or "default_transaction_read_only" is on. Connect MikroORM to the primary ("clientUrl"), or turn that off for ' +
      `role ${role}.`
    );
  }
  if (code !== '42501') return null;
  const grant = (right: string): string =>
    `role ${role} may not. Run "grant ${right} to ${role}", or apply SessionMigration as a role that may.`;
  if (!isSchemaThere) return grant(`create on database ${quotedName(database)}`);
  if (table === null) return grant(`create on schema ${quotedName(createsIn ?? 'public')}`);
  return `its index on "user_id" is missing, and only its owner ${quotedName(table.owner)} may create that. Apply SessionMigration as that role.`;
}
