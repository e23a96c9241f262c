// The expressions that statements are made of.

// Times travel as milliseconds since the epoch, in double precision: exact to a microsecond until the year 2255.
// (`date_part` and not `extract`, which makes a decimal number first.)
export const ms = (time: string): string => `date_part('epoch', ${time}) * 1000`;
export const at = (milliseconds: string): string => `to_timestamp(${milliseconds} / 1000)`;
export const span = (milliseconds: string): string => `(${milliseconds} * interval '1 millisecond')`;

// `now()` stands still during a statement, however long the backend was frozen; what guards a write must not.
export const NOW = 'clock_timestamp()';

// Read once a statement, where it only answers and writes nothing: asking the operating system for every row costs as much
// as finding the row.
export const ONCE = `(select ${NOW})`;

// The same for what is only read, which must not come from a standby, or from a server that was the primary until a failover:
// where nothing can be written there is no clock, and with it no live session.
export const ONCE_OF_PRIMARY = `(select case current_setting('transaction_read_only') when 'off' then ${NOW} end)`;

// When the server started. A version of a row is that of the server that said it: a standby, promoted without the last
// transactions of the primary, gives their numbers to others.
export const SERVER = 'timestamptz_send(pg_postmaster_start_time())';

// The planner must not see how many elements an array has: it would find a plan of its own for a few cheaper than the one
// it has for any number, and make it anew each time, which takes longer than the statement
// (https://www.postgresql.org/docs/current/sql-prepare.html). Nor may it join the table as it likes, for what is cheap while
// the table is new is to read all of it, and the plan is kept while it grows: so rows are looked up one by one, in a
// subquery that it cannot take apart. To say outside once more that the ids are the same makes it expect so few rows that it
// looks up those to be written, too.
export const UNSEEN = 'offset 0';

// A row for each place in some arrays, given by the name of their column. (As a function in FROM, `unnest` would first put all
// of them aside.)
export const rowsOf = (arrays: Readonly<Record<string, string>>): string => {
  const names = Object.keys(arrays);
  return `(select ${names.map((name) => `unnest(${name}) as ${name}`).join(', ')}
           from (select ${names.map((name) => `${arrays[name]} as ${name}`).join(', ')} ${UNSEEN}) as given)`;
};

// The part `limited` of a `with` clause, to be read by what writes: a lock that another transaction has on a row of another table,
// to which a foreign key or a trigger of the application's leads, and the turn to notify others, are waited for no longer than this, in
// milliseconds. Not so a lock on the whole table of sessions, which is waited for before.
export const limited = (milliseconds: string): string =>
  `limited as materialized (select set_config('lock_timeout', (${milliseconds})::int::text, true))`;

// The same, and no longer than until a deadline, which only the server can tell: what waits has passed all else that looks at the clock.
// At least a millisecond: nothing at all is no limit.
export const limitedUntil = (deadline: string, milliseconds = '2147483647'): string =>
  limited(`least(${milliseconds}::float8, greatest(1, floor(${deadline} - ${ms(NOW)})))`);

// The first deadline of what another part has got at: what is not written is in no hurry.
export const firstOf = (got: string): string => `(select min(deadline) from ${got})`;

// The sessions that are asked for, each of one generation, and whether a row is of them.
export const ASKED = { id: '$1::uuid[]', generation: '$2::int[]' };
export const isAsked = (row: string, asked: string): string =>
  `${row}.id = ${asked}.id and ${row}.generation = ${asked}.generation`;

// Whether a row is of the id, the generation and the user that are asked for; null for any of the last two.
export const isMeant = (row: string, asked: string): string =>
  `${row}.id = ${asked}.id and (${asked}.generation is null or ${row}.generation = ${asked}.generation)
   and (${asked}.user_id is null or ${row}.user_id = ${asked}.user_id)`;

// The part `missed` of a `with` clause: which of some sessions are live, though another part got at none of them, as another
// transaction has locked them, or their deadline has passed. Usually that part got at all, and then nothing is looked for.
export const missedBy = (got: string, table: string, asked: string, isAsked: string): string => `
    missed as materialized (
      select a.id from ${asked} as a, lateral (
        select s.id from ${table} s where ${isAsked} and s.expires_at > ${NOW} ${UNSEEN}
      ) s
      where (select count(*) from ${got}) < cardinality($1::uuid[]) and a.id not in (select id from ${got})
    )`;
