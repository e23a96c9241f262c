import { createTableSql, isPartitionCount } from '../../store/postgres/session.migration.js';
import { type Command, EXIT } from '../command.js';
import { tableNameOf } from '../session-place.js';
import { UsageError } from '../usage-error.js';

export const schema: Command = {
  name: 'schema',
  summary: 'Prints the SQL that creates the table',
  usage: 'schema',
  details: 'It needs no database: --config, --schema and --table say what the table is called.',
  options: [{ name: 'partitions', value: 'count', help: 'into how many partitions; none unless given' }],
  arguments: 0,
  async run(context) {
    const typed = context.arguments.text('partitions');
    const partitions = typed === undefined ? null : Number(typed);
    if (partitions !== null && !isPartitionCount(partitions)) {
      throw new UsageError('--partitions takes a whole number from 2 to 256, such as 16.');
    }
    const statements = createTableSql(await tableNameOf(context), partitions).map(outdented);
    context.output.answer({ statements }, statements.map((statement) => `${statement};`).join('\n\n'));
    return EXIT.fine;
  },
};

/** As it would be written in a file. */
function outdented(statement: string): string {
  return statement.replaceAll(/^ {4}/gm, '');
}
