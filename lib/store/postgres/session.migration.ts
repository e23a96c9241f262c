import type { Configuration, IDatabaseDriver, MigrationObject, Transaction } from '@mikro-orm/core';
import { SessionConfigurationError } from '../../session.errors.js';
import { COLUMNS } from './sql/columns.js';
import { userIndexOf } from './session.entity.js';
import { quotedName, quotedText } from './sql/quoting.js';
import { migratedTableOf, quoted, type TableName } from './table-name.js';

/** How many partitions a table may have: each statement of a session looks at all of them before it leaves out most. */
const MOST_PARTITIONS = 256;

/** Room for updates: see {@link createTableSql}. */
const STORAGE = 'with (fillfactor = 70)';

/** Whether a table can have so many partitions. */
export function isPartitionCount(count: unknown): count is number {
  return Number.isInteger(count) && (count as number) >= 2 && (count as number) <= MOST_PARTITIONS;
}

/**
 * The statements that create the table, each harmless where its work is done already.
 *
 * `fillfactor` 70 leaves room on every page for the next version of its rows, so that an update stays on the page and
 * touches no index (https://www.postgresql.org/docs/current/storage-hot.html). A partitioned table has no pages, and so
 * each partition has it.
 *
 * @param partitions how many, by the hash of the id; `null` for an ordinary table
 */
export function createTableSql(wanted: TableName, partitions: number | null = null): string[] {
  const table = quoted(wanted);
  const { schema, name } = wanted;
  const columns = Object.entries(COLUMNS).map(([column, type]) => `"${column}" ${type}`);
  return [
    ...(schema === undefined ? [] : [createSchemaSql(schema)]),
    `create table if not exists ${table} (
      ${columns.join(',\n      ')},
      primary key ("id")
    ) ${partitions === null ? STORAGE : 'partition by hash ("id")'}`,
    // Named as MikroORM would name them.
    ...Array.from({ length: partitions ?? 0 }, (_, remainder) => {
      const partition = quoted({ schema, name: `${name}_${remainder}` });
      const values = `for values with (modulus ${partitions}, remainder ${remainder})`;
      return `create table if not exists ${partition} partition of ${table} ${values} ${STORAGE}`;
    }),
    `create index if not exists ${quotedName(userIndexOf(name))} on ${table} ("user_id") where "user_id" is not null`,
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
 * not install it. For a table in partitions, {@link SessionMigration.partitioned}.
 */
export class SessionMigration implements Migration {
  /**
   * The migration that creates the table partitioned by the hash of the id:
   *
   * ```ts
   * export const Migration20261120000000 = SessionMigration.partitioned(16);
   * ```
   *
   * It is for a table that is not there yet: one that is stays as it is, and the migration fails.
   *
   * @param partitions how many, from 2 to 256
   * @throws {SessionConfigurationError} for another number
   */
  static partitioned(partitions: number): new (driver: IDatabaseDriver, config: Configuration) => SessionMigration {
    if (!isPartitionCount(partitions)) {
      throw new SessionConfigurationError(
        `SessionMigration.partitioned() takes a whole number from 2 to ${MOST_PARTITIONS}. Fix: name a number of ` +
          'partitions, such as 16.',
      );
    }
    return class PartitionedSessionMigration extends SessionMigration {
      constructor(driver: IDatabaseDriver, config: Configuration) {
        super(driver, config);
        this.#partitions = partitions;
      }
    };
  }

  /** The name it is remembered by, unless `migrationsList` gives another. */
  readonly name = 'SessionMigration';
  readonly #table: TableName;
  #partitions: number | null = null;
  #queries: string[] = [];

  /** MikroORM gives both; the table is where its configuration says. */
  constructor(driver: IDatabaseDriver, config: Configuration) {
    this.#table = migratedTableOf(driver.getMetadata(), config);
  }

  up(): void {
    this.#queries.push(...createTableSql(this.#table, this.#partitions));
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
