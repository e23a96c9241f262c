import { createTableSql } from '../../store/postgres/session.migration.js';
import { type Command, EXIT } from '../command.js';
import { tableNameOf } from '../session-place.js';

export const schema: Command = {
  name: 'schema',
  summary: 'Prints the SQL that creates the table',
  usage: 'schema',
  details: 'It needs no database: --config, --schema and --table say what the table is called.',
  options: [],
  arguments: 0,
  async run(context) {
    const statements = createTableSql(await tableNameOf(context)).map(outdented);
    context.output.answer({ statements }, statements.map((statement) => `${statement};`).join('\n\n'));
    return EXIT.fine;
  },
};

/** As it would be written in a file. */
function outdented(statement: string): string {
  return statement.replaceAll(/^ {4}/gm, '');
}
