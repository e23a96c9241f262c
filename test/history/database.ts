import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

/** A database that this process uses for a while. */
export interface JoinedDatabase {
  readonly url: string;
  leave(): Promise<void>;
}

interface LocalPostgres {
  url(database: string): Promise<string>;
  release(): Promise<void>;
}

const FOLDER = 'HISTORY_POSTGRES';

/** That of `DATABASE_URL`, or else a PostgreSQL in a temporary folder, for this process and those that it starts. */
export async function openDatabase(): Promise<JoinedDatabase> {
  if (process.env['DATABASE_URL']) return joinDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'session-history-'));
  await chmod(folder, 0o755);
  process.env[FOLDER] = folder;
  return joinDatabase();
}

/**
 * The database that the process above has opened. Of those that have joined a local PostgreSQL the last one to leave
 * stops it: so it ends with them, even if the process above is killed.
 */
export async function joinDatabase(): Promise<JoinedDatabase> {
  const folder = process.env[FOLDER];
  if (folder === undefined) return { url: process.env['DATABASE_URL'] as string, leave: async () => {} };
  // Compiled by another build, whose types are not at hand.
  const module = new URL('sample-app/dist/local-postgres.js', import.meta.resolve('nestjs-mikro-session/package.json'))
    .href;
  const { startLocalPostgres } = (await import(module)) as {
    startLocalPostgres: (home: string) => Promise<LocalPostgres>;
  };
  const postgres = await startLocalPostgres(folder);
  const url = await postgres.url('history');
  return {
    url,
    leave: async () => {
      await postgres.release();
      if (!(await answers(url))) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
