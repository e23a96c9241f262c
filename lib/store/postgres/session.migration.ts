import type { Configuration, IDatabaseDriver, MigrationObject, Transaction } from '@mikro-orm/core';
import { COLUMNS } from './sql/columns.js';
import { userIndexOf } from './session.entity.js';
import { quotedName, quotedText } from './sql/quoting.js';
import { migratedTableOf, quoted, type TableName } from './table-name.js';

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
    `create index if not exists ${quotedName(userIndexOf(wanted.name))} on ${table} ("user_id") where "user_id" is not null`,
  ];
}

/** `create schema if not exists` needs the right to create one even where there is one. */
function createSchemaSql(schema: string): string {
  const text = quotedText(schema);
  // A text, too: what is quoted by dollars ends where the name has them.
  return `do ${quotedText(`begin
      if not exists (select from pg_namespace where nspname = ${text}) then execute format('create schema %I', ${text}); end if;
    end`)}`;
}

/** MikroORM's contract of a migration. */
type Migration = InstanceType<MigrationObject['class']>;

/**
 * Creates the table `sessions`, or the one of the `sessionEntity()` in the configuration. Add it to your migrations, as a
 * file of theirs:
 *
 * ```ts
 * export { SessionMigration as Migration20261120000000 } from 'nestjs-mikro-session';
 * ```
 *
 * or, where there are no files of migrations, in the list:
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
  readonly #table: TableName;
  #queries: string[] = [];

  /** MikroORM gives both; the table is where its configuration says. */
  constructor(driver: IDatabaseDriver, config: Configuration) {
    this.#table = migratedTableOf(driver.getMetadata(), config);
  }

  up(): void {
    this.#queries.push(...createTableSql(this.#table));
  }

  down(): void {
    this.#queries.push(`drop table if exists ${quoted(this.#table)}`);
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
