import { SessionSetupError } from '../../session.errors.js';
import type { Database } from './driver/database.js';
import type { OldTable } from './sql/adoption.js';
import { quotedName, quotedText } from './sql/quoting.js';
import { quoted, type TableName } from './table-name.js';

/** What there is of it, from the catalog alone. */
interface OldState {
  readonly schema: string | null;
  readonly role: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly missingRights: readonly string[];
  /** That of a session that has set none. */
  readonly timeZone: string;
}

// $1 the table's name, $2 its schema or null.
const STATE = `
  select json_build_object(
    'schema', n.nspname,
    'role', current_user,
    'columns', (
      select coalesce(json_object_agg(a.attname, format_type(a.atttypid, null)), '{}')
      from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ),
    'missingRights', (
      select coalesce(json_agg(wanted order by at), '[]')
      from unnest(array['SELECT', 'UPDATE', 'DELETE']) with ordinality as wanted(wanted, at)
      where not coalesce(has_table_privilege(c.oid, wanted), true)
    ),
    'timeZone', (select reset_val from pg_settings where name = 'TimeZone')
  )::text as state
  from (select) as one
  left join pg_class c on c.relname = $1::name and c.relkind in ('r', 'p') and (
    $2::name is null and pg_table_is_visible(c.oid)
    or c.relnamespace = (select oid from pg_namespace where nspname = $2::name)
  )
  left join pg_namespace n on n.oid = c.relnamespace`;

/** Makes sure that sessions can be taken over from a table of connect-pg-simple. @throws {SessionSetupError} with the fix. */
export async function oldTableOf(database: Database, wanted: TableName): Promise<OldTable> {
  const [row] = await database.query<{ state: string }>('look at the old table', STATE, [
    wanted.name,
    wanted.schema ?? null,
  ]);
  const { schema, role, columns, missingRights, timeZone } = JSON.parse((row as { state: string }).state) as OldState;
  const option = `The table ${quoted(wanted)}, which SessionModule option "adopt.table" names,`;
  if (schema === null) {
    throw new SessionSetupError(
      `${option} is missing. Fix: give the "tableName" (and as "adopt.schema" the "schemaName") of connect-pg-simple; or remove ` +
        'the option, once the old table has gone.',
    );
  }
  const lacking = ['sid', 'sess', 'expire'].filter((name) => !Object.hasOwn(columns, name));
  if (lacking.length > 0) {
    throw new SessionSetupError(
      `${option} is none of connect-pg-simple: it lacks ${lacking.map(quotedName).join(', ')}. Fix: name that of express-session.`,
    );
  }
  const table = quoted({ schema, name: wanted.name });
  if (missingRights.length > 0) {
    throw new SessionSetupError(
      `${option} is out of reach for role ${quotedName(role)}. Fix: grant ${missingRights.join(', ')} on ${table} to ${quotedName(role)}.`,
    );
  }
  // connect-pg-simple writes times without a zone, as its connection has it: that of the role, or the database.
  const hasZone = columns['expire'] === 'timestamp with time zone';
  return { table, expiresAt: hasZone ? 'o.expire' : `(o.expire at time zone ${quotedText(timeZone)})` };
}
