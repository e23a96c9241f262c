import { styleText } from 'node:util';
import { placeOf, type TableProblem, tableProblems } from '../../store/postgres/table-check.js';
import { quoted, type TableName } from '../../store/postgres/table-name.js';
import { stateOf, type TableState } from '../../store/postgres/table-state.js';
import type { Connections } from '../../store/postgres/driver/connections.js';
import type { Database } from '../../store/postgres/driver/database.js';
import { type Command, type CommandContext, EXIT, type ExitCode } from '../command.js';
import type { Check } from '../doctor/check.js';
import { indexesCheck, userIndexCheck } from '../doctor/index-checks.js';
import { clockCheck, poolerCheck, writableCheck } from '../doctor/server-checks.js';
import { expiredCheck, tableChecks, WAITING_SINCE } from '../doctor/table-checks.js';
import { factsOf } from '../doctor/table-facts.js';
import { countExpired } from '../expired-rows.js';
import { failureText } from '../failure.js';
import { counted } from '../output.js';
import { escaped } from '../../shown.js';
import { widthOf } from '../text-width.js';
import { withDatabase, withPlace } from '../session-database.js';
import { UsageError } from '../usage-error.js';

export const doctor: Command = {
  name: 'doctor',
  summary: 'Looks for what is wrong with the table and the database',
  usage: 'doctor',
  details:
    'Each finding comes with its fix. It changes nothing. Run it as the role of the application, whose rights it looks at.',
  options: [],
  arguments: 0,
  async run(context) {
    try {
      return await withPlace(context, ({ orm, table, ...place }) =>
        withDatabase({ orm, table, ...place }, async (database, connections) => {
          const state = await stateOf(database, table);
          const checks = await examine(database, connections, table, state);
          return report(
            context,
            { database: state.database, role: state.role, table: quoted(placeOf(table, state)) },
            checks,
          );
        }),
      );
    } catch (error) {
      if (error instanceof UsageError) throw error;
      context.output.note(failureText(error));
      return EXIT.blind;
    }
  },
};

async function examine(
  database: Database,
  connections: Connections,
  wanted: TableName,
  state: TableState,
): Promise<Check[]> {
  const problems = [...tableProblems(wanted, state)];
  const checks = [
    await writableCheck(database),
    await clockCheck(database),
    await poolerCheck(connections),
    ...fitnessOf(problems, state),
  ];
  const { table } = state;
  // Of what is no table of ours there is no more to be said.
  if (table === null || problems.some(({ subject }) => subject === 'table')) return checks;
  const place = quoted(placeOf(wanted, state));
  const facts = await factsOf(database, place);
  checks.push(
    userIndexCheck(place, table.isUserIndexed, facts.isPartitioned),
    indexesCheck(place, facts.indexes),
    ...tableChecks(place, facts),
  );
  const mayRead = table.maySeeSchema && !table.missingRights.includes('SELECT');
  if (mayRead && table.columns['expires_at'] !== undefined) {
    checks.push(expiredCheck(await countExpired(database, place, WAITING_SINCE)));
  }
  return checks;
}

/** What the start of an application looks at as well. */
function fitnessOf(problems: readonly TableProblem[], { encoding, table }: TableState): Check[] {
  const seen: Readonly<Record<TableProblem['subject'], string>> = {
    encoding,
    table: table?.partitioning
      ? `in ${counted(table.partitioning.partitions.length, 'partition')}`
      : 'an ordinary table',
    columns: 'as this version wants them',
    key: 'on "id"',
    rights: 'select, insert, update, delete',
    'row security':
      table?.isSecured === true ? 'a policy for each right; what those hide is not looked at' : 'none for this role',
  };
  const isOurs = table !== null && problems.every(({ subject }) => subject !== 'table');
  const subjects = Object.keys(seen) as TableProblem['subject'][];
  return subjects
    .slice(0, isOurs ? subjects.length : 2)
    .map((subject) => ({ subject, seen: seen[subject], findings: problems.filter((one) => one.subject === subject) }));
}

/** Where it was looked, and as whom. */
interface Place {
  readonly database: string;
  readonly role: string;
  readonly table: string;
}

function report({ output }: CommandContext, place: Place, checks: readonly Check[]): ExitCode {
  const findings = checks.flatMap(({ subject, findings: found }) =>
    found.map(({ problem, fix }) => ({ subject, problem, fix })),
  );
  const isFine = findings.length === 0;
  const width = Math.max(...checks.map(({ subject }) => widthOf(subject)));
  const style = (format: 'green' | 'red', text: string): string => styleText(format, text, { stream: output.stdout });
  const lines = checks.flatMap(({ subject, seen, findings: found }) => {
    const name = subject.padEnd(width);
    if (found.length === 0) return [`${style('green', '✓')} ${name}  ${escaped(seen)}`];
    const indent = ' '.repeat(width + 4);
    return found.flatMap(({ problem, fix }) => [
      `${style('red', '✗')} ${name}  ${escaped(problem)}`,
      `${indent}→ ${escaped(fix)}`,
    ]);
  });
  const heading = `Table ${place.table} of database ${place.database}, as role ${place.role}:`;
  const summary = isFine ? 'Nothing is wrong.' : `${counted(findings.length, 'finding')}.`;
  const json = {
    ...place,
    ok: isFine,
    findings,
    checks: checks.map(({ subject, seen, findings: found }) => ({ subject, ok: found.length === 0, seen })),
  };
  output.answer(json, [escaped(heading), '', ...lines, '', summary].join('\n'));
  return isFine ? EXIT.fine : EXIT.failed;
}
