import type { TestDatabase } from './database.js';

/** Ends the connections on which processes hear each other: what they ran last is to listen, or a sign of life. */
export async function endFeeds(database: TestDatabase): Promise<void> {
  await database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
      and (query ilike 'listen %' or (query like 'select current_setting(%' and state = 'idle'))`,
  );
}
