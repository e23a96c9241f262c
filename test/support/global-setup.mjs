import { mkdtemp } from 'node:fs/promises';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startLocalPostgres } from '../../sample-app/dist/local-postgres.js';

/** One PostgreSQL for all test files, unless DATABASE_URL names another; each file makes a database of its own in it. */
export default async function setUp() {
  if (process.env.DATABASE_URL) {
    process.env.TEST_DATABASE_URL = process.env.DATABASE_URL;
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'session-tests-'));
  await chmod(folder, 0o755);
  const postgres = await startLocalPostgres(folder);
  globalThis.__POSTGRES__ = { postgres, folder };
  process.env.TEST_DATABASE_URL = await postgres.url('postgres');
  await turnOffSync(process.env.TEST_DATABASE_URL);
}

/**
 * Nothing of the tests outlives a crash of the machine. To drop a database, as each file does, writes out all there is to write: on a
 * slow disk, commits of other files then took longer than an operation has (1 s).
 */
async function turnOffSync(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const setting of ['fsync', 'full_page_writes']) await client.query(`alter system set ${setting} = off`);
  await client.query('select pg_reload_conf()');
  await client.end();
}
