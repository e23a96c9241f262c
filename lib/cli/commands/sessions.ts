import { type Command, EXIT } from '../command.js';
import { counted } from '../output.js';
import { escaped } from '../../shown.js';
import { userOf } from '../selection.js';
import { withStore } from '../session-database.js';
import { textTable } from '../text-table.js';
import { timeOf } from '../time.js';
import { UsageError } from '../usage-error.js';

export const sessions: Command = {
  name: 'sessions',
  summary: 'Lists the live sessions of a user',
  usage: 'sessions --user <user>',
  details: 'Oldest first; of very many, the 1,000 that began last.',
  options: [{ name: 'user', value: 'user', help: 'the id of the user, as given to login()' }],
  arguments: 0,
  async run(context) {
    const user = userOf(context.arguments);
    if (user === undefined) throw new UsageError('It is not said whose sessions: give --user.');
    const found = await withStore(context, false, (store) => store.findByUser(user));
    const listed = found.map((one) => ({
      id: one.id,
      authenticatedAt: timeOf(one.authenticatedAt),
      lastAccessAt: timeOf(one.lastAccessAt),
      expiresAt: timeOf(one.expiresAt),
      ip: one.ip,
      userAgent: one.userAgent,
    }));
    const rows = listed.map((one) => Object.values(one).map((value) => value ?? '–'));
    const headings = ['ID', 'SIGNED IN', 'LAST ACCESS', 'EXPIRES', 'IP', 'USER AGENT'];
    const table = textTable(headings, rows);
    context.output.answer(
      { user, sessions: listed },
      listed.length === 0 ? `No live session of ${escaped(user)}.` : table,
    );
    if (!context.output.isJson && listed.length > 0) context.output.note(counted(listed.length, 'live session'));
    return EXIT.fine;
  },
};
