import { afterAll, beforeAll } from '@jest/globals';
import { type CommandOutcome, command } from '../../support/command-line.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { whileTesting } from '../../support/while-testing.js';

/** A database for the command line, with the table that `schema` prints, for all tests of a file. @param options of `schema` */
// oxlint-disable-next-line typescript/explicit-function-return-type -- said once, below
export function useDatabase(...options: string[]) {
  let database: TestDatabase | undefined;
  let createTable = '';
  beforeAll(async () => {
    database = await createDatabase();
    createTable = (await command(['schema', ...options])).stdout;
    await database.query(createTable);
  });
  afterAll(() => database?.drop());
  return {
    get database() {
      return whileTesting(database);
    },
    /** What `schema` prints. */
    get createTable() {
      return createTable;
    },
    /** Has nothing in the database but the table, as it is at first. */
    reset: () => whileTesting(database).query(`drop schema public cascade; create schema public; ${createTable}`),
    /** Runs the command on that database. */
    run: (...args: string[]): Promise<CommandOutcome> => command(args, { DATABASE_URL: whileTesting(database).url }),
  };
}

/**
 * Puts rows into the table.
 *
 * @param expires SQL of an interval from now on
 */
export function rows(count: number, { expires = `interval '1 hour'`, bytes = 400 } = {}): string {
  return `
    insert into sessions (id, secret_hash, generation, user_id, data, ttl, created_at, updated_at, last_access_at, expires_at)
    select gen_random_uuid(), sha256(i::text::bytea), 0, 'user ' || i, json_build_object('note', repeat('x', ${bytes})),
           1800000, now(), now(), now(), now() + ${expires}
    from generate_series(1, ${count}) as i`;
}
