import type { SessionTable } from './announcement.js';
import { columns } from './columns.js';
import { at, limitedUntil, ms, NOW, ONCE_OF_PRIMARY, span } from './expressions.js';

/** A table of connect-pg-simple. */
export interface OldTable {
  /** Its quoted name. */
  readonly table: string;
  /** When a row of it, named `o`, expires: with its time zone. */
  readonly expiresAt: string;
}

/** What takes the sessions of express-session over, from a table beside ours. */
export function adoptionStatements({ table }: SessionTable, old: OldTable | null) {
  const created = (from: string, isReady: string): string => `
    created as (
      insert into ${table} (id, secret_hash, generation, user_id, auth, authenticated_at, data, ttl, created_at,
                            updated_at, last_access_at, expires_at, ends_at, ip, user_agent, persistent)
      select $1::uuid, $2::bytea, 0, $5::text, $6::jsonb, null, $7::jsonb, $8::bigint, now, now, now,
             least(now + ${span('$8::bigint')}, now + ${span('$9::bigint')}), now + ${span('$9::bigint')}, $10::text,
             $11::text, $12::boolean
      from ${from}, limited
      -- Else it would wait for another transaction that has locked that row.
      where ${isReady} and not exists (select from ${table} s where s.id = $1::uuid)
      on conflict (id) do nothing
      returning *
    )`;
  const inTurn = limitedUntil('$3::float8');
  const fits = 'octet_length($7::jsonb::text) <= $4::int';
  const inTime = `now < ${at('$3::float8')}`;
  const isReady = `${inTime} and ${fits}`;
  const answer = (clock: string, isHeld: string): string => `
    select ${fits} as fits, ${isHeld} as held, ${inTime} as "inTime", ${columns('created')}
    from (select) as one left join ${clock} on true left join created on true`;
  const isLive = old && `o.sid = $13::text and ${old.expiresAt} > ${NOW}`;
  const oldRow = old && `o.sid, o.sess::text as session, ${ms(old.expiresAt)} as "expiresAt"`;

  return {
    /**
     * A new session, unless there is one of its id. $1 id, $2 hash, $3 deadline, $4 how many bytes the data may have, $5 user
     * id, $6 auth, $7 data, $8 ttl, $9 absolute timeout, $10 ip, $11 user agent, $12 whether the cookie outlives the browser.
     */
    create: `with ${inTurn}, clock as materialized (select ${NOW} as now), ${created('clock', isReady)} ${answer('clock', 'false')}`,

    ofTable: old && {
      /** The same in the place of a live row of the old table: without it, or where that is locked (`held`), there is none. $13 its id. */
      replace: `
        with ${inTurn}, locked as materialized (
          select o.sid, ${NOW} as now from ${old.table} o where ${isLive} for update skip locked
        ),
        removed as (
          delete from ${old.table} o using locked l where o.sid = l.sid and ${isReady} returning l.now
        ),
        ${created('removed', 'true')}
        ${answer('locked', `not exists (select from locked) and exists (select from ${old.table} o where ${isLive})`)}`,

      /** Live rows, or the clock alone. $1 their ids. */
      find: `
        select ${oldRow}, ${ms(ONCE_OF_PRIMARY)} as "readAt"
        from (select) as one left join ${old.table} o on o.sid = any($1::text[]) and ${old.expiresAt} > ${ONCE_OF_PRIMARY}`,

      /** Live rows by their ids. $1 the id after which they come, $2 how many at most. */
      list: `
        select ${oldRow}, ${ms(ONCE_OF_PRIMARY)} as "readAt"
        from (select) as one left join lateral (
          select * from ${old.table} o where o.sid > $1::text and ${old.expiresAt} > ${ONCE_OF_PRIMARY}
          order by o.sid limit $2::int
        ) o on true
        order by o.sid`,

      /** Removes rows by their ids. $1 the ids. */
      remove: `delete from ${old.table} o where o.sid = any($1::text[]) returning o.sid`,
    },
  };
}
