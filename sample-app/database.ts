import { join } from 'node:path';
import { Migrator } from '@mikro-orm/migrations';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SessionEntity, SessionMigration } from 'nestjs-mikro-session';
import { startLocalPostgres } from './local-postgres.js';
import { StartupError } from './startup-error.js';

/** Next to the sources: one level up from the compiled file. */
const LOCAL_DATA = join(import.meta.dirname, '..', '.data');

/** Any number will do, as long as all processes use the same. */
const MIGRATION_LOCK = 20_261_120;

export interface Database {
  readonly url: string;
  release(): Promise<void>;
}

/** The database that `DATABASE_URL` names, or else one of the app's own. */
export async function openDatabase(): Promise<Database> {
  const url = process.env.DATABASE_URL;
  if (url) return { url, release: async () => {} };
  const postgres = await startLocalPostgres(LOCAL_DATA);
  return { url: await postgres.url('sample_app'), release: () => postgres.release() };
}

export function mikroOrmOptions(clientUrl: string) {
  return {
    driver: PostgreSqlDriver,
    clientUrl,
    driverOptions: { connectionTimeoutMillis: 5_000 },
    extensions: [Migrator],
    migrations: {
      migrationsList: [{ name: 'Migration20261120_sessions', class: SessionMigration }],
      snapshot: false,
      silent: true,
    },
  };
}

/** Brings the tables up to date. Processes that start at the same moment wait for each other: MikroORM has no lock. */
export async function migrate(url: string): Promise<void> {
  const orm = await connect(url);
  try {
    await orm.em.transactional(async (em) => {
      await em.execute('select pg_advisory_xact_lock(?)', [MIGRATION_LOCK]);
      await orm.migrator.up();
    });
  } finally {
    await orm.close();
  }
}

async function connect(url: string): Promise<MikroORM> {
  try {
    const orm = await MikroORM.init({ ...mikroOrmOptions(url), ensureDatabase: false, entities: [SessionEntity] });
    await orm.connect();
    const connection = await orm.checkConnection();
    if (connection.ok) return orm;
    await orm.close();
    throw connection.error ?? new Error(connection.reason);
  } catch (error) {
    throw unreachable(error);
  }
}

function unreachable(error: unknown): StartupError {
  // Node tries every address of a host, and puts the errors into one without a message.
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const reason = errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ');
  return new StartupError(
    `Cannot reach the database that DATABASE_URL names (${reason}). ` +
      'Correct it, or leave it out: then the app brings a PostgreSQL of its own.',
  );
}
