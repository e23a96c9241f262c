import type { SessionTable } from './announcement.js';
import { columns } from './columns.js';
import { at, NOW, span } from './expressions.js';
import { type ChangeKind, EXACT, merged } from './merge.js';

const MERGED_AT_LOGIN: readonly ChangeKind[] = ['set', 'unset', 'increments', 'pushes'];

/** What locks one session, and gives it another secret. */
export function loginStatements({ table, announced, joined }: SessionTable) {
  // The row to be changed, locked. A row that another transaction holds is skipped instead of waited for, so that no
  // statement of ours ever waits for a lock while it holds one. `live` tells such a row from one that is gone.
  // $1 id, $2 generation (null for any), $3 deadline.
  const target = `s.id = $1::uuid and ($2::int is null or s.generation = $2::int) and s.expires_at > ${NOW}`;
  const locked = `locked as materialized (
    select s.*, ${NOW} as now from ${table} s where ${target} and ${NOW} < ${at('$3::float8')}
    for no key update skip locked
  )`;
  const live = `exists (select from ${table} s where ${target}) as live`;

  return {
    /** A row, locked until the transaction ends. $1 id, $2 generation (null for any). */
    lock: `select ${columns('s')} from ${table} s where ${target} for no key update`,

    /** A new secret, a new generation, a new start, and a user. The previous secret opens nothing any more. */
    login: `
      with ${EXACT}, ${locked},
      change as (select $9::jsonb as set, $10::jsonb as unset, $11::jsonb as increments, $12::jsonb as pushes),
      merged as materialized (
        select l.id, l.now, l.generation + 1 as generation, coalesce($15::bytea, l.secret_hash) as previous_secret_hash,
               l.now + ${span('$13::bigint')} as ends_at,
               least(l.now + ${span('$7::bigint')}, l.now + ${span('$13::bigint')}) as expires_at,
               case when $8::boolean then '{}'::jsonb else ${merged('l.data', 'c', MERGED_AT_LOGIN)} end as data
        from exact, locked l, change c
      ),
      changed as (
        update ${table} s
        set secret_hash = $4::bytea, previous_secret_hash = m.previous_secret_hash, rotated_at = m.now, authenticated_at = m.now,
            generation = m.generation, user_id = $5::text, auth = $6::jsonb, data = m.data, ttl = $7::bigint,
            persistent = $16::boolean, ends_at = m.ends_at, updated_at = m.now, last_access_at = m.now, expires_at = m.expires_at
        from merged m
        where s.id = m.id and octet_length(m.data::text) <= $14::int
        returning s.*
      )${announced('changed')}
      select ${live}, (select count(*) from locked)::int as locked, ${columns('changed')}
      from (select) as one left join changed on true ${joined}`,

    /**
     * A new secret, if the one known is the current one. $4 known hash, $5 new hash.
     */
    rotate: `
      with ${locked},
      changed as (
        update ${table} s
        set secret_hash = $5::bytea, previous_secret_hash = s.secret_hash, rotated_at = l.now
        from locked l where s.id = l.id and s.secret_hash = $4::bytea
        returning s.id
      )${announced('changed')}
      select ${live}, (select count(*) from locked)::int as locked, (select count(*) from changed)::int as changed
      from (select) as one ${joined}`,
  };
}
