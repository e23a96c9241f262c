import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { watch } from './leak-watch.js';
import { expectNoLeaks, watchRows } from './leaks.js';

/** A database of a test file's own, on the server that the test run has started. */
export interface TestDatabase {
  readonly url: string;
  query<Row extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Runs a statement in a transaction that stays open, with its locks, until it is released. */
  hold(text: string, values?: unknown[]): Promise<{ release(): Promise<void> }>;
  /** Has all its rows looked at for secrets, as is done when it is dropped. */
  watch(): Promise<void>;
  drop(): Promise<void>;
}

function serverUrl(): string {
  const url = process.env['TEST_DATABASE_URL'];
  if (url === undefined) throw new Error('Run the tests with `npm test`, which starts a PostgreSQL for them.');
  return url;
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl() });
  await client.connect();
  await client.query(statement);
  await client.end();
}

export async function createDatabase(): Promise<TestDatabase> {
  const name = `session_test_${randomBytes(6).toString('hex')}`;
  await onServer(`create database ${name}`);
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 4 });
  // Dropping the database may cut off a connection that is about to close.
  pool.on('error', () => {});
  const held = new Set<pg.PoolClient>();
  return {
    url: url.href,
    query: async <Row extends object>(text: string, values: unknown[] = []) =>
      (await pool.query<Row>(text, values)).rows,
    hold: async (text, values = []) => {
      const client = await pool.connect();
      held.add(client);
      await client.query('begin');
      await client.query(text, values);
      return {
        release: async () => {
          await client.query('commit');
          held.delete(client);
          client.release();
        },
      };
    },
    watch: () => watchRows(pool),
    drop: async () => {
      // Those of a test that has failed: a pool ends only once it has all its connections back.
      for (const client of held) client.release(true);
      await watchRows(pool);
      await pool.end();
      await onServer(`drop database ${name} with (force)`);
      // What was encrypted here may be in the open in the next one.
      watch.allow();
      expectNoLeaks();
    },
  };
}
