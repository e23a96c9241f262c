import type { SessionTable } from './announcement.js';
import { columns, listedColumns, rawColumns, secretColumns } from './columns.js';
import { ms, NOW, ONCE_OF_PRIMARY, rowsOf, SERVER, UNSEEN } from './expressions.js';

/**
 * What reads sessions, and writes nothing. Where it finds none it gives the clock alone, which a server that is read-only
 * does not have: so nothing that such a server says is taken for an answer.
 */
export function lookupStatements({ table }: SessionTable) {
  // The wanted sessions, or one row of nulls. The version is the transaction that wrote a row as it is, be it to renew it.
  const wanted = (arrays: Readonly<Record<string, string>>): string => `
      from (select) as one left join (${rowsOf(arrays)} as wanted cross join lateral (
        select s.*, s.xmin as version from ${table} s where s.id = wanted.id and s.expires_at > ${ONCE_OF_PRIMARY} ${UNSEEN}
      ) s) on true`;

  return {
    /** The store's clock. */
    clock: `select ${ms(ONCE_OF_PRIMARY)} as now`,

    /** Live sessions. $1 ids. */
    find: `
      select ${columns('s', ONCE_OF_PRIMARY)} ${wanted({ id: '$1::uuid[]' })}`,

    /**
     * Live sessions, as `sessionOf` reads them: that takes PostgreSQL a tenth less, and less than half for what is known.
     * $1 ids, $2 known versions, null where there is none, $3 the server that they are of.
     */
    findRaw: `
      select ${rawColumns('s', 's.version = wanted.version')}
      ${wanted({ id: '$1::uuid[]', version: `case when ${SERVER} = $3::bytea then $2::xid[] end` })}`,

    /** What opens live sessions. $1 ids. */
    secrets: `
      select ${secretColumns('s', ONCE_OF_PRIMARY)} ${wanted({ id: '$1::uuid[]' })}`,

    /**
     * Which live sessions another transaction has locked. Those that are free are locked for as long as it takes to see that.
     * $1 ids.
     */
    held: `
      select s.id::text as id, ${ms(NOW)} as "readAt"
      from ${rowsOf({ id: '$1::uuid[]' })} as asked, lateral (
        select s.id from ${table} s where s.id = asked.id and s.expires_at > ${NOW} ${UNSEEN}
      ) s
      where not exists (select from ${table} h where h.id = s.id for share skip locked)`,

    /** The live sessions of a user, oldest first; those that began last. $1 user id, $2 how many at most. */
    findByUser: `
      select ${listedColumns('s', ONCE_OF_PRIMARY)}
      from (select) as one left join lateral (
        select * from ${table} s where s.user_id = $1::text and s.expires_at > ${ONCE_OF_PRIMARY}
        order by s.created_at desc, s.id desc limit $2::int
      ) s on true
      order by s.created_at, s.id`,

    /** How many are live. */
    count: `
      select count(*)::int as count, ${ms(ONCE_OF_PRIMARY)} as now from ${table} s where s.expires_at > ${ONCE_OF_PRIMARY}`,
  };
}
