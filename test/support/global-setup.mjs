import { mkdtemp } from 'node:fs/promises';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
}
