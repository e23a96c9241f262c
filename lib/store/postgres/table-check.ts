import { SessionSetupError } from '../../session.errors.js';
import { COLUMNS } from './sql/columns.js';
import { quotedName } from './sql/quoting.js';
import { quoted, type TableName } from './table-name.js';
import type { FoundTable, TableState } from './table-state.js';

/** What `relkind` says where it is no ordinary table. */
const OTHER_KINDS: Readonly<Record<string, string | undefined>> = {
  v: 'a view',
  m: 'a materialized view',
  p: 'a partitioned table',
  f: 'a foreign table',
  i: 'an index',
  S: 'a sequence',
  c: 'a type',
};

/** What a type of ours is called by `format_type()`. A time with fewer digits would be rounded. */
const FORMATTED: Readonly<Record<string, readonly string[] | undefined>> = {
  int: ['integer'],
  'timestamptz(6)': ['timestamp with time zone', 'timestamp(6) with time zone'],
};

/**
 * Makes sure that sessions can be kept in the table, before a visitor finds that they cannot.
 *
 * @returns where it is
 * @throws {SessionSetupError} saying what is wrong first, and the fix
 */
export function checkTable(wanted: TableName, state: TableState): TableName {
  const { encoding, database, table } = state;
  if (encoding !== 'UTF8') {
    throw new SessionSetupError(
      `The database ${quotedName(database)} keeps text as ${encoding}, in which not every session can be stored. Keep ` +
        `sessions in a database that was created with "encoding 'UTF8' template template0".`,
    );
  }
  if (table === null) throw new SessionSetupError(missing(wanted, state));
  const where = { schema: table.schema, name: wanted.name };
  const problem =
    wrongKind(table) ?? wrongColumn(quoted(where), table) ?? missingRight(quoted(where), state.role, table);
  if (problem !== null) throw new SessionSetupError(`The table ${quoted(where)} ${problem}`);
  return where;
}

function missing(wanted: TableName, { role, elsewhere }: TableState): string {
  const place =
    wanted.schema === undefined ? `the search path of role ${quotedName(role)}` : `schema ${quotedName(wanted.schema)}`;
  const hint =
    elsewhere.length === 0
      ? ''
      : ` It was looked for in ${place}; there is one in ${elsewhere.map(quotedName).join(', ')}: if it ` +
        'is meant, name that as "schema" in the configuration of MikroORM, or put it on the search path.';
  return (
    `The table ${quoted(wanted)} is missing. Apply SessionMigration (or the schema generator), or set "ensureSchema: true" ` +
    `to have it created at start.${hint}`
  );
}

function wrongKind({ kind, isParent }: FoundTable): string | null {
  const fix = 'Rename it, or drop it, and apply SessionMigration.';
  if (kind !== 'r') return `is ${OTHER_KINDS[kind] ?? 'something else'}, and must be an ordinary table. ${fix}`;
  return isParent ? `has others that inherit from it, and must be one table. ${fix}` : null;
}

function wrongColumn(table: string, { columns, hasKey }: FoundTable): string | null {
  const lacking = Object.keys(COLUMNS).filter((name) => !Object.hasOwn(columns, name));
  if (lacking.length > Object.keys(COLUMNS).length / 2) {
    return (
      `is another's: it lacks ${lacking.map(quotedName).join(', ')}. Keep sessions in a table of their own: ` +
      `SessionModule.forRoot({ tableName: 'web_sessions' }), and sessionEntity({ tableName: 'web_sessions' }) where ` +
      'entities are listed.'
    );
  }
  if (lacking.length > 0) {
    return (
      `lacks what this version has: the column${lacking.length > 1 ? 's' : ''} ${lacking.map(quotedName).join(', ')}. Add ` +
      'what is missing with the schema generator (orm.schema.update()) or a migration that MikroORM generates.'
    );
  }
  for (const [name, definition] of Object.entries(COLUMNS)) {
    const { type, isNullable } = columns[name] as (typeof columns)[string];
    const [wanted = '', ...rest] = definition.split(' ');
    const alter = `alter table ${table} alter column ${quotedName(name)}`;
    if (!(FORMATTED[wanted] ?? [wanted]).includes(type)) {
      return `has the column ${quotedName(name)} as ${type}, which must be ${wanted}. Run "${alter} type ${wanted}".`;
    }
    if (!isNullable && !rest.includes('not')) {
      return `has the column ${quotedName(name)} as "not null", which must allow null. Run "${alter} drop not null".`;
    }
  }
  const unknown = Object.entries(columns).find(
    ([name, { isNullable, hasDefault }]) => !(name in COLUMNS) && !isNullable && !hasDefault,
  );
  if (unknown !== undefined) {
    const name = quotedName(unknown[0]);
    return (
      `has a column ${name} that sessions do not fill, and that must have a value. Give it a default, or run ` +
      `"alter table ${table} alter column ${name} drop not null".`
    );
  }
  return hasKey ? null : `has no primary key. Run "alter table ${table} add primary key ("id")".`;
}

function missingRight(
  table: string,
  roleName: string,
  { schema, maySeeSchema, missingRights, withoutPolicy }: FoundTable,
): string | null {
  const role = quotedName(roleName);
  if (!maySeeSchema) {
    return `is in a schema that role ${role} may not use. Run "grant usage on schema ${quotedName(schema)} to ${role}".`;
  }
  if (missingRights.length > 0) {
    const rights = missingRights.join(', ');
    return `gives role ${role} no right to ${rights}. Run "grant ${rights.toLowerCase()} on ${table} to ${role}".`;
  }
  if (withoutPolicy.length === 0) return null;
  return (
    `has row security, and no policy lets role ${role} ${withoutPolicy.join(', ')} a row: every visitor would be signed ` +
    `out. Run "alter table ${table} disable row level security", or "create policy sessions_all on ${table} to ${role} ` +
    'using (true) with check (true)".'
  );
}
