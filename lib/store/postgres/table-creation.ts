import { SessionSetupError } from '../../session.errors.js';
import type { Connections } from './driver/connections.js';
import { createTableSql } from './session.migration.js';

/** Any number will do, as long as all processes use the same. */
const SCHEMA_LOCK = 7_305_804_402;

/**
 * Creates the table if it is missing. The lock lets several processes start at once, for `create table if not exists` is
 * not safe against itself.
 */
export async function createTable(pool: Connections, table: string): Promise<void> {
  const statements = [`select pg_advisory_xact_lock(${SCHEMA_LOCK})`, ...createTableSql(table)];
  try {
    // Without values, `pg` sends all of them in one message, which PostgreSQL runs as one transaction.
    await pool.query({ text: statements.join(';\n'), values: [] });
  } catch (error) {
    throw new SessionSetupError(
      `The table ${table} could not be created ("ensureSchema"). Grant the right to create it, or apply ` +
        'SessionMigration with a user that has it.',
      { cause: error },
    );
  }
}
