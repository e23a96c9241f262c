import { afterAll, beforeAll } from '@jest/globals';
import { type AppDefinition, startApp, type TestApp } from './app.js';
import { createDatabase, type TestDatabase } from './database.js';

/** What a test file works with; there once its first test runs. */
export interface Fixture {
  readonly app: TestApp;
  readonly database: TestDatabase;
  /** The only row there is, or the row of a session. */
  row(id?: string): Promise<Record<string, any>>;
  /** How many rows there are. */
  rows(): Promise<number>;
}

/** An application with a database of its own, for all tests of a file or a `describe` block. */
export function useApp(definition: Omit<AppDefinition, 'database'> = {}): Fixture {
  let app: TestApp | undefined;
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await createDatabase();
    app = await startApp({ database, ...definition });
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });
  const ready = <Thing>(thing: Thing | undefined): Thing => {
    if (thing === undefined) throw new Error('The fixture is ready only while a test runs.');
    return thing;
  };
  return {
    get app() {
      return ready(app);
    },
    get database() {
      return ready(database);
    },
    async row(id) {
      const rows = await ready(database).query('select * from sessions where $1::uuid is null or id = $1', [
        id ?? null,
      ]);
      if (rows.length !== 1) throw new Error(`Expected one row, found ${rows.length}.`);
      return rows[0] as Record<string, any>;
    },
    async rows() {
      return (await ready(database).query('select from sessions')).length;
    },
  };
}
