import { afterAll } from '@jest/globals';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { SessionService } from 'nestjs-mikro-session';
import { CookieTransport } from '../../lib/http/cookie.transport.js';
import { HeaderTransport } from '../../lib/http/header.transport.js';
import { SessionManager } from '../../lib/session-manager.js';
import { KeyRing } from '../../lib/store/encryption.js';
import { watch } from './leak-watch.js';

// At the end of every test file that starts an application; of one that makes a database, when that is dropped as well, which
// may be later.
afterAll(expectNoLeaks);

export function expectNoLeaks(): void {
  const leaks = Array.from(watch.taken(), ([where, text]) => `\n- ${where}: ${text}`);
  if (leaks.length > 0)
    throw new Error(`A secret of a session got out, or a value that is encrypted:${leaks.join('')}`);
}

type Method<Of> = (this: Of, ...args: any[]) => unknown;

/** Has each call of a method looked at, with what it was given and what it returned. */
function onCalls<Of extends object>(
  owner: Of,
  name: keyof Of,
  look: (call: { readonly on: Of; readonly args: any[]; readonly result: any }) => void,
): void {
  const method = owner[name] as Method<Of>;
  owner[name] = function (this: Of, ...args) {
    const result = method.apply(this, args);
    look({ on: this, args, result });
    return result;
  } as Method<Of> as Of[keyof Of];
}

// What must not be found: the secrets of tokens that are given out, and what is encrypted.
for (const { prototype } of [CookieTransport, HeaderTransport]) {
  onCalls(prototype, 'write', ({ args: [change] }) => {
    if (change.kind === 'issued') watch.issued(change.value);
  });
}
onCalls(SessionService.prototype, 'create', ({ result }) => {
  result.then(
    ({ credential }: { credential: string }) => watch.issued(credential),
    () => {},
  );
});
/** Tests of stores by themselves store the same in the open, too, and words of statements. */
let hasApplication = false;
onCalls(KeyRing.prototype, 'seal', ({ args: [plaintext, context] }) => {
  // Passport keeps the user's id there, which is not encrypted: it has a column of its own.
  if (hasApplication && !context.endsWith('\0passport')) watch.forbid(plaintext);
});

// Where: the logger of Nest, at every level, whether it prints them or not.
for (const level of ['log', 'error', 'warn', 'debug', 'verbose', 'fatal'] as const) {
  for (const logger of [Logger, Logger.prototype]) onCalls(logger, level, ({ args }) => watch.said('the log', args));
}
onCalls(SessionManager.prototype, 'start', ({ on }) => {
  hasApplication = true;
  on.events.subscribe((event) => watch.said('an event', event));
});
onCalls(SessionService.prototype, 'beforeApplicationShutdown', ({ on }) => watch.said('the figures', on.stats()));
// On its way to PostgreSQL: this library has statements that pass by `Client.query()` as objects of their own.
const connection = pg.Connection.prototype as unknown as Record<'query' | 'parse' | 'bind', Method<object>>;
onCalls(connection, 'query', ({ args: [text] }) => watch.said('a statement', text));
onCalls(connection, 'parse', ({ args: [{ text }] }) => watch.said('a statement', text));
onCalls(connection, 'bind', ({ args: [{ values }] }) => watch.said('a value of a statement', values));

/** Has all rows of a database looked at, as a dump of it has them. */
export async function watchRows(pool: pg.Pool): Promise<void> {
  const connection = await pool.connect();
  try {
    // A test that has failed may have left a lock.
    await connection.query(`set lock_timeout = '5s'`);
    const tables = await connection.query<{ name: string }>(`select c.oid::regclass::text as name from pg_class c
      where c.relkind in ('r', 'm') and c.relpersistence <> 't'
        and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)`);
    for (const { name } of tables.rows) {
      const { rows } = await connection.query<{ row: string }>(`select t::text as row from ${name} t`);
      for (const { row } of rows) watch.said('a row', row);
    }
  } finally {
    connection.release(true);
  }
}
