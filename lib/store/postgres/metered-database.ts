import type { StatementName } from '../../stats/session-stats.js';
import type { StoreMeter } from '../../stats/store-meter.js';
import type { Connections, Queryable } from './driver/connections.js';
import { Database, type DatabaseOptions, type Statement } from './driver/database.js';

/** What operations are called where they are counted. */
const NAMES: Readonly<Record<string, StatementName | undefined>> = {
  'read the clock': 'clock',
  'find a session': 'find',
  'list the sessions of a user': 'list',
  'count the sessions': 'count',
  'create a session': 'create',
  'save a session': 'commit',
  'renew sessions': 'renew',
  'update a session': 'update',
  'log in': 'login',
  'regenerate a session': 'rotate',
  'end a session': 'delete',
  'end the sessions of a user': 'end_many',
  'limit the sessions of a user': 'end_many',
  'end all sessions': 'end_many',
  'sweep sessions': 'sweep',
  'claim the sweep': 'claim_sweep',
};

/** A database whose statements are counted, with how long each took. */
export class MeteredDatabase extends Database {
  readonly #meter: StoreMeter;

  constructor(connections: Connections, options: DatabaseOptions, meter: StoreMeter) {
    super(connections, options);
    this.#meter = meter;
  }

  override query<Row extends object>(
    operation: string,
    statement: Statement<Row>,
    values: unknown[],
    deadline = this.deadline(),
    on: Queryable | null = null,
  ): Promise<Row[]> {
    return this.#measured(operation, () => super.query(operation, statement, values, deadline, on));
  }

  override read<Row extends object>(
    operation: string,
    statement: Statement<Row>,
    values: unknown[],
    deadline = this.deadline(),
  ): Promise<Row[]> {
    return this.#measured(operation, () => super.read(operation, statement, values, deadline));
  }

  async #measured<Result>(operation: string, send: () => Promise<Result>): Promise<Result> {
    const name = NAMES[operation] ?? 'other';
    const since = performance.now();
    try {
      const { tracer } = this.#meter;
      const result = await (tracer === null ? send() : tracer.statement(name, send));
      this.#meter.answered(name, performance.now() - since);
      return result;
    } catch (error) {
      this.#meter.answered(name, performance.now() - since, error);
      throw error;
    }
  }
}
