import { SessionSetupError } from '../../session.errors.js';
import { partitionFlaw } from './partition-check.js';
import { COLUMNS } from './sql/columns.js';
import { quotedName } from './sql/quoting.js';
import { quoted, type TableName } from './table-name.js';
import type { FoundTable, TableState } from './table-state.js';

/** What keeps sessions out of a table, and the fix: a sentence each. */
export interface TableProblem {
  readonly subject: 'encoding' | 'table' | 'columns' | 'key' | 'rights' | 'row security';
  readonly problem: string;
  readonly fix: string;
}

/** What `relkind` says where it is neither an ordinary table nor a partitioned one. */
const OTHER_KINDS: Readonly<Record<string, string | undefined>> = {
  v: 'a view',
  m: 'a materialized view',
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
  for (const { problem, fix } of tableProblems(wanted, state)) throw new SessionSetupError(`${problem} ${fix}`);
  return placeOf(wanted, state);
}

/** Where the table is, once it is found. */
export function placeOf(wanted: TableName, { table }: TableState): TableName {
  return { schema: table?.schema ?? wanted.schema, name: wanted.name };
}

/** All that keeps sessions out of the table: nothing of columns and rights where it is no table of ours. */
export function* tableProblems(wanted: TableName, state: TableState): Generator<TableProblem> {
  const { encoding, database, table } = state;
  if (encoding !== 'UTF8') {
    yield {
      subject: 'encoding',
      problem: `The database ${quotedName(database)} keeps text as ${encoding}, in which not every session can be stored.`,
      fix: `Keep sessions in a database that was created with "encoding 'UTF8' template template0".`,
    };
  }
  if (table === null) {
    yield missing(wanted, state);
    return;
  }
  const place = quoted(placeOf(wanted, state));
  const subject = `The table ${place}`;
  const strange = wrongKind(subject, table) ?? anothers(subject, table);
  if (strange !== null) {
    yield strange;
    return;
  }
  yield* wrongColumns(place, table);
  if (!table.hasKey) yield wrongKey(place, table);
  yield* missingRights(place, state.role, table);
}

function missing(wanted: TableName, { role, elsewhere }: TableState): TableProblem {
  const place =
    wanted.schema === undefined ? `the search path of role ${quotedName(role)}` : `schema ${quotedName(wanted.schema)}`;
  const schemas = elsewhere.map(({ schema }) => quotedName(schema)).join(', ');
  const hint =
    elsewhere.length === 0
      ? ''
      : ` It was looked for in ${place}; there is one in ${schemas}: if it is meant, name that as "schema" in the ` +
        'configuration of MikroORM, or put it on the search path.';
  // PostgreSQL passes over schemas of the search path that the role may not use.
  const grants = elsewhere
    .filter(({ maySee }) => !maySee)
    .map(({ schema }) => {
      const name = quotedName(schema);
      return ` Role ${quotedName(role)} may not use ${name}: run "grant usage on schema ${name} to ${quotedName(role)}".`;
    });
  return {
    subject: 'table',
    problem: `The table ${quoted(wanted)} is missing.`,
    fix:
      'Apply SessionMigration (or the schema generator), or set "ensureSchema: true" to have it created at start.' +
      hint +
      grants.join(''),
  };
}

function wrongKind(table: string, { kind, isParent, partitioning }: FoundTable): TableProblem | null {
  if (partitioning !== null) {
    const flaw = partitionFlaw(table, partitioning);
    return flaw && { subject: 'table', ...flaw };
  }
  const fix = 'Rename it, or drop it, and apply SessionMigration.';
  if (kind !== 'r') {
    const what = OTHER_KINDS[kind] ?? 'something else';
    return { subject: 'table', problem: `${table} is ${what}, and must be an ordinary table.`, fix };
  }
  if (!isParent) return null;
  return { subject: 'table', problem: `${table} has others that inherit from it, and must be one table.`, fix };
}

function lackingOf({ columns }: FoundTable): string[] {
  return Object.keys(COLUMNS).filter((name) => !Object.hasOwn(columns, name));
}

function anothers(table: string, found: FoundTable): TableProblem | null {
  const lacking = lackingOf(found);
  if (lacking.length <= Object.keys(COLUMNS).length / 2) return null;
  return {
    subject: 'table',
    problem: `${table} is another's: it lacks ${lacking.map(quotedName).join(', ')}.`,
    fix:
      `Keep sessions in a table of their own: SessionModule.forRoot({ tableName: 'web_sessions' }), and ` +
      `sessionEntity({ tableName: 'web_sessions' }) where entities are listed.`,
  };
}

function* wrongColumns(place: string, found: FoundTable): Generator<TableProblem> {
  const subject = 'columns';
  const { columns } = found;
  const lacking = lackingOf(found);
  if (lacking.length > 0) {
    const names = `column${lacking.length > 1 ? 's' : ''} ${lacking.map(quotedName).join(', ')}`;
    yield {
      subject,
      problem: `The table ${place} lacks what this version has: the ${names}.`,
      fix: 'Add what is missing with the schema generator (orm.schema.update()) or a migration that MikroORM generates.',
    };
  }
  for (const [name, definition] of Object.entries(COLUMNS)) {
    if (lacking.includes(name)) continue;
    const { type, isNullable } = columns[name] as (typeof columns)[string];
    const [wanted = '', ...rest] = definition.split(' ');
    const has = `The table ${place} has the column ${quotedName(name)}`;
    const alter = `alter table ${place} alter column ${quotedName(name)}`;
    if (!(FORMATTED[wanted] ?? [wanted]).includes(type)) {
      yield {
        subject,
        problem: `${has} as ${type}, which must be ${wanted}.`,
        fix: `Run "${alter} type ${wanted}".`,
      };
    }
    if (!isNullable && !rest.includes('not')) {
      yield {
        subject,
        problem: `${has} as "not null", which must allow null.`,
        fix: `Run "${alter} drop not null".`,
      };
    }
  }
  for (const [name, { isNullable, hasDefault }] of Object.entries(columns)) {
    if (Object.hasOwn(COLUMNS, name) || isNullable || hasDefault) continue;
    yield {
      subject,
      problem: `The table ${place} has a column ${quotedName(name)} that sessions do not fill, and that must have a value.`,
      fix: `Give it a default, or run "alter table ${place} alter column ${quotedName(name)} drop not null".`,
    };
  }
}

function wrongKey(place: string, { primaryKey }: FoundTable): TableProblem {
  const add = 'add primary key ("id")';
  if (primaryKey === null) {
    return {
      subject: 'key',
      problem: `The table ${place} has no primary key.`,
      fix: `Run "alter table ${place} ${add}".`,
    };
  }
  const { name, definition } = primaryKey;
  return {
    subject: 'key',
    problem: `The table ${place} has the "${definition}", which must be "PRIMARY KEY (id)".`,
    fix: `Run "alter table ${place} drop constraint ${quotedName(name)}, ${add}".`,
  };
}

function* missingRights(place: string, roleName: string, found: FoundTable): Generator<TableProblem> {
  const { schema, maySeeSchema, missingRights: lacking, withoutPolicy } = found;
  const role = quotedName(roleName);
  const table = `The table ${place}`;
  if (!maySeeSchema) {
    yield {
      subject: 'rights',
      problem: `${table} is in a schema that role ${role} may not use.`,
      fix: `Run "grant usage on schema ${quotedName(schema)} to ${role}".`,
    };
  }
  if (lacking.length > 0) {
    const rights = lacking.join(', ');
    yield {
      subject: 'rights',
      problem: `${table} gives role ${role} no right to ${rights}.`,
      fix: `Run "grant ${rights.toLowerCase()} on ${place} to ${role}".`,
    };
  }
  if (withoutPolicy.length === 0) return;
  yield {
    subject: 'row security',
    problem:
      `${table} has row security, and no policy lets role ${role} ${withoutPolicy.join(', ')} a row: every visitor would ` +
      'be signed out.',
    fix:
      `Run "alter table ${place} disable row level security", or "create policy sessions_all on ${place} to ${role} ` +
      'using (true) with check (true)".',
  };
}
