import type { MigrationObject, Transaction } from '@mikro-orm/core';
import { COLUMNS } from './sql/columns.js';
import { quoted, type TableName } from './table-name.js';

/**
 * The statements that create the table, each harmless where its work is done already.
 *
 * `fillfactor` 70 leaves room on every page for the next version of its rows, so that an update stays on the page and
 * touches no index (https://www.postgresql.org/docs/current/storage-hot.html).
 */
export function createTableSql(wanted: TableName): string[] {
  const table = quoted(wanted);
  const { schema } = wanted;
  const columns = Object.entries(COLUMNS).map(([column, type]) => `"${column}" ${type}`);
  return [
    ...(schema === undefined ? [] : [createSchemaSql(schema)]),
    `create table if not exists ${table} (
      ${columns.join(',\n      ')},
      primary key ("id")
    ) with (fillfactor = 70)`,
    `create index if not exists "sessions_user_id_index" on ${table} ("user_id") where "user_id" is not null`,
  ];
}

/** `create schema if not exists` needs the right to create one even where there is one. */
function createSchemaSql(schema: string): string {
  const literal = `'${schema.replaceAll("'", "''")}'`;
  return `do $do$ begin
      if not exists (select from pg_namespace where nspname = ${literal}) then execute format('create schema %I', ${literal}); end if;
    end $do$`;
}

/** MikroORM's contract of a migration. */
type Migration = InstanceType<MigrationObject['class']>;

/**
 * Creates the table `sessions`. Add it to your migrations:
 *
 * ```ts
 * migrations: { migrationsList: [{ name: 'Migration20261120_sessions', class: SessionMigration }] }
 * ```
 *
 * It implements MikroORM's contract of a migration by itself, so that applications without `@mikro-orm/migrations` need
 * not install it.
 */
export class SessionMigration implements Migration {
  /** The name it is remembered by, unless `migrationsList` gives another. */
  readonly name = 'SessionMigration';
  #queries: string[] = [];

  up(): void {
    this.#queries.push(...createTableSql({ schema: undefined, name: 'sessions' }));
  }

  down(): void {
    this.#queries.push('drop table if exists "sessions"');
  }

  isTransactional(): boolean {
    return true;
  }

  reset(): void {
    this.#queries = [];
  }

  setTransactionContext(_transaction: Transaction): void {
    // Its statements are run by the migrator, in the migrator's transaction.
  }

  getQueries(): string[] {
    return this.#queries;
  }
}
