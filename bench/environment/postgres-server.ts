import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { installedPostgres } from './programs.js';

/** The PostgreSQL that is measured, with a database for every contestant. */
export interface PostgresServer {
  readonly version: string;
  /** Whose it is: those but the one that was given were started for this run, and set up for it. */
  readonly origin: PostgresOrigin;
  /** Whether it counts statements (`pg_stat_statements`). */
  readonly countsStatements: boolean;
  /** For what concerns the whole server. */
  readonly admin: pg.Client;
  /** A new, empty database. */
  createDatabase(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** `given` is that of `DATABASE_URL`. */
export type PostgresOrigin = 'given' | 'installed' | 'embedded';

/** What `sample-app/dist/local-postgres.js` gives. */
interface LocalPostgres {
  url(database: string): Promise<string>;
  release(): Promise<void>;
}
type StartLocalPostgres = (folder: string, programs: string | null) => Promise<LocalPostgres>;

/** Everything else is PostgreSQL's default: `fsync` and `synchronous_commit` on, 128 MB of shared buffers. */
export const SETTINGS = {
  shared_preload_libraries: 'pg_stat_statements',
  // No checkpoint in the middle of somebody's turn.
  checkpoint_timeout: '1h',
  max_wal_size: '16GB',
};
/** Names and values of `postgresql.conf`. */
export type PostgresSettings = Readonly<Record<string, string>>;
const PREFIX = 'session_bench_';

/** Uses the server of `DATABASE_URL` (whose user may create databases), or starts one in a folder. */
export async function startPostgres(folder: string, settings: PostgresSettings): Promise<PostgresServer> {
  const given = process.env.DATABASE_URL;
  if (given) return describe(given, 'given', async () => {});
  const location = new URL('../../../sample-app/dist/local-postgres.js', import.meta.url).href;
  const { startLocalPostgres } = (await import(location)) as { startLocalPostgres: StartLocalPostgres };
  const programs = await installedPostgres();
  const first = await startLocalPostgres(folder, programs);
  try {
    await configure(await first.url('postgres'), settings);
  } finally {
    await first.release();
  }
  const local = await startLocalPostgres(folder, programs);
  try {
    const origin = programs === null ? 'embedded' : 'installed';
    return await describe(await local.url('postgres'), origin, () => local.release());
  } catch (error) {
    await local.release();
    throw error;
  }
}

async function configure(url: string, settings: PostgresSettings): Promise<void> {
  const client = await connect(url);
  try {
    for (const [name, value] of Object.entries(settings)) await client.query(`alter system set ${name} = '${value}'`);
  } finally {
    await client.end();
  }
}

async function describe(url: string, origin: PostgresOrigin, release: () => Promise<void>): Promise<PostgresServer> {
  const admin = await connect(url);
  const databases: string[] = [];
  const { rows } = await admin.query<{ version: string; fsync: string; synchronous_commit: string }>(
    `select current_setting('server_version') as version, current_setting('fsync') as fsync,
            current_setting('synchronous_commit') as synchronous_commit`,
  );
  const [settings] = rows;
  if (settings?.fsync !== 'on' || settings.synchronous_commit === 'off') {
    await admin.end();
    throw new Error('This PostgreSQL does not keep what it says it has saved: fsync or synchronous_commit is off.');
  }
  return {
    version: settings.version,
    origin,
    countsStatements: await canCountStatements(admin),
    admin,
    async createDatabase(name) {
      const database = PREFIX + name.replaceAll(/\W+/g, '_').toLowerCase();
      databases.push(database);
      await admin.query(`drop database if exists ${admin.escapeIdentifier(database)} with (force)`);
      await admin.query(`create database ${admin.escapeIdentifier(database)}`);
      const location = new URL(url);
      location.pathname = `/${database}`;
      return location.href;
    },
    async stop() {
      if (origin === 'given') await dropAll(admin, databases);
      await admin.end();
      await release();
    },
  };
}

async function dropAll(admin: pg.Client, databases: readonly string[]): Promise<void> {
  for (const database of databases) {
    await admin.query(`drop database if exists ${admin.escapeIdentifier(database)} with (force)`);
  }
}

async function canCountStatements(admin: pg.Client): Promise<boolean> {
  try {
    await admin.query('create extension if not exists pg_stat_statements');
    await admin.query('select 1 from pg_stat_statements limit 1');
    return true;
  } catch {
    return false;
  }
}

/** A connection of the benchmark's own, for looking on. */
export async function connect(url: string): Promise<pg.Client> {
  for (const deadline = Date.now() + 10_000; ; await pause(100)) {
    const client = new pg.Client({ connectionString: url, application_name: 'bench' });
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
