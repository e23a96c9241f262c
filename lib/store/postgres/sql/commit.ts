import type { SessionTable } from './announcement.js';
import { columns } from './columns.js';
import {
  ASKED,
  at,
  firstOf,
  isAsked,
  limitedUntil,
  missedBy,
  ms,
  NOW,
  ONCE,
  rowsOf,
  span,
  UNSEEN,
} from './expressions.js';
import { addsNumbers, CHANGE_COLUMNS, type ChangeKind, EXACT, merged, outdated } from './merge.js';

// How long data is as text, or 0 if that is certainly within the limit. Writing it down to count costs more than all else
// that is done to the row. The longest text for its binary size is a number such as 1e308: 12 bytes, 309 digits.
const sizeOf = (data: string, limit: string): string =>
  `case when pg_column_size(${data}) <= ${limit} / 32 then 0 else octet_length(${data}::text) end`;

// What every commit takes.
const COMMITTED = { ...ASKED, renew: '$3::boolean[]', deadline: '$4::float8[]' };

// What a new session is made of.
const CREATED = {
  id: '$1::uuid[]',
  secret_hash: '$2::text[]',
  deadline: '$3::float8[]',
  user_id: '$5::text[]',
  auth: '$6::jsonb[]',
  data: '$7::jsonb[]',
  ttl: '$8::bigint[]',
  absolute: '$9::bigint[]',
  ip: '$10::text[]',
  user_agent: '$11::text[]',
  persistent: '$12::boolean[]',
};

/** What creates sessions, and changes several in one statement: commits and renewals. */
export function commitStatements({ table, announced, joined, announces }: SessionTable) {
  const commits = new Map<string, string>();
  const commitOf = (kinds: readonly ChangeKind[]): string => {
    const hasLifetimes = kinds.includes('lifetime');
    const isOutdated = outdated('l.data', 'l', kinds);
    const hasFound = isOutdated !== null;
    const isExact = addsNumbers(kinds);
    const arrays: Record<string, string> = { ...COMMITTED };
    // The fifth is no array.
    let place = 6;
    for (const [name, type] of kinds.flatMap((kind) => Object.entries(CHANGE_COLUMNS[kind]))) {
      arrays[name] = `$${place++}::${type}[]`;
    }
    const changes = kinds.filter((kind) => kind !== 'lifetime').flatMap((kind) => Object.keys(CHANGE_COLUMNS[kind]));
    const lifetime = hasLifetimes
      ? `coalesce(c.ttl, s.ttl) as ttl, c.ttl is not null as changed, c.absolute, c.endless,
         coalesce(s.authenticated_at, s.created_at) as started_at`
      : 's.ttl';
    const endsAt = hasLifetimes
      ? `case when not l.changed then l.ends_at
              when l.endless then null
              when l.absolute is not null then l.started_at + ${span('l.absolute')}
              when l.ends_at is null then null
              else greatest(l.ends_at, l.started_at + ${span('l.ttl')}) end`
      : 'l.ends_at';
    return `
    with ${isExact ? `${EXACT},` : ''} locked as materialized (
      select s.id, s.data, s.last_access_at, s.expires_at, s.ends_at, ${NOW} as now, c.renew, c.deadline, ${lifetime}
             ${changes.map((name) => `, c.${name}`).join('')}
      from (select * from ${rowsOf(arrays)} as change order by id) c, lateral (
        select * from ${table} s
        where ${isAsked('s', 'c')} and s.expires_at > ${NOW} and ${NOW} < ${at('c.deadline')}
        for no key update skip locked
      ) s where s.id = c.id
    ),
    ${announces ? `${limitedUntil(firstOf('locked'))},` : ''}
    -- All that one row comes to, without a join: the planner, which expects one row, would compare each with each.
    ready as materialized (
      select l.id, l.now, l.ttl, m.data, ${sizeOf('m.data', '$5::int')} as size, e.ends_at,
             case when l.renew then l.now else l.last_access_at end as last_access_at,
             case ${hasLifetimes ? `when l.changed then least(l.now + ${span('l.ttl')}, e.ends_at)` : ''}
                  when not l.renew then l.expires_at
                  else least(greatest(l.expires_at, l.now + ${span('l.ttl')}), e.ends_at) end as expires_at ${hasFound ? `, ${isOutdated} as outdated` : ''}
      from locked l cross join lateral (select ${endsAt} as ends_at) e cross join lateral (
        select ${merged('l.data', 'l', kinds)} as data ${isExact ? 'from exact' : ''} offset 0
      ) m
    ),
    saved as (
      update ${table} s
      set data = r.data, updated_at = r.now, ${hasLifetimes ? 'ttl = r.ttl, ends_at = r.ends_at,' : ''}
          last_access_at = r.last_access_at, expires_at = r.expires_at
      from ready r ${announces ? ', limited' : ''}
      where s.id = r.id and r.size <= $5::int ${hasFound ? 'and not r.outdated' : ''}
      returning s.id, s.ttl, s.updated_at, s.last_access_at, s.expires_at, s.ends_at,
                case r.size when 0 then pg_column_size(r.data) else r.size end as length
    )${announced('saved')},
    ${missedBy('locked', table, rowsOf(ASKED), isAsked('s', 'a'))}
    select id::text as id, ttl::float8 as ttl, ${ms('updated_at')} as now, ${ms('last_access_at')} as "lastAccessAt",
           ${ms('expires_at')} as "expiresAt", ${ms('ends_at')} as "endsAt", length, null as refusal
    from saved ${joined}
    union all
    select id::text, null, null, null, null, null, null,
           case ${hasFound ? "when outdated then 'outdated'" : ''} when data is null then 'unfit' else 'large' end
    from ready where (size <= $5::int) is not true ${hasFound ? 'or outdated' : ''}
    union all
    select id::text, null, ${ms(NOW)}, null, null, null, null, 'locked' from missed`;
  };

  return {
    /**
     * New sessions: a row for each, of nulls where it was not created, as its deadline has passed (`inTime`) or it is too big.
     * $1 ids, $2 hashes in hexadecimal, $3 deadlines, $4 how many bytes the data may have, $5 user ids, $6 auths, $7 data,
     * $8 ttls, $9 absolute timeouts, $10 ips, $11 user agents, $12 whether the cookie outlives the browser, $13 how long at
     * most it waits for a lock on a row of another table.
     */
    create: `
      with given as materialized (
        select *, now < ${at('deadline')} as in_time
        from ${rowsOf(CREATED)} as given, (select ${NOW} as now ${UNSEEN}) as clock
      ),
      ${limitedUntil(firstOf('given where in_time'), '$13')},
      created as (
        insert into ${table} (id, secret_hash, generation, user_id, auth, authenticated_at, data, ttl, created_at,
                              updated_at, last_access_at, expires_at, ends_at, ip, user_agent, persistent)
        select id, decode(secret_hash, 'hex'), 0, user_id, auth, case when user_id is null then null else now end, data,
               ttl, now, now, now, least(now + ${span('ttl')}, now + ${span('absolute')}), now + ${span('absolute')}, ip,
               user_agent, persistent
        from given, limited where in_time and octet_length(data::text) <= $4::int
        returning *
      )
      select given.id::text as asked, given.in_time as "inTime", ${columns('created')}
      from given left join created on created.id = given.id`,

    /**
     * Merges changes into the rows as they are, and counts as an access where it should. Gives a row for each live session,
     * with no times but a `refusal` where nothing was written: the merged data would be too big (`large`), has another value than one
     * that can be added to (`unfit`), does not say any more what was found in it (`outdated`), or was not to be had (`locked`: by another
     * transaction, or by its deadline). A session may occur only once in a batch: `UPDATE … FROM` silently applies one of several.
     *
     * Kinds of changes that no session of the batch asks for are left out: to prepare for them takes PostgreSQL longer than
     * to write a row. So there is a statement for each combination, of which an application uses a few.
     *
     * `committedOf` reads the columns in this order. $1 ids, $2 generations, $3 whether it is an access, $4 deadlines, $5 how
     * many bytes the data may have; then the arrays of each kind.
     */
    commit: (kinds: readonly ChangeKind[]): string => {
      const key = kinds.join();
      let text = commits.get(key);
      if (text === undefined) commits.set(key, (text = commitOf(kinds)));
      return text;
    },

    /**
     * Moves expiries forward, each by its own ttl from the moment of the access, which lies `age` milliseconds back:
     * so collecting renewals never lengthens a session. Gives the ids that were not renewed, because another transaction
     * has locked them (`locked`) or they are absent (`gone`). Gives, too, the ids whose row was not in the version given
     * (`changed`): all others are what they were, but for their times, in a new `version`. `renewedOf` reads the columns in
     * this order. $1 ids, $2 ages, $3 deadline, $4 known versions, null where there is none.
     */
    renew: `
      with access as (
        select id, ${ONCE} - ${span('age')} as accessed_at, version
        from ${rowsOf({ id: '$1::uuid[]', age: '$2::bigint[]', version: '$4::xid[]' })} as access
      ),
      locked as materialized (
        select s.id, greatest(s.last_access_at, a.accessed_at) as last_access_at,
               least(greatest(s.expires_at, a.accessed_at + ${span('s.ttl')}), s.ends_at) as expires_at,
               s.version <> a.version as is_changed
        from (select * from access order by id) a, lateral (
          select s.id, s.last_access_at, s.expires_at, s.ends_at, s.ttl, s.xmin as version from ${table} s
          where s.id = a.id and s.expires_at > ${NOW} and ${ONCE} < ${at('$3::float8')}
          for no key update skip locked
        ) s where s.id = a.id
      ),
      renewed as (
        update ${table} s
        set last_access_at = l.last_access_at, expires_at = l.expires_at
        from locked l where s.id = l.id
        returning s.id, l.is_changed
      ),
      -- Usually nothing, and then not looked for.
      missing as materialized (
        select a.id from access a
        where (select count(*) from renewed) < cardinality($1::uuid[]) and a.id not in (select id from renewed)
      )
      select coalesce(array_agg(m.id::text) filter (where s.id is not null), '{}') as locked,
             coalesce(array_agg(m.id::text) filter (where s.id is null), '{}') as gone,
             (select coalesce(array_agg(id::text), '{}') from renewed where is_changed) as changed,
             pg_current_xact_id_if_assigned()::xid::text as version, ${ms(ONCE)} as now
      from missing m
      left join lateral (select s.id from ${table} s where s.id = m.id and s.expires_at > ${NOW} ${UNSEEN}) s on true`,
  };
}
