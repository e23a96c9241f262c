import type { Database } from '../../store/postgres/driver/database.js';

/** How a table is kept, as the catalog and the statistics of the server have it: of partitions, their sums. */
export interface TableFacts {
  readonly isPartitioned: boolean;
  /** What has the rows: the table, or its partitions. */
  readonly storage: readonly TableStorage[];
  readonly indexes: readonly FoundIndex[];
  readonly pages: number;
  readonly pageBytes: number;
  /** The estimates of the last vacuum or analysis; `null` before the first. */
  readonly rows: number | null;
  /** Those of the statistics of activity, which are newer. */
  readonly liveRows: number;
  readonly deadRows: number;
  /** How many bytes a row takes on average, its header included; `null` where that is not known. */
  readonly rowBytes: number | null;
  readonly updates: number;
  readonly hotUpdates: number;
}

/** How one table keeps its rows. */
export interface TableStorage {
  readonly schema: string;
  readonly name: string;
  readonly isUnlogged: boolean;
  /** In per cent; that of PostgreSQL where none is set. */
  readonly fillfactor: number;
  readonly isAutovacuumed: boolean;
}

/** An index, with the columns that it depends on: in its keys, in expressions and in its condition. */
export interface FoundIndex {
  readonly name: string;
  readonly schema: string;
  /** The table that it is on: this one, or one of its partitions. */
  readonly table: string;
  /** Whether it has one for each partition. */
  readonly isPartitioned: boolean;
  readonly columns: readonly string[];
  readonly isUnique: boolean;
  readonly isPrimary: boolean;
  /** Whether queries may use it. */
  readonly isValid: boolean;
  /** The constraint that it serves, with which alone it can be dropped. */
  readonly constraint: string | null;
  /** Whether it stands for ranges of pages, as BRIN does, which from PostgreSQL 16 on ends no HOT update. */
  readonly isSummary: boolean;
}

/** A row has a header of 23 bytes, its nulls, a pointer of 4, and is aligned to 8 (https://www.postgresql.org/docs/current/storage-page-layout.html). */
const ROW_OVERHEAD = 36;

/** $1 the quoted name of the table. Of the indexes of partitions, those that the table does not have. */
const FACTS = `
  with kept as (
    select t.*, n.nspname from pg_class t join pg_namespace n on n.oid = t.relnamespace
    where t.relkind = 'r' and (t.oid = to_regclass($1::text)
          or t.oid in (select inhrelid from pg_inherits where inhparent = to_regclass($1::text)))
  )
  select json_build_object(
    'isPartitioned', exists (select from pg_partitioned_table where partrelid = to_regclass($1::text)),
    'storage', json_agg(json_build_object(
      'schema', t.nspname,
      'name', t.relname,
      'isUnlogged', t.relpersistence = 'u',
      'fillfactor', coalesce((select option_value::int from pg_options_to_table(t.reloptions) where option_name = 'fillfactor'), 100),
      'isAutovacuumed', coalesce((
        select option_value::boolean from pg_options_to_table(t.reloptions) where option_name = 'autovacuum_enabled'
      ), true)
    ) order by t.oid),
    'indexes', (
      select coalesce(json_agg(json_build_object(
        'name', c.relname,
        'schema', n.nspname,
        'table', (select relname from pg_class where oid = i.indrelid),
        'isPartitioned', c.relkind = 'I',
        'isSummary', m.amname = 'brin' and current_setting('server_version_num')::int >= 160000,
        'isUnique', i.indisunique,
        'isPrimary', i.indisprimary,
        'isValid', i.indisvalid,
        'constraint', (select o.conname from pg_constraint o where o.conindid = i.indexrelid and o.contype in ('p', 'u', 'x')),
        'columns', (
          select coalesce(json_agg(distinct a.attname), '[]') from pg_attribute a
          where a.attrelid = i.indrelid and a.attnum > 0 and (
            a.attnum = any (i.indkey) or exists (
              select from pg_depend d
              where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
                    and d.refclassid = 'pg_class'::regclass and d.refobjid = i.indrelid and d.refobjsubid = a.attnum
            )
          )
        )
      ) order by c.relname), '[]')
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
      join pg_am m on m.oid = c.relam
      where i.indrelid = to_regclass($1::text)
            or i.indrelid in (select oid from kept) and not exists (select from pg_inherits where inhrelid = i.indexrelid)
    ),
    'pages', sum(pg_relation_size(t.oid) / current_setting('block_size')::int),
    'pageBytes', current_setting('block_size')::int,
    'rows', case when bool_and(t.reltuples >= 0) then sum(t.reltuples) end,
    'liveRows', coalesce(sum(s.n_live_tup), 0),
    'deadRows', coalesce(sum(s.n_dead_tup), 0),
    'rowBytes', avg((
      select sum(p.avg_width * (1 - p.null_frac)) + ${ROW_OVERHEAD} from pg_stats p
      where p.schemaname = t.nspname and p.tablename = t.relname
    )),
    'updates', coalesce(sum(s.n_tup_upd), 0),
    'hotUpdates', coalesce(sum(s.n_tup_hot_upd), 0)
  )::text as facts
  from kept t left join pg_stat_all_tables s on s.relid = t.oid`;

/** @param table the quoted name of a table that is there */
export async function factsOf(database: Database, table: string): Promise<TableFacts> {
  const [row] = await database.query<{ facts: string }>('look at how the table is kept', FACTS, [table]);
  return JSON.parse((row as { facts: string }).facts) as TableFacts;
}
