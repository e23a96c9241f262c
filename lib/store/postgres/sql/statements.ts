/** All the SQL of the session store, for one table. Every statement is one round trip and one transaction. */
export type Statements = ReturnType<typeof statementsFor>;

// Times travel as milliseconds since the epoch, in double precision: exact to a microsecond until the year 2255.
// (`date_part` and not `extract`, which makes a decimal number first.)
const ms = (time: string): string => `date_part('epoch', ${time}) * 1000`;
const at = (milliseconds: string): string => `to_timestamp(${milliseconds} / 1000)`;
const span = (milliseconds: string): string => `(${milliseconds} * interval '1 millisecond')`;

// `now()` stands still during a statement, however long the backend was frozen; what guards a write must not.
const NOW = 'clock_timestamp()';

// Read once a statement, where it only answers and writes nothing: asking the operating system for every row costs as much
// as finding the row.
const ONCE = `(select ${NOW})`;

const columns = (row: string, now = NOW): string => `
  ${row}.id::text as id, ${row}.secret_hash as "secretHash", ${row}.previous_secret_hash as "previousSecretHash",
  ${ms(`${row}.rotated_at`)} as "rotatedAt", ${row}.generation, ${row}.user_id as "userId", ${row}.auth::text as auth,
  ${ms(`${row}.authenticated_at`)} as "authenticatedAt", ${row}.data::text as data, ${row}.ttl::float8 as ttl,
  ${ms(`${row}.created_at`)} as "createdAt",
  ${ms(`${row}.last_access_at`)} as "lastAccessAt", ${ms(`${row}.expires_at`)} as "expiresAt",
  ${ms(`${row}.ends_at`)} as "endsAt", ${row}.ip, ${row}.user_agent as "userAgent", ${ms(now)} as "readAt"`;

// The same in the order in which `sessionOf` reads them: without casts and arithmetic, most of which a driver would only undo,
// and without what a renewal does not change, where that is known. (To write down the data takes longer than all else.)
const rawColumns = (row: string, isKnown: string): string => {
  const plain = (column: string): string => `${row}.${column}`;
  const time = (column: string): string => `timestamptz_send(${row}.${column})`;
  const unlessKnown = (value: string): string => `case when ${isKnown} then null else ${value} end`;
  const plains = 'version secret_hash previous_secret_hash generation user_id auth data ttl ip user_agent'.split(' ');
  const times = ['rotated_at', 'authenticated_at', 'created_at', 'ends_at'];
  return [
    plain('id'),
    time('last_access_at'),
    time('expires_at'),
    `timestamptz_send(${ONCE})`,
    ...plains.map(plain).map(unlessKnown),
    ...times.map(time).map(unlessKnown),
  ].join(', ');
};

/**
 * What a commit can be made of, and what its statement takes for each: arrays with a value for every session, null where
 * there is none. Who adds mostly adds to one key. That takes PostgreSQL less than to look through an object of several: so
 * there are two kinds of either addition.
 */
const CHANGE_COLUMNS = {
  set: { set: 'jsonb' },
  unset: { unset: 'jsonb' },
  increment: { increment_key: 'text', increment: 'float8' },
  increments: { increments: 'jsonb' },
  push: { push_key: 'text', push: 'jsonb' },
  pushes: { pushes: 'jsonb' },
  found: { found: 'jsonb' },
  lifetime: { ttl: 'bigint', absolute: 'bigint', endless: 'boolean' },
} as const;

/** One of them. */
export type ChangeKind = keyof typeof CHANGE_COLUMNS;

const MERGED_AT_LOGIN: readonly ChangeKind[] = ['set', 'unset', 'increments', 'pushes'];

// In double precision, as JavaScript would; adding to what is not a number is refused.
const sum = (value: string, by: string): string => `coalesce(nullif(${value}, 'null')::float8, 0) + ${by}`;

// Subtracting an index that no array has changes no array, and is an error for anything else: so a push to what is not an
// array is refused.
const appended = (value: string, items: string): string =>
  `(coalesce(nullif(${value}, 'null'), '[]') - 2147483647) || ${items}`;

// Changes to top-level keys, applied to the data as it is. Stored data that is not an object counts as empty. What is absent
// from the changes is not worked out, and the data, which may be big, is copied once.
const merged = (data: string, change: string, kinds: readonly ChangeKind[]): string => {
  const kept = `case when jsonb_typeof(${data}) <> 'object' then '{}' else ${
    !kinds.includes('unset')
      ? data
      : `case when ${change}.unset is null then ${data}
              else ${data} - coalesce((select array_agg(key) from jsonb_array_elements_text(${change}.unset) as key), '{}') end`
  } end`;
  const patches = {
    set: `coalesce(${change}.set, '{}')`,
    increment: `
      case when ${change}.increment_key is null then '{}'
           else jsonb_build_object(${change}.increment_key, ${sum(`${data}->${change}.increment_key`, `${change}.increment`)}) end`,
    increments: `
      case when ${change}.increments is null then '{}'
           else (select jsonb_object_agg(key, ${sum(`${data}->key`, 'by::float8')})
                 from jsonb_each(${change}.increments) as each(key, by)) end`,
    push: `
      case when ${change}.push_key is null then '{}'
           else jsonb_build_object(${change}.push_key, ${appended(`${data}->${change}.push_key`, `${change}.push`)}) end`,
    pushes: `
      case when ${change}.pushes is null then '{}'
           else (select jsonb_object_agg(key, ${appended(`${data}->key`, 'items')})
                 from jsonb_each(${change}.pushes) as each(key, items)) end`,
  };
  const present = Object.entries(patches).filter(([kind]) => kinds.includes(kind as ChangeKind));
  return present.length === 0 ? kept : `(${kept}) || (${present.map(([, patch]) => patch).join(' || ')})`;
};

// How long data is as text, or 0 if that is certainly within the limit. Writing it down to count costs more than all else
// that is done to the row. The longest text for its binary size is a number such as 1e308: 12 bytes, 309 digits.
const sizeOf = (data: string, limit: string): string =>
  `case when pg_column_size(${data}) <= ${limit} / 32 then 0 else octet_length(${data}::text) end`;

// The planner must not see how many elements an array has: it would find a plan of its own for a few cheaper than the one
// it has for any number, and make it anew each time, which takes longer than the statement
// (https://www.postgresql.org/docs/current/sql-prepare.html). Nor may it join the table as it likes, for what is cheap while
// the table is new is to read all of it, and the plan is kept while it grows: so rows are looked up one by one, in a
// subquery that it cannot take apart. To say outside once more that the ids are the same makes it expect so few rows that it
// looks up those to be written, too.
const UNSEEN = 'offset 0';

// A row for each place in some arrays, given by the name of their column. (As a function in FROM, `unnest` would first put all
// of them aside.)
const rowsOf = (arrays: Readonly<Record<string, string>>): string => {
  const names = Object.keys(arrays);
  return `(select ${names.map((name) => `unnest(${name}) as ${name}`).join(', ')}
           from (select ${names.map((name) => `${arrays[name]} as ${name}`).join(', ')} ${UNSEEN}) as given)`;
};

// What a new session is made of.
const CREATED = {
  id: '$1::uuid[]',
  secret_hash: '$2::text[]',
  user_id: '$5::text[]',
  auth: '$6::jsonb[]',
  data: '$7::jsonb[]',
  ttl: '$8::bigint[]',
  absolute: '$9::bigint[]',
  ip: '$10::text[]',
  user_agent: '$11::text[]',
};

/** Any number will do, as long as all processes use the same. */
const SWEEP_LOCK = 730_580;

/** What processes tell each other: who says so, a colon, and the ids of sessions that have changed, or a star for all. */
export const CHANGES_CHANNEL = 'nestjs_mikro_session';

/** A message has room for 8,000 bytes (https://www.postgresql.org/docs/current/sql-notify.html). */
const MOST_IDS_TOLD = 200;

/**
 * The statements for a table.
 *
 * @param table its quoted name
 * @param teller who tells other processes of changes, which cache sessions; `null` where nobody does
 */
export function statementsFor(table: string, teller: string | null) {
  // One message a statement, at its commit: a message a session would cost most of the throughput, for PostgreSQL takes
  // a lock of the whole server to order them.
  const told = (changed: string): string =>
    teller === null
      ? ''
      : `, told as materialized (
        select pg_notify('${CHANGES_CHANNEL}', '${teller}:' ||
                         case when count(*) > ${MOST_IDS_TOLD} then '*' else string_agg(id::text, ',') end)
        from ${changed} having count(*) > 0
      )`;
  const hence = teller === null ? '' : 'cross join (select count(*) from told) as hence';

  // The row to be changed, locked. A row that another transaction holds is skipped instead of waited for, so that no
  // statement of ours ever waits for a lock while it holds one. `live` tells such a row from one that is gone.
  // $1 id, $2 generation (null for any), $3 deadline.
  const target = `s.id = $1::uuid and ($2::int is null or s.generation = $2::int) and s.expires_at > ${NOW}`;
  const locked = `locked as materialized (
    select s.*, ${NOW} as now from ${table} s where ${target} and ${NOW} < ${at('$3::float8')}
    for no key update skip locked
  )`;
  const live = `exists (select from ${table} s where ${target}) as live`;

  // Ends what meets a condition and is not locked, and tells how many were; they are to be tried again. $1 deadline.
  const ended = (condition: string): string => `
      with doomed as materialized (
        select s.id, s.expires_at > ${NOW} as live from ${table} s
        where ${NOW} < ${at('$1::float8')} and ${condition}
        for update skip locked
      ),
      deleted as (delete from ${table} s using doomed d where s.id = d.id returning s.id, d.live)${told('deleted')}
      select (select coalesce(array_agg(id::text), '{}') from deleted where live) as ids,
             (select count(*)::int from ${table} s where ${condition}) - (select count(*)::int from doomed) as locked,
             ${NOW} < ${at('$1::float8')} as "inTime", ${ms(NOW)} as now
      from (select) as one ${hence}`;

  // One of the wanted sessions. Its version is the transaction that wrote it as it is, be it to renew it.
  const found = `lateral (
        select s.*, s.xmin as version from ${table} s where s.id = wanted.id and s.expires_at > ${ONCE} ${UNSEEN}
      ) s`;

  const commits = new Map<string, string>();
  const commitOf = (kinds: readonly ChangeKind[]): string => {
    const hasLifetimes = kinds.includes('lifetime');
    const hasFound = kinds.includes('found');
    const arrays: Record<string, string> = { id: '$1::uuid[]', generation: '$2::int[]', renew: '$3::boolean[]' };
    // The fourth and fifth are no arrays.
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
    const outdated = hasFound
      ? `, exists (select from jsonb_each(l.found) as f(key, value)
                   where coalesce(l.data->f.key, 'null') <> f.value) as outdated`
      : '';
    return `
    with locked as materialized (
      select s.id, s.data, s.ends_at, ${NOW} as now, c.renew, ${lifetime}
             ${changes.map((name) => `, c.${name}`).join('')}
      from (select * from ${rowsOf(arrays)} as change order by id) c, lateral (
        select * from ${table} s
        where s.id = c.id and s.generation = c.generation and s.expires_at > ${NOW} and ${NOW} < ${at('$4::float8')}
        for no key update skip locked
      ) s where s.id = c.id
    ),
    -- All that one row comes to, without a join: the planner, which expects one row, would compare each with each.
    ready as materialized (
      select l.id, l.now, l.ttl, l.renew, ${hasLifetimes ? 'l.changed,' : ''} m.data,
             ${sizeOf('m.data', '$5::int')} as size, ${endsAt} as ends_at ${outdated}
      from locked l cross join lateral (select ${merged('l.data', 'l', kinds)} as data offset 0) m
    ),
    saved as (
      update ${table} s
      set data = r.data, updated_at = r.now, ${hasLifetimes ? 'ttl = r.ttl, ends_at = r.ends_at,' : ''}
          last_access_at = case when r.renew then r.now else s.last_access_at end,
          expires_at = case ${hasLifetimes ? `when r.changed then least(r.now + ${span('r.ttl')}, r.ends_at)` : ''}
                            when not r.renew then s.expires_at
                            else least(greatest(s.expires_at, r.now + ${span('r.ttl')}), r.ends_at) end
      from ready r
      where s.id = r.id and r.size <= $5::int ${hasFound ? 'and not r.outdated' : ''}
      returning s.id, s.ttl, s.updated_at, s.last_access_at, s.expires_at, s.ends_at
    )${told('saved')}
    select id::text as id, ttl::float8 as ttl, ${ms('updated_at')} as now, ${ms('last_access_at')} as "lastAccessAt",
           ${ms('expires_at')} as "expiresAt", ${ms('ends_at')} as "endsAt" ${hasFound ? ', false as outdated' : ''}
    from saved ${hence}
    union all
    select id::text, null, null, null, null, null ${hasFound ? ', outdated' : ''}
    from ready where size > $5::int ${hasFound ? 'or outdated' : ''}`;
  };

  return {
    /** The store's clock. */
    clock: `select ${ms(NOW)} as now`,

    /** Live sessions. $1 ids. */
    find: `
      select ${columns('s', ONCE)}
      from ${rowsOf({ id: '$1::uuid[]' })} as wanted, ${found}`,

    /**
     * Live sessions, as `sessionOf` reads them: that takes PostgreSQL a tenth less, and less than half for what is known.
     * $1 ids, $2 known versions, null where there is none.
     */
    findRaw: `
      select ${rawColumns('s', 's.version = wanted.version')}
      from ${rowsOf({ id: '$1::uuid[]', version: '$2::xid[]' })} as wanted, ${found}`,

    /**
     * New sessions, unless the deadline has passed, and but for those that are too big. Where there are none, the clock alone.
     * $1 ids, $2 hashes in hexadecimal, $3 deadline, $4 how many bytes the data may have, $5 user ids, $6 auths, $7 data,
     * $8 ttls, $9 absolute timeouts, $10 ips, $11 user agents.
     */
    create: `
      with clock as materialized (select ${NOW} as now),
      created as (
        insert into ${table} (id, secret_hash, generation, user_id, auth, authenticated_at, data, ttl, created_at,
                              updated_at, last_access_at, expires_at, ends_at, ip, user_agent)
        select id, decode(secret_hash, 'hex'), 0, user_id, auth, case when user_id is null then null else now end, data,
               ttl, now, now, now, least(now + ${span('ttl')}, now + ${span('absolute')}), now + ${span('absolute')}, ip,
               user_agent
        from ${rowsOf(CREATED)} as given, clock where now < ${at('$3::float8')} and octet_length(data::text) <= $4::int
        returning *
      )
      select ${columns('created')} from (select) as one left join created on true`,

    /**
     * Merges changes into the rows as they are, and counts as an access where it should. Gives a row for each session that
     * was there to be written to, without times if the merged data would be too big, or if it does not say any more what
     * was found in it (`outdated`). For one that is missing, ask `present`. A session may occur only once in a
     * batch: `UPDATE … FROM` silently applies one of several.
     *
     * Kinds of changes that no session of the batch asks for are left out: to prepare for them takes PostgreSQL longer than
     * to write a row. So there is a statement for each combination, of which an application uses a few.
     *
     * `committedOf` reads the columns in this order. $1 ids, $2 generations, $3 whether it is an access, $4 deadline, $5 how
     * many bytes the data may have; then the arrays of each kind.
     */
    commit: (kinds: readonly ChangeKind[]): string => {
      const key = kinds.join();
      let text = commits.get(key);
      if (text === undefined) commits.set(key, (text = commitOf(kinds)));
      return text;
    },

    /**
     * Which sessions are live and of their generation: written to they are not if another transaction has locked them.
     * $1 ids, $2 generations, null for any.
     */
    present: `
      select s.id::text as id
      from ${rowsOf({ id: '$1::uuid[]', generation: '$2::int[]' })} as asked, lateral (
        select s.id from ${table} s
        where s.id = asked.id and (asked.generation is null or s.generation = asked.generation) and s.expires_at > ${NOW} ${UNSEEN}
      ) s`,

    /**
     * Moves expiries forward, each by its own ttl from the moment of the access, which lies `age` milliseconds back:
     * so collecting renewals never lengthens a session. Tells which were not renewed, because they are locked by another
     * transaction (`locked`) or absent (`gone`). A row is updated where it was locked: one that moved in between is
     * left for the next time. Tells, too, whose row was in another version than the known one (`changed`): all others
     * are what they were, but for their times, in a new `version`. `renewedOf` reads the columns in this order. $1 ids, $2 ages,
     * $3 deadline, $4 known versions, null where there is none.
     */
    renew: `
      with access as (
        select * from ${rowsOf({ id: '$1::uuid[]', age: '$2::bigint[]', version: '$4::xid[]' })} as access
      ),
      locked as materialized (
        select s.place, ${ONCE} - ${span('a.age')} as accessed_at, s.version <> a.version as is_changed
        from (select * from access order by id) a, lateral (
          select s.id, s.ctid as place, s.xmin as version from ${table} s
          where s.id = a.id and s.expires_at > ${NOW} and ${ONCE} < ${at('$3::float8')}
          for no key update skip locked
        ) s where s.id = a.id
      ),
      renewed as (
        update ${table} s
        set last_access_at = greatest(s.last_access_at, l.accessed_at),
            expires_at = least(greatest(s.expires_at, l.accessed_at + ${span('s.ttl')}), s.ends_at)
        from locked l where s.ctid = l.place
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

    /** A row, locked until the transaction ends. $1 id, $2 generation (null for any). */
    lock: `select ${columns('s')} from ${table} s where ${target} for no key update`,

    /** A new secret, a new generation, a new start, and a user. The previous secret opens nothing any more. */
    login: `
      with ${locked},
      change as (select $9::jsonb as set, $10::jsonb as unset, $11::jsonb as increments, $12::jsonb as pushes),
      merged as materialized (
        select l.id, case when $8::boolean then '{}'::jsonb else ${merged('l.data', 'c', MERGED_AT_LOGIN)} end as data
        from locked l, change c
      ),
      changed as (
        update ${table} s
        set secret_hash = $4::bytea, previous_secret_hash = coalesce($15::bytea, s.secret_hash), rotated_at = l.now,
            authenticated_at = l.now,
            generation = s.generation + 1, user_id = $5::text, auth = $6::jsonb, data = m.data, ttl = $7::bigint,
            ends_at = l.now + ${span('$13::bigint')}, updated_at = l.now, last_access_at = l.now,
            expires_at = least(l.now + ${span('$7::bigint')}, l.now + ${span('$13::bigint')})
        from locked l join merged m on m.id = l.id
        where s.id = l.id and octet_length(m.data::text) <= $14::int
        returning s.*
      )${told('changed')}
      select ${live}, (select count(*) from locked)::int as locked, ${columns('changed')}
      from (select) as one left join changed on true ${hence}`,

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
      )${told('changed')}
      select ${live}, (select count(*) from locked)::int as locked, (select count(*) from changed)::int as changed
      from (select) as one ${hence}`,

    /** Ends sessions, and gives those that it got at. For the others, ask `present`. $1 ids, $2 generations, $3 deadline. */
    delete: `
      with doomed as materialized (
        select s.id
        from (
          select * from ${rowsOf({ id: '$1::uuid[]', generation: '$2::int[]' })} as d order by id
        ) d, lateral (
          select s.id from ${table} s
          where s.id = d.id and (d.generation is null or s.generation = d.generation) and s.expires_at > ${NOW}
                and ${NOW} < ${at('$3::float8')}
          for update skip locked
        ) s where s.id = d.id
      ),
      deleted as (delete from ${table} s using doomed d where s.id = d.id returning s.id)${told('deleted')}
      select id::text as id from deleted ${hence}`,

    /** The live sessions of a user. $1 user id. */
    findByUser: `
      select ${columns('s')} from ${table} s where s.user_id = $1::text and s.expires_at > ${NOW}
      order by s.created_at, s.id`,

    /**
     * Ends the sessions of a user but for one, as far as they are not locked. $1 deadline, $2 user id, $3 the id to
     * spare or null.
     */
    deleteByUser: ended(`s.user_id = $2::text and s.id is distinct from $3::uuid`),

    /**
     * Ends the sessions of a user but for the newest logins, as far as they are not locked; one that was logged in to
     * meanwhile is not among them any more. $1 deadline, $2 user id, $3 how many to spare.
     */
    keepNewest: ended(`(s.id, s.generation) in (
      select n.id, n.generation from ${table} n where n.user_id = $2::text and n.expires_at > ${NOW}
      order by n.authenticated_at desc nulls last, n.id desc offset $3::int)`),

    /** Ends them all, as far as they are not locked. $1 deadline. */
    deleteAll: ended('true'),

    /** How many pages the table has. */
    pages: `select (pg_relation_size('${table}'::regclass) / current_setting('block_size')::int)::int as count`,

    /**
     * Removes what has expired from a range of pages, and leaves alone what another transaction holds. The table is
     * walked instead of searched: an index on `expires_at` would cost more with every renewal than a sweep ever does.
     * Nobody waits for it to reach the disk: what a crash brings back is expired, and removed by the next sweep.
     * $1 the first place, $2 the place after the last.
     */
    sweep: `
      with relaxed as materialized (select set_config('synchronous_commit', 'off', true)),
      doomed as materialized (
        select s.ctid from ${table} s
        where s.ctid >= $1::tid and s.ctid < $2::tid and s.expires_at <= ${NOW}
        for update skip locked
      ),
      deleted as (delete from ${table} s using doomed d where s.ctid = d.ctid returning s.id)
      select id::text as id from deleted, relaxed`,

    /** Whether this connection is the one that sweeps, from now until it ends. */
    claimSweep: `select pg_try_advisory_lock(${SWEEP_LOCK}, '${table}'::regclass::oid::int) as claimed`,

    /** How many are live. */
    count: `select count(*)::int as count from ${table} s where s.expires_at > ${NOW}`,

    /** Fails where the table, or a column of it, is missing. */
    check: `
      select id, secret_hash, previous_secret_hash, rotated_at, generation, user_id, auth, authenticated_at, data, ttl,
             created_at, updated_at, last_access_at, expires_at, ends_at, ip, user_agent
      from ${table} limit 0`,
  };
}
