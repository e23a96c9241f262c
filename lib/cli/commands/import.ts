import type { AdoptionProgress } from '../../adoption/adopt-all.js';
import { OperatorReports } from '../../operator-reports.js';
import { SessionConfigurationError } from '../../session.errors.js';
import { type ResolvedSessionOptions, resolveOptions, type SessionModuleOptions } from '../../session.options.js';
import { SessionManager } from '../../session-manager.js';
import type { SessionStore } from '../../session-store.js';
import { withEncryption } from '../../store/encrypting.session-store.js';
import { MikroOrmSessionStore } from '../../store/postgres/mikro-orm.session-store.js';
import { quoted, type TableName } from '../../store/postgres/table-name.js';
import { type Command, type CommandContext, EXIT } from '../command.js';
import { defaultExportOf } from '../default-export.js';
import { counted, numbered, type Output } from '../output.js';
import { Progress } from '../progress.js';
import { QUERY_TIMEOUT, withDatabase, withPlace } from '../session-database.js';
import type { SessionPlace } from '../session-place.js';
import { UsageError } from '../usage-error.js';

/** The application's, and the table that it adopts sessions of. */
interface Given {
  readonly options: ResolvedSessionOptions;
  readonly oldTable: TableName;
}

export const importOld: Command = {
  name: 'import',
  summary: 'Takes over all sessions of express-session from the table of connect-pg-simple',
  usage: 'import --options <file>',
  details:
    'The cookies that browsers have open them from then on, in an application with the same option "adopt". It may run while ' +
    'visitors come, and again.',
  options: [
    {
      name: 'options',
      value: 'file',
      help: 'what SessionModule.forRoot() is given, as its default export: "adopt" with a "table", the timeouts, the keys',
    },
  ],
  arguments: 0,
  async run(context) {
    const given = await givenIn(context);
    const { output } = context;
    return withPlace(context, async (place) => {
      const { seen, adopted } = await run(given, place, output);
      output.answer({ seen, adopted }, textOf({ seen, adopted }));
      return EXIT.fine;
    });
  },
};

async function run({ options, oldTable }: Given, place: SessionPlace, output: Output): Promise<AdoptionProgress> {
  const manager = new SessionManager(storeOf(options, oldTable, place), options, reportsTo(output));
  await manager.start();
  try {
    const total = await withDatabase(place, async (database) => {
      const counting = `select count(*)::int as count from ${quoted(oldTable)}`;
      const [row] = await database.query<{ count: number }>('count the old sessions', counting, []);
      return row?.count ?? 0;
    });
    const progress = new Progress(output.stderr, 'Looked at', 'old session', total);
    let last: AdoptionProgress = { seen: 0, adopted: 0 };
    try {
      for await (const step of manager.adoptAll()) {
        progress.add(step.seen - last.seen);
        last = step;
      }
    } catch (error) {
      progress.end();
      if (last.seen > 0) output.note(`${textOf(last)} The others stay: run it again.`);
      throw error;
    }
    progress.end();
    return last;
  } finally {
    await manager.stop();
  }
}

function textOf({ seen, adopted }: AdoptionProgress): string {
  return `Took over ${numbered(adopted)} of ${counted(seen, 'session')} of express-session.`;
}

function storeOf(options: ResolvedSessionOptions, oldTable: TableName, { orm, tableName }: SessionPlace): SessionStore {
  const invalidation = options.cache !== null;
  const store = new MikroOrmSessionStore(orm, { ...options, ensureSchema: false, tableName, oldTable, invalidation });
  return withEncryption(store, options, () => {});
}

/** What cannot be taken over. That sessions are ready is of no interest. */
function reportsTo(output: Output): OperatorReports {
  const note = (line: string): void => output.note(line);
  return new OperatorReports({ log: () => {}, warn: note, error: note });
}

/** @throws {UsageError} where there is no table to take sessions from */
async function givenIn({ arguments: args }: CommandContext): Promise<Given> {
  const file = args.text('options');
  if (file === undefined) throw new UsageError('It is not said which options the application has: give --options.');
  const all = await defaultExportOf(file, 'The file', 'options of SessionModule');
  // What stands beside the options in forRoot(); where the table is, the command line says, and no visitor waits here.
  const { contextName: _, tableName: __, store: ___, interceptor: ____, ...given } = all;
  try {
    const options = resolveOptions({ ...(given as SessionModuleOptions), sweep: false, queryTimeout: QUERY_TIMEOUT });
    const oldTable = options.adopt?.table ?? null;
    if (oldTable !== null) return { options, oldTable };
  } catch (error) {
    if (error instanceof SessionConfigurationError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
  throw new UsageError('The options name no table of old sessions: give them "adopt", with a "table".');
}
