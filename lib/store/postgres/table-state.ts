import type { Queryable } from './driver/connections.js';
import type { Database } from './driver/database.js';
import { COLUMNS } from './sql/columns.js';
import type { TableName } from './table-name.js';

/** What there is of a table, and what the role that asks may do with it. */
export interface TableState {
  readonly role: string;
  readonly database: string;
  readonly encoding: string;
  /** Whether the schema that the table was looked for in exists. */
  readonly isSchemaThere: boolean;
  /** The schema in which it would be created. */
  readonly createsIn: string | null;
  /** Where else there is something of that name. */
  readonly elsewhere: readonly { readonly schema: string; readonly maySee: boolean }[];
  /** `null` where there is none. */
  readonly table: FoundTable | null;
}

export interface FoundTable {
  readonly schema: string;
  readonly owner: string;
  /** `relkind` (https://www.postgresql.org/docs/current/catalog-pg-class.html). */
  readonly kind: string;
  /** Whether other tables inherit from it. */
  readonly isParent: boolean;
  /** How it is partitioned; `null` where it is not. */
  readonly partitioning: FoundPartitioning | null;
  readonly columns: Readonly<Record<string, FoundColumn>>;
  /** Whether no two rows can have the same id, at any moment: what is checked late is no target of `on conflict`. */
  readonly hasKey: boolean;
  /** Its primary key, fit or not, as PostgreSQL writes it (`PRIMARY KEY (id)`). */
  readonly primaryKey: { readonly name: string; readonly definition: string } | null;
  /** Whether an index leads to the rows of any user. */
  readonly isUserIndexed: boolean;
  readonly maySeeSchema: boolean;
  readonly missingRights: readonly string[];
  /** Whether row security is active for the role. */
  readonly isSecured: boolean;
  /** What row security lets the role do with no row at all. */
  readonly withoutPolicy: readonly string[];
}

/** By what a table is partitioned, and into what. */
export interface FoundPartitioning {
  /** `partstrat` (https://www.postgresql.org/docs/current/catalog-pg-partitioned-table.html). */
  readonly strategy: string;
  /** The columns of the key; `null` for an expression. */
  readonly columns: readonly (string | null)[];
  readonly partitions: readonly FoundPartition[];
}

export interface FoundPartition {
  readonly schema: string;
  readonly name: string;
  /** `relkind`. */
  readonly kind: string;
  /** One in so many rows is its own; `null` where rows are not dealt by their hash. */
  readonly modulus: number | null;
}

export interface FoundColumn {
  readonly type: string;
  readonly isNullable: boolean;
  readonly hasDefault: boolean;
}

/**
 * From the catalog alone, so that no lock on the table is waited for (`pg_get_expr()` and `pg_get_constraintdef()` take one). $1 the table's name, $2 its schema or null, $3 our
 * columns.
 */
const STATE = `
  with named as (
    select c.*, n.nspname, ($2::name is null and pg_table_is_visible(c.oid) or n.nspname = $2::name) as is_meant
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relname = $1::name and n.nspname !~ '^pg_'
  )
  select json_build_object(
    'role', current_user,
    'database', current_database(),
    'encoding', current_setting('server_encoding'),
    'isSchemaThere', $2::name is null or exists (select from pg_namespace where nspname = $2::name),
    'createsIn', coalesce($2::name, current_schema()),
    'elsewhere', (
      select coalesce(json_agg(json_build_object(
        'schema', nspname, 'maySee', has_schema_privilege(relnamespace, 'USAGE')
      ) order by nspname), '[]')
      from named where is_meant is not true
    ),
    'table', (
      select json_build_object(
        'schema', t.nspname,
        'owner', pg_get_userbyid(t.relowner),
        'kind', t.relkind,
        'isParent', exists (select from pg_inherits where inhparent = t.oid),
        'partitioning', (
          select json_build_object('strategy', p.partstrat, 'columns', (
            select json_agg(a.attname order by at) from unnest(p.partattrs::int2[]) with ordinality as key(attnum, at)
            left join pg_attribute a on a.attrelid = t.oid and a.attnum = key.attnum
          ), 'partitions', (
            select coalesce(json_agg(json_build_object(
              'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
              'modulus', substring(c.relpartbound::text, ':modulus ([0-9]+)')::int
            ) order by c.oid), '[]')
            from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
            where i.inhparent = t.oid and not i.inhdetachpending
          ))
          from pg_partitioned_table p where p.partrelid = t.oid
        ),
        'columns', (
          select coalesce(json_object_agg(a.attname, json_build_object(
            'type', format_type(a.atttypid, a.atttypmod),
            'isNullable', not a.attnotnull,
            'hasDefault', a.atthasdef or a.attidentity <> '' or a.attgenerated <> ''
          )), '{}')
          from pg_attribute a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
        ),
        'hasKey', exists (
          select from pg_index i join pg_attribute a on a.attrelid = t.oid and a.attname = 'id' and a.attnum = i.indkey[0]
          where i.indrelid = t.oid and i.indnkeyatts = 1 and i.indisunique and i.indisvalid and i.indimmediate
            and i.indpred is null
        ),
        'primaryKey', (
          select json_build_object('name', conname, 'definition', 'PRIMARY KEY (' || (
            select string_agg(a.attname, ', ' order by at) from unnest(conkey) with ordinality as key(attnum, at)
            join pg_attribute a on a.attrelid = t.oid and a.attnum = key.attnum
          ) || ')' || case when condeferrable then ' DEFERRABLE' else '' end || case when condeferred then ' INITIALLY DEFERRED' else '' end)
          from pg_constraint where conrelid = t.oid and contype = 'p'
        ),
        'isUserIndexed', exists (
          select from pg_index i join pg_attribute a on a.attrelid = t.oid and a.attname = 'user_id' and a.attnum = i.indkey[0]
          where i.indrelid = t.oid and i.indisvalid
            and coalesce(i.indpred::text ~ format('^{NULLTEST :arg {VAR :varno 1 :varattno %s [^{}]*} :nulltesttype 1 [^{}]*}$', a.attnum), true)
        ),
        'maySeeSchema', has_schema_privilege(t.relnamespace, 'USAGE'),
        'missingRights', (
          select coalesce(json_agg(wanted order by at), '[]')
          from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) with ordinality as wanted(wanted, at)
          where not has_table_privilege(t.oid, wanted)
            and case when wanted = 'DELETE' then true else not coalesce((
              select bool_and(has_column_privilege(t.oid, a.attnum, wanted))
              from pg_attribute a where a.attrelid = t.oid and a.attname = any ($3::text[])
            ), false) end
        ),
        'isSecured', row_security_active(t.oid),
        'withoutPolicy', case when row_security_active(t.oid) then (
          select coalesce(json_agg(command), '[]')
          from (values ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')) as wanted(command, letter)
          where not exists (
            select from pg_policy p, unnest(p.polroles) as role
            where p.polrelid = t.oid and p.polpermissive and p.polcmd::text in ('*', letter)
              and case when role = 0 then true else pg_has_role(role, 'USAGE') end
          )
        ) else '[]' end
      )
      from named t where t.is_meant
    )
  )::text as state`;

/** @param on a connection of its own; one of the pool, unless given */
export async function stateOf(database: Database, { name, schema }: TableName, on?: Queryable): Promise<TableState> {
  const values = [name, schema ?? null, Object.keys(COLUMNS)];
  const [row] = await database.query<{ state: string }>('look at its table', STATE, values, database.deadline(), on);
  return JSON.parse((row as { state: string }).state) as TableState;
}
