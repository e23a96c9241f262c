import type { Server, ServerResponse } from 'node:http';
import { afterAll } from '@jest/globals';
import type { INestApplication, LoggerService } from '@nestjs/common';
import pg from 'pg';
import { SessionService } from 'nestjs-mikro-session';
import { LeakWatch } from './leak-watch.js';

/** Of a test file: all that its applications log, emit, count and send to the database, and what they leave in it. */
export const watch = new LeakWatch();

// At the end of every file that starts an application or makes a database.
afterAll(() => {
  const places = watch.taken();
  if (places.length > 0) throw new Error(`A secret of a session got out: ${places.join(', ')}.`);
});

type Query = (this: unknown, ...args: unknown[]) => unknown;

const client = pg.Client.prototype as unknown as { query: Query };
const { query } = client;
client.query = function (first, ...rest) {
  const { text, values } = typeof first === 'object' && first !== null ? (first as Record<string, unknown>) : {};
  watch.said('a statement', text ?? first);
  watch.said('a value of a statement', values ?? rest[0]);
  return query.call(this, first, ...rest);
};

const LEVELS = ['log', 'error', 'warn', 'debug', 'verbose', 'fatal'] as const;

/** The same logger, and what it is given is looked at. */
export function watched(logger: LoggerService): LoggerService {
  const levels = LEVELS.map((level) => [
    level,
    (message: unknown, ...rest: unknown[]): void => {
      watch.said('the log', [message, ...rest]);
      logger[level]?.(message, ...rest);
    },
  ]);
  return Object.fromEntries(levels) as unknown as LoggerService;
}

/** Looks at all that an application does from now on. */
export function watchApp(app: INestApplication): void {
  const useLogger = app.useLogger.bind(app);
  app.useLogger = (logger) => useLogger(typeof logger === 'object' && 'log' in logger ? watched(logger) : logger);
  const sessions = app.get(SessionService);
  sessions.events.subscribe((event) => watch.said('an event', event));
  const create = sessions.create.bind(sessions);
  sessions.create = async (content) => {
    const created = await create(content);
    watch.issued(created.credential);
    return created;
  };
  (app.getHttpServer() as Server).on('request', (_request: unknown, response: ServerResponse) => {
    response.once('close', () => watch.issued(JSON.stringify(response.getHeaders())));
  });
}

/** All that is in the tables of a database, as a dump of it has it. */
export async function watchTables(pool: pg.Pool): Promise<void> {
  const connection = await pool.connect();
  try {
    await connection.query(`set lock_timeout = '5s'`);
    const tables = await connection.query<{ name: string }>(`select c.oid::regclass::text as name from pg_class c
      where c.relkind in ('r', 'm') and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)`);
    for (const { name } of tables.rows) {
      const { rows } = await connection.query<{ row: string }>(`select t::text as row from ${name} t limit 20000`);
      watch.said(
        'a row',
        rows.map(({ row }) => row),
      );
    }
  } finally {
    connection.release(true);
  }
}
