import type { Connections, DedicatedConnection } from '../../store/postgres/driver/connections.js';
import type { Database } from '../../store/postgres/driver/database.js';
import { type Check, check } from './check.js';

/** In milliseconds: what servers that are set by a time service differ by is far less. */
const LARGEST_DIFFERENCE = 2_000;

/** Whether something can be written there. */
export async function writableCheck(database: Database): Promise<Check> {
  const text = `select current_setting('transaction_read_only') = 'on' as "isReadOnly"`;
  const [row] = await database.query<{ isReadOnly: boolean }>('ask whether it is read-only', text, []);
  return check(
    'writing',
    'the server takes writes',
    row?.isReadOnly === true
      ? {
          problem: 'The server is read-only, such as a standby: no session is found there, and none stored.',
          fix: 'Connect to the primary, or set "default_transaction_read_only" to off for the role.',
        }
      : null,
  );
}

/** Whether the clock of this machine shows what that of the database does. Sessions go by the latter alone. */
export async function clockCheck(database: Database): Promise<Check> {
  const before = Date.now();
  const text = `select date_part('epoch', clock_timestamp()) * 1000 as time`;
  const [row] = await database.query<{ time: number }>('read the clock', text, []);
  const after = Date.now();
  const theirs = row?.time ?? before;
  // Between the two it was read, at a moment that is not known.
  const ahead = theirs > after ? theirs - after : Math.min(0, theirs - before);
  const way = ahead > 0 ? 'ahead of' : 'behind';
  const seconds = `${(Math.abs(ahead) / 1_000).toFixed(1)} s`;
  return check(
    'clock',
    Math.abs(ahead) < 50 ? 'as that of this machine' : `${seconds} ${way} that of this machine`,
    Math.abs(ahead) <= LARGEST_DIFFERENCE
      ? null
      : {
          problem:
            `The clock of the database is ${seconds} ${way} that of this machine. Sessions go ` +
            'by that of the database alone; times in logs, and of tokens that the application makes, do not fit.',
          fix: 'Have both machines set their clock by NTP.',
        },
  );
}

/** How often two connections are compared: others may use the pooler meanwhile. */
const COMPARISONS = 5;

/** Whether a pooler stands in the way that gives a connection to others between two transactions. */
export async function poolerCheck({ dedicated }: Connections): Promise<Check> {
  const subject = 'pooler';
  if (dedicated === null) return check(subject, 'not to be told: connections are made by the application', null);
  const [one, other] = [dedicated(), dedicated()];
  if (one.isShared === true) return check(subject, 'none: the database is in this process', null);
  // What goes wrong is said by the statements.
  for (const connection of [one, other]) connection.on('error', () => {});
  try {
    await Promise.all([one.connect(), other.connect()]);
    return check(
      subject,
      'none that shares connections',
      (await areShared(one, other))
        ? {
            problem:
              'A pooler stands in the way that shares connections between transactions (such as PgBouncer with pool_mode = ' +
              'transaction).',
            fix:
              'Set "sweep: false" and no "cache" in SessionModule.forRoot(), and "preparedStatements: false" unless the pooler ' +
              'knows named statements (max_prepared_statements of PgBouncer 1.21); or connect past it.',
          }
        : null,
    );
  } finally {
    await Promise.all([one.end(), other.end()]);
  }
}

/** Two connections that are open have a backend each, which stays the same. */
async function areShared(one: DedicatedConnection, other: DedicatedConnection): Promise<boolean> {
  const first = await backendOf(one);
  for (let time = 0; time < COMPARISONS; time++) {
    const second = await backendOf(other);
    if (second === first || (await backendOf(one)) !== first) return true;
  }
  return false;
}

async function backendOf(connection: DedicatedConnection): Promise<number | undefined> {
  const { rows } = await connection.query({ text: 'select pg_backend_pid() as pid', values: [] });
  return ((rows ?? []) as { pid: number }[])[0]?.pid;
}
