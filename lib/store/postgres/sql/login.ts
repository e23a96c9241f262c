import type { SessionTable } from './announcement.js';
import { columns } from './columns.js';
import { ASKED, at, firstOf, isAsked, limitedUntil, missedBy, ms, NOW, rowsOf, span } from './expressions.js';
import { type ChangeKind, EXACT, merged } from './merge.js';

const MERGED_AT_LOGIN: readonly ChangeKind[] = ['set', 'unset', 'increments', 'pushes'];

// What a login makes of a session.
const LOGGED_IN = {
  new_hash: '$5::text[]',
  held_hash: '$6::text[]',
  user_id: '$7::text[]',
  auth: '$8::jsonb[]',
  ttl: '$9::bigint[]',
  absolute: '$10::bigint[]',
  persistent: '$11::boolean[]',
  flush: '$12::boolean[]',
  set: '$13::jsonb[]',
  unset: '$14::jsonb[]',
  increments: '$15::jsonb[]',
  pushes: '$16::jsonb[]',
};
const LOCK_TIMEOUT = '$17';

/** What locks sessions, and gives them another secret. */
export function loginStatements({ table, announced, joined, announces }: SessionTable) {
  // The row to be changed, locked. A row that another transaction holds is skipped instead of waited for, so that no
  // statement of ours ever waits for a lock while it holds one. `live` tells such a row from one that is gone.
  // $1 id, $2 generation (null for any), $3 deadline.
  const target = `s.id = $1::uuid and ($2::int is null or s.generation = $2::int) and s.expires_at > ${NOW}`;
  const locked = `locked as materialized (
    select s.*, ${NOW} as now from ${table} s where ${target} and ${NOW} < ${at('$3::float8')}
    for no key update skip locked
  )`;
  const live = `exists (select from ${table} s where ${target})`;

  return {
    /**
     * A row, locked until the transaction ends; or a row of nulls, where another transaction has locked it (`live`) or there is
     * none. $1 id, $2 generation (null for any).
     */
    lock: `
      with locked as materialized (select * from ${table} s where ${target} for no key update skip locked)
      select ${columns('locked')}, case when locked.id is null then ${live} end as live
      from (select) as one left join locked on true`,

    /**
     * A new secret, a new generation, a new start, and a user. The previous secret opens nothing any more. Gives a row for each
     * live session, of nulls but for a `refusal`, those of a commit, where nothing was written. $1 ids, $2 generations, $3 deadlines,
     * $4 how many bytes the data may have; then the arrays of LOGGED_IN, and how long at most it waits for a lock on a row of another
     * table.
     */
    login: `
      with ${EXACT}, locked as materialized (
        select s.id, s.data, s.generation, s.secret_hash, ${NOW} as now, g.deadline, ${Object.keys(LOGGED_IN)
          .map((name) => `g.${name}`)
          .join(', ')}
        from (select * from ${rowsOf({ ...ASKED, deadline: '$3::float8[]', ...LOGGED_IN })} as given order by id) g, lateral (
          select * from ${table} s
          where ${isAsked('s', 'g')} and s.expires_at > ${NOW} and ${NOW} < ${at('g.deadline')}
          for no key update skip locked
        ) s where s.id = g.id
      ),
      ${limitedUntil(firstOf('locked'), LOCK_TIMEOUT)},
      merged as materialized (
        select l.id, l.now, l.generation + 1 as generation, decode(l.new_hash, 'hex') as secret_hash,
               coalesce(decode(l.held_hash, 'hex'), l.secret_hash) as previous_secret_hash, l.user_id, l.auth, l.ttl,
               l.persistent, l.now + ${span('l.absolute')} as ends_at,
               least(l.now + ${span('l.ttl')}, l.now + ${span('l.absolute')}) as expires_at,
               case when l.flush then '{}'::jsonb else ${merged('l.data', 'l', MERGED_AT_LOGIN)} end as data
        from exact, limited, locked l
      ),
      changed as (
        update ${table} s
        set secret_hash = m.secret_hash, previous_secret_hash = m.previous_secret_hash, rotated_at = m.now,
            authenticated_at = m.now, generation = m.generation, user_id = m.user_id, auth = m.auth, data = m.data, ttl = m.ttl,
            persistent = m.persistent, ends_at = m.ends_at, updated_at = m.now, last_access_at = m.now,
            expires_at = m.expires_at
        from merged m
        where s.id = m.id and octet_length(m.data::text) <= $4::int
        returning s.*
      )${announced('changed')},
      ${missedBy('locked', table, rowsOf(ASKED), isAsked('s', 'a'))}
      select asked.id::text as asked, asked.refusal, ${columns('changed')}
      from (select id, case when data is null then 'unfit' else 'large' end as refusal from merged
            union all select id, 'locked' from missed) as asked
      left join changed on changed.id = asked.id ${joined}`,

    /**
     * A new secret, if the one known is the current one. $4 known hash, $5 new hash.
     */
    rotate: `
      with ${announces ? `${limitedUntil('$3::float8')},` : ''} ${locked},
      changed as (
        update ${table} s
        set secret_hash = $5::bytea, previous_secret_hash = s.secret_hash, rotated_at = l.now
        from locked l ${announces ? ', limited' : ''} where s.id = l.id and s.secret_hash = $4::bytea
        returning s.id
      )${announced('changed')}
      select ${live} as live, (select count(*) from locked)::int as locked, (select count(*) from changed)::int as changed,
             ${ms(NOW)} as now
      from (select) as one ${joined}`,
  };
}
