import { flawOf } from '../../session/flaw.js';
import { durationText } from '../../session/lifetime.js';
import type { StoredSession } from '../../session/stored-session.js';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { sessionIdOf } from '../selection.js';
import { withStore } from '../session-database.js';
import { readStored } from '../stored-values.js';
import { textTable } from '../text-table.js';
import { timeOf } from '../time.js';
import { UsageError } from '../usage-error.js';

export const show: Command = {
  name: 'show',
  summary: 'Shows a live session, without what is in it',
  usage: 'show <id>',
  details: 'Never what opens it.',
  options: [{ name: 'data', help: 'its data, and what login() was given, as well' }],
  arguments: 1,
  async run(context) {
    const [given] = context.arguments.positionals;
    if (given === undefined) throw new UsageError('It is not said which session: give its id.');
    const id = sessionIdOf(given);
    const found = await withStore(context, false, (store) => store.find(id));
    if (found === null) {
      context.output.note('There is no such session.');
      return EXIT.failed;
    }
    answer(context, found);
    return EXIT.fine;
  },
};

function answer({ arguments: args, output }: CommandContext, stored: StoredSession): void {
  const about = {
    id: stored.id,
    userId: stored.userId,
    createdAt: timeOf(stored.createdAt),
    authenticatedAt: timeOf(stored.authenticatedAt),
    lastAccessAt: timeOf(stored.lastAccessAt),
    expiresAt: timeOf(stored.expiresAt),
    endsAt: timeOf(stored.endsAt),
    idleTimeout: durationText(stored.ttl),
    generation: stored.generation,
    persistent: stored.persistent,
    ip: stored.ip,
    userAgent: stored.userAgent,
    dataBytes: Buffer.byteLength(stored.data),
    // The column for whose sake applications take it for absent.
    unusable: flawOf(stored),
  };
  const values = args.has('data') ? readStored(stored) : null;
  const rows = Object.entries(about).map(([name, value]) => [name, String(value ?? '–')]);
  const text = textTable(['id', stored.id], rows.slice(1), Infinity);
  const { json, lines } = values ?? { json: {}, lines: [] };
  output.answer({ ...about, ...json }, [text, ...lines].join('\n'));
}
