import { type Command, EXIT } from '../command.js';
import { counted } from '../output.js';
import { withStore } from '../session-database.js';

export const count: Command = {
  name: 'count',
  summary: 'Counts the live sessions',
  usage: 'count',
  options: [],
  arguments: 0,
  async run(context) {
    const live = await withStore(context, false, (store) => store.count());
    context.output.answer({ count: live }, counted(live, 'live session'));
    return EXIT.fine;
  },
};
