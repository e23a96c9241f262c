import type { MikroORM } from '@mikro-orm/core';
import { SessionSetupError, SessionStoreUnavailableError } from '../../session.errors.js';
import type { Queryable } from './driver/connections.js';
import { sqlState } from './driver/database.js';
import { SessionEntity } from './session.entity.js';
import { createTableSql } from './session.migration.js';

/** Any number will do, as long as all processes use the same. */
const SCHEMA_LOCK = 7_305_804_402;

/** The quoted name of the table, with its schema if it has one. @throws {SessionSetupError} without the entity. */
export function sessionTableOf(orm: MikroORM): string {
  const metadata = orm.getMetadata().getAll().get(SessionEntity.meta.class);
  if (!metadata) {
    throw new SessionSetupError(
      'MikroORM does not know SessionEntity. Set "autoLoadEntities: true" in MikroOrmModule.forRoot(), ' +
        'or add SessionEntity to its "entities".',
    );
  }
  const platform = orm.config.getPlatform();
  const schema = metadata.schema ?? orm.config.get('schema');
  return [schema, metadata.tableName]
    .filter((part) => part !== undefined)
    .map((part) => platform.quoteIdentifier(part))
    .join('.');
}

/**
 * Creates the table if it is missing. The lock lets several processes start at once, for `create table if not exists` is
 * not safe against itself.
 */
export async function createTable(pool: Queryable, table: string): Promise<void> {
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

/** Makes sure that the table is there, with all its columns. @param statement fails where it is not */
export async function checkTable(pool: Queryable, table: string, statement: string): Promise<void> {
  try {
    await pool.query({ text: statement, values: [] });
  } catch (error) {
    const problem = { '42P01': 'is missing', '42703': 'lacks a column of this version' }[sqlState(error) ?? ''];
    if (problem === undefined) throw new SessionStoreUnavailableError('reach its database', { cause: error });
    throw new SessionSetupError(
      `The table ${table} ${problem}. Apply SessionMigration (or the schema generator), or set "ensureSchema: true" ` +
        'to have it created at start.',
      { cause: error },
    );
  }
}
