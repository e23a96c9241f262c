import type { SessionTable } from './announcement.js';
import { ASKED, at, firstOf, isMeant, limited, limitedUntil, missedBy, ms, NOW, ONCE, rowsOf } from './expressions.js';
import { quotedText } from './quoting.js';

/** Any number will do, as long as all processes use the same. */
const SWEEP_LOCK = 730_580;

// Which sessions are meant.
const MEANT = { ...ASKED, user_id: '$4::text[]' };

/** What ends sessions, and sweeps expired ones. */
export function maintenanceStatements({ table, announced, joined }: SessionTable) {
  const relation = `${quotedText(table)}::regclass`;
  // Conditions of sessions that are to be ended, with their arguments from $6 on.
  const conditions = {
    // Those of a user but for one: $6 user id, $7 the id to spare or null.
    deleteByUser: `s.user_id = $6::text and s.id is distinct from $7::uuid`,
    // Those of a user but for the newest logins: $6 user id, $7 how many to spare. One that was logged in to meanwhile is not
    // among them any more. A login in the future is from before the clock was set back: it is old.
    keepNewest: `(s.id, s.generation) in (
      select n.id, n.generation from ${table} n where n.user_id = $6::text and n.expires_at > ${NOW}
      order by n.authenticated_at <= ${ONCE} desc nulls last, n.authenticated_at desc nulls last, n.id desc offset $7::int)`,
    deleteAll: 'true',
  };
  // Not those that began later, or new ones would keep it going without end. What seems to begin in the future is old: the clock
  // was set back.
  const since = `coalesce(${at('$4::float8')}, statement_timestamp())`;
  const meant = (condition: string): string =>
    `s.id <> all($3::uuid[]) and not (s.created_at > ${since} and s.created_at <= ${NOW}) and ${condition}`;
  const some = (condition: string): string => `from ${table} s
        where ${NOW} < ${at('$1::float8')} and ${meant(condition)}
        limit $2::int for update skip locked`;
  const ended = (condition: string): string => `
      with ${limitedUntil('$1::float8', '$5')}, doomed as materialized (
        select s.id, s.expires_at > ${NOW} as live ${some(condition)}
      ),
      deleted as (delete from ${table} s using doomed d, limited where s.id = d.id returning s.id, d.live)${announced('deleted')}
      select (select coalesce(array_agg(id::text), '{}') from deleted where live) as ids,
             (select count(*)::int from deleted) as count,
             $2::int > 1 and (select count(*) from doomed) = $2::int or exists (
               select from ${table} s
               where ${meant(condition)} and not exists (select from doomed d where d.id = s.id)
             ) or exists (select from doomed d where d.live and d.id not in (select id from deleted)) as left,
             ${NOW} < ${at('$1::float8')} as "inTime", ${ms(since)} as since, ${ms(NOW)} as now
      from (select) as one ${joined}`;
  // The limit is read by nothing: it has the arguments be those of the statement above.
  const next = (condition: string): string =>
    `with ${limitedUntil('$1::float8', '$5')} select s.id::text as id ${some(condition)}`;

  return {
    /**
     * Ends sessions. Gives a row for each live one, with whether it was not to be had (`locked`), by another transaction, by its
     * deadline, or as a trigger keeps it; or the clock alone. $1 ids, $2 generations, $3 deadlines, $4 user ids; generations and
     * user ids are null for any. $5 how long at most to wait for a lock on a row of another table.
     */
    delete: `
      with doomed as materialized (
        select s.id, d.deadline
        from (select * from ${rowsOf({ ...MEANT, deadline: '$3::float8[]' })} as d order by id) d, lateral (
          select s.id from ${table} s
          where ${isMeant('s', 'd')} and s.expires_at > ${NOW}
                and ${NOW} < ${at('d.deadline')}
          for update skip locked
        ) s where s.id = d.id
      ),
      ${limitedUntil(firstOf('doomed'), '$5')},
      deleted as (delete from ${table} s using doomed d, limited where s.id = d.id returning s.id)${announced('deleted')},
      ${missedBy('deleted', table, rowsOf(MEANT), isMeant('s', 'a'))}
      select ended.id::text as id, ended.locked, ${ms(NOW)} as now
      from (select) as one
      left join (select id, false as locked from deleted union all select id, true from missed) as ended on true ${joined}`,

    /**
     * Ends some of the sessions that a condition is about, but for those that are locked; `left`: there are more, or some are
     * locked, or kept by a trigger. $1 deadline, $2 how many at most, $3 ids to leave out, $4 since when those that begin are left
     * out: null for now, which it says (`since`), $5 how long at most to wait for a lock on a row of another table.
     */
    ended: {
      deleteByUser: ended(conditions.deleteByUser),
      keepNewest: ended(conditions.keepNewest),
      deleteAll: ended(conditions.deleteAll),
    },

    /** Those that it would end. The same arguments. */
    next: {
      deleteByUser: next(conditions.deleteByUser),
      keepNewest: next(conditions.keepNewest),
      deleteAll: next(conditions.deleteAll),
    },

    /** How many pages the table has, or the biggest of its partitions; and how many partitions there are, or one table. */
    pages: `
      select (max(pg_relation_size(t.oid)) / current_setting('block_size')::int)::int as count,
             greatest(count(*) - 1, 1)::int as tables
      from (select ${relation}::oid union all select inhrelid from pg_inherits where inhparent = ${relation}) as t(oid)`,

    /**
     * Removes what has expired from a range of pages, of every partition where there are some, and leaves alone what another
     * transaction holds. The table is walked instead of searched: an index on `expires_at` would cost more with every renewal
     * than a sweep ever does. Rows are removed by their place, which takes a fifth of what it takes by their ids alone. (By
     * their place alone it could be a row of another partition.)
     * It does not wait for the disk: what a crash brings back is expired, and removed by the next sweep.
     * $1 the first place, $2 the place after the last, $3 how long to wait for a lock on a row of another table.
     */
    sweep: `
      with relaxed as materialized (select set_config('synchronous_commit', 'off', true)), ${limited('$3')},
      doomed as materialized (
        select s.id, s.ctid from ${table} s
        where s.ctid >= $1::tid and s.ctid < $2::tid and s.expires_at <= ${NOW}
        for update skip locked
      ),
      deleted as (delete from ${table} s using doomed d, limited
                  where s.ctid = d.ctid and s.id = d.id returning s.id)
      select id::text as id from deleted, relaxed`,

    /** What has expired in a range of pages. $1 the first place, $2 the place after the last. */
    expiredIn: `
      select s.id::text as id from ${table} s
      where s.ctid >= $1::tid and s.ctid < $2::tid and s.expires_at <= ${NOW}`,

    /** Removes one session if it has expired, and no other transaction holds it. $1 id, $2 how long to wait for a lock on a row of another table. */
    sweepOne: `
      with ${limited('$2')}, doomed as materialized (
        select s.id from ${table} s where s.id = $1::uuid and s.expires_at <= ${NOW} for update skip locked
      )
      delete from ${table} s using doomed d, limited where s.id = d.id returning s.id::text as id`,

    /**
     * Whether this connection is the one that sweeps, from now until it ends; the server ends it once it has been idle for a
     * while. $1 how long, in milliseconds.
     */
    claimSweep: `
      select pg_try_advisory_lock(${SWEEP_LOCK}, ${relation}::oid::int) as claimed,
             set_config('idle_session_timeout', $1::int::text, false)`,

    /** Whether it still is. */
    holdsSweep: `
      select exists (
        select from pg_locks
        where locktype = 'advisory' and pid = pg_backend_pid() and granted
              and classid = ${SWEEP_LOCK} and objid = ${relation}::oid
      ) as claimed`,
  };
}
