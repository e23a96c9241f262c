import type { SessionId } from '../../session/token.js';
import type { SessionStore } from '../../session-store.js';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { assertCanAsk, confirmed } from '../confirm.js';
import { counted } from '../output.js';
import { escaped } from '../../shown.js';
import { Progress } from '../progress.js';
import { sessionIdOf, userOf } from '../selection.js';
import { withStore } from '../session-database.js';
import { UsageError } from '../usage-error.js';

/** What is to be ended. */
interface Target {
  /** As a question names it. */
  readonly text: string;
  count(store: SessionStore): Promise<number>;
  end(store: SessionStore): AsyncIterable<readonly SessionId[]>;
}

export const revoke: Command = {
  name: 'revoke',
  summary: 'Ends sessions: one, those of a user, or all',
  usage: 'revoke <id> | --user <user> | --all',
  details: 'It asks first. Requests that are under way with such a session are refused, and caches hear of it.',
  options: [
    { name: 'user', value: 'user', help: 'all sessions of this user' },
    { name: 'all', help: 'all sessions of everybody' },
    { name: 'yes', help: 'do not ask' },
  ],
  arguments: 1,
  async run(context) {
    const target = targetOf(context);
    assertCanAsk(context);
    const { output } = context;
    return withStore(context, true, async (store) => {
      const count = await target.count(store);
      // Of a user that has more, no more are listed.
      const many = count === 1_000 ? '1,000 or more sessions' : counted(count, 'session');
      if (count > 0 && !(await confirmed(context, `End ${many} ${target.text}?`))) {
        output.note('Nothing was ended.');
        return EXIT.failed;
      }
      const progress = new Progress(output.stderr, 'Ended', 'session', count);
      try {
        for await (const ids of target.end(store)) progress.add(ids.length);
      } finally {
        progress.end();
      }
      const { done } = progress;
      output.answer({ ended: done }, done === 0 ? 'There was no such session.' : `Ended ${counted(done, 'session')}.`);
      return EXIT.fine;
    });
  },
};

/** @throws {UsageError} unless exactly one is said */
function targetOf(context: CommandContext): Target {
  const { arguments: args } = context;
  const [id] = args.positionals;
  const user = userOf(context.arguments);
  const given = [id !== undefined, user !== undefined, args.has('all')].filter(Boolean).length;
  if (given !== 1) throw new UsageError('Say what to end: the id of one session, or --user, or --all.');
  if (id !== undefined) return one(sessionIdOf(id));
  return user === undefined ? all : ofUser(user);
}

const one = (id: SessionId): Target => ({
  text: id,
  count: async (store) => ((await store.find(id)) === null ? 0 : 1),
  async *end(store) {
    if (await store.delete(id, null)) yield [id];
  },
});

const ofUser = (user: string): Target => ({
  text: `of ${escaped(user)}`,
  count: async (store) => (await store.findByUser(user)).length,
  end: (store) => store.deleteByUser(user, null),
});

const all: Target = {
  text: 'of everybody, who then have to sign in anew',
  count: (store) => store.count(),
  end: (store) => store.deleteAll(),
};
