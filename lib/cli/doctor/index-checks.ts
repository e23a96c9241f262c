import { quotedName } from '../../store/postgres/sql/quoting.js';
import { quoted } from '../../store/postgres/table-name.js';
import { numbered } from '../output.js';
import { type Check, check, type Finding } from './check.js';
import type { FoundIndex } from './table-facts.js';

/** What renewals and commits change. An index on one of them ends HOT updates. */
const CHANGED_ALL_THE_TIME = ['last_access_at', 'expires_at', 'updated_at', 'data'];

/** No two sessions have the same, so an index that is unique with one of them refuses nothing. */
const DIFFERENT_ANYWAY = ['id', 'secret_hash'];

const HOT = 'https://www.postgresql.org/docs/current/storage-hot.html';

/**
 * @param table its quoted name
 * @param isPartitioned for which no index can be created or dropped concurrently
 */
export function userIndexCheck(table: string, isUserIndexed: boolean, isPartitioned: boolean): Check {
  return check(
    'index on users',
    'there is one',
    isUserIndexed
      ? null
      : {
          problem: 'There is no index on "user_id": to list or end the sessions of a user reads the whole table.',
          fix: `Run "create index ${isPartitioned ? '' : 'concurrently '}on ${table} ("user_id") where "user_id" is not null".`,
        },
  );
}

/**
 * The indexes that are too many.
 *
 * @param table its quoted name
 */
export function indexesCheck(table: string, indexes: readonly FoundIndex[]): Check {
  return {
    subject: 'indexes',
    seen: `${numbered(indexes.length)}, none on what requests change`,
    findings: indexes.flatMap((index) => {
      const problem = problemOf(table, index);
      return problem === null ? [] : [{ problem, fix: fixOf(index) } satisfies Finding];
    }),
  };
}

/** Where several are wrong, the first: one fix mends them all. */
function problemOf(
  table: string,
  { name, columns, isSummary, isUnique, isPrimary, isValid }: FoundIndex,
): string | null {
  const index = `The index ${quotedName(name)}`;
  if (!isValid) {
    return `${index} is invalid, as one whose creation failed or is under way: writes keep it, and no query uses it.`;
  }
  const changed = columns.filter((column) => CHANGED_ALL_THE_TIME.includes(column));
  if (changed.length > 0 && !isSummary) {
    return (
      `${index} is on ${listed(changed)}, which requests change: each renewal writes to all indexes of ${table}, ` +
      `instead of to none (${HOT}).`
    );
  }
  // Of the primary key the check of the table has said it.
  if (isUnique && !isPrimary && !columns.some((column) => DIFFERENT_ANYWAY.includes(column))) {
    return (
      `${index} lets no two sessions have the same ${listed(columns)}: a login that makes them so fails, as that of a ` +
      'user with a second device may (for few devices there is "maxSessionsPerUser").'
    );
  }
  return null;
}

function fixOf({ name, schema, table, isPartitioned, constraint, isValid }: FoundIndex): string {
  const statement =
    constraint === null
      ? `drop index ${isPartitioned ? '' : 'concurrently '}${quoted({ schema, name })}`
      : `alter table ${quoted({ schema, name: table })} drop constraint ${quotedName(constraint)}`;
  return isValid ? `Run "${statement}".` : `Unless it is being created just now, run "${statement}".`;
}

function listed(columns: readonly string[]): string {
  return columns.map(quotedName).join(', ');
}
