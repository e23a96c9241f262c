import { DefaultLogger, MikroORM, type Options } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { sessionEntities, sessionEntity } from '../store/postgres/session.entity.js';
import { sessionTableOf, type TableName } from '../store/postgres/table-name.js';
import type { CommandContext } from './command.js';
import { defaultExportOf } from './default-export.js';
import { escaped } from '../shown.js';
import { UsageError } from './usage-error.js';

/** Where sessions are, as the arguments say. Nothing is connected yet. */
export interface SessionPlace {
  readonly orm: MikroORM;
  readonly tableName: string;
  readonly table: TableName;
}

type Given = Pick<CommandContext, 'arguments' | 'env'>;

/**
 * The place that `--config`, `--url` or `DATABASE_URL` leads to, with `--schema` and `--table`.
 *
 * @throws {UsageError} where none of them is there, or one leads nowhere
 */
export async function sessionPlaceOf(given: Given): Promise<SessionPlace> {
  const config = await configOf(given);
  if (config === null) {
    throw new UsageError('It is not said which database: set DATABASE_URL, or give --url or --config.');
  }
  return placeIn(config, given);
}

/** The same where the name of the table is all that is needed: any database will do. */
export async function tableNameOf(given: Given): Promise<TableName> {
  return placeIn((await configOf(given)) ?? { dbName: 'postgres' }, given).table;
}

function placeIn(config: Partial<Options>, { arguments: args }: Given): SessionPlace {
  const tableName = args.text('table') ?? tableIn(config.entities ?? []);
  const schema = args.text('schema');
  try {
    const orm = new MikroORM({
      driver: PostgreSqlDriver,
      ...config,
      ...(schema !== undefined && { schema }),
      // What else the application has in its database is of no interest, and its files may not be there.
      entities: [sessionEntity({ tableName })],
      entitiesTs: [],
      // A name that is mistyped must not become a database.
      ensureDatabase: false,
      // Standard output is for the answer.
      logger: () => {},
      loggerFactory: DefaultLogger.create,
    } as Options);
    return { orm, tableName, table: sessionTableOf(orm, tableName) };
  } catch (error) {
    throw new UsageError(`MikroORM does not take that: ${escaped((error as Error).message)}`, { cause: error });
  }
}

async function configOf({ arguments: args, env }: Given): Promise<Partial<Options> | null> {
  const file = args.text('config');
  const typed = args.text('url');
  if (file !== undefined && typed !== undefined) throw new UsageError('Give either --url or --config, not both.');
  if (file !== undefined) return defaultExportOf(file, 'The configuration', 'configuration of MikroORM');
  const url = typed ?? env['DATABASE_URL'];
  if (url === undefined || url === '') return null;
  assertUrl(typed === undefined ? 'DATABASE_URL' : '--url', url);
  // `import` has a statement on two of them at a time, which is half.
  return { clientUrl: url, pool: { min: 0, max: 4 } };
}

/** Shows nothing of it: there may be a password in it. */
function assertUrl(name: string, url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  // An "@" there is one of a password with a slash in it, of which a part would pass for the name of the database.
  const isMeant = /^postgres(ql)?:$/.test(parsed?.protocol ?? '') && !parsed?.pathname.includes('@');
  if (isMeant && parsed?.pathname.slice(1) !== '') return;
  throw new UsageError(
    `${name} must be the address of a database, such as postgresql://user:password@host:5432/database, in which a password ` +
      'is percent-encoded.',
  );
}

/** The table of the entity that a configuration lists. */
function tableIn(entities: readonly unknown[]): string {
  const ours = [...sessionEntities()];
  const listed = ours.find((entity) => entities.includes(entity)) ?? sessionEntity();
  return listed.meta.tableName;
}
