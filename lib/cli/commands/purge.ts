import { paced } from '../../store/paced.js';
import { quoted } from '../../store/postgres/table-name.js';
import { type Command, EXIT } from '../command.js';
import { countExpired } from '../expired-rows.js';
import { counted } from '../output.js';
import { Progress } from '../progress.js';
import { withDatabase, withStore } from '../session-database.js';

export const purge: Command = {
  name: 'purge',
  summary: 'Removes the rows of sessions that have expired',
  usage: 'purge',
  details:
    'They are absent already. It takes its time, 5,000 rows a second at most, as requests wait for the same disk.',
  options: [],
  arguments: 0,
  async run(context) {
    const { output } = context;
    return withStore(context, false, async (store, place) => {
      const total = await withDatabase(place, (database) => countExpired(database, quoted(place.table)));
      const progress = new Progress(output.stderr, 'Removed', 'expired session', total);
      try {
        for await (const ids of paced(store.deleteExpired())) progress.add(ids.length);
      } finally {
        progress.end();
      }
      output.answer({ removed: progress.done }, `Removed ${counted(progress.done, 'expired session')}.`);
      return EXIT.fine;
    });
  },
};
