import { createHash } from 'node:crypto';
import { SessionDataError, SessionStoreUnavailableError } from '../../../session.errors.js';
import { StoreClock } from '../../store-clock.js';
import { FIRST_PAUSE, longerPause, paused } from '../../batching/backoff.js';
import { marksOne } from '../../batching/splitting.js';
import type { Connections, PoolClient, Query, Queryable } from './connections.js';
import { loggable } from './error-cause.js';
import { isLost, mayConcernOneRow, refusalOf, wasRolledBack } from './refusals.js';

/** In milliseconds. A timer may fire early, and two clocks never agree: "not written" is said only once the database would refuse. */
const MARGIN = 5;

/** How {@link Database} behaves. */
export interface DatabaseOptions {
  /** How long an operation may take, its waiting included, in milliseconds. */
  readonly queryTimeout: number;
  /** Whether statements are prepared by name, once a connection. */
  readonly preparedStatements: boolean;
  /** Called when the database did not answer. */
  lost(): void;
}

/** A statement whose rows come as PostgreSQL writes them, and what reads one. */
export interface RawStatement<Row> {
  readonly text: string;
  readonly read: (row: never) => Row;
}

/**
 * Sends statements through a pool, each until its deadline, and reads the database's clock from the answers. Every
 * failure is a {@link SessionStoreUnavailableError}, but for what the database refuses to write: a
 * {@link SessionDataError}.
 */
export class Database {
  readonly #connections: Connections;
  readonly #options: DatabaseOptions;
  readonly #clock = new StoreClock();
  readonly #names = new Map<string, string>();

  constructor(connections: Connections, options: DatabaseOptions) {
    this.#connections = connections;
    this.#options = options;
  }

  /** The database's clock, in milliseconds since the epoch. */
  now(): number {
    return this.#clock.now();
  }

  /** When an operation that begins now has to be done. */
  deadline(): number {
    return this.#clock.now() + this.#options.queryTimeout;
  }

  /** @param operation what it is for, to follow "the session store could not …" */
  async query<Row extends object>(
    operation: string,
    statement: string | RawStatement<Row>,
    values: unknown[],
    deadline = this.deadline(),
    on?: Queryable,
  ): Promise<Row[]> {
    try {
      const isRaw = typeof statement !== 'string';
      const query = this.#prepared(isRaw ? statement.text : statement, values, isRaw);
      const answer = await (on ? this.#inTime(on.query(query), deadline) : this.#untilNotRolledBack(query, deadline));
      const given = answer.rows ?? [];
      const rows = isRaw ? (given as never[]).map(statement.read) : given;
      const first = rows[0] as { now?: unknown; readAt?: unknown } | undefined;
      const now = first?.now ?? first?.readAt;
      if (typeof now === 'number') this.#clock.observe(now);
      return rows as Row[];
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== undefined) {
        throw new SessionDataError('', `The database refused the changes to the session: ${refusal}.`, {
          cause: loggable(error),
        });
      }
      if (isLost(error)) this.#options.lost();
      if (error instanceof SessionStoreUnavailableError) throw error;
      const unavailable = new SessionStoreUnavailableError(operation, { cause: loggable(error) });
      throw mayConcernOneRow(error) ? marksOne(unavailable) : unavailable;
    }
  }

  /** A transaction on a connection of its own, which waits for locks and for the client no longer than until then. */
  async transaction<Result>(
    operation: string,
    deadline: number,
    use: (connection: Queryable) => Promise<Result>,
  ): Promise<Result> {
    const client = await this.#connect(operation, deadline);
    const left = Math.max(1, Math.ceil(deadline - this.now()));
    const begin = `begin isolation level read committed; set local lock_timeout = ${left}; set local idle_in_transaction_session_timeout = ${left}`;
    let isBroken = true;
    try {
      await this.query(operation, begin, [], deadline, client);
      try {
        const result = await use(client);
        await this.query(operation, 'commit', [], deadline, client);
        isBroken = false;
        return result;
      } catch (error) {
        if (!(error instanceof SessionStoreUnavailableError)) {
          await this.query(operation, 'rollback', [], deadline, client);
          isBroken = false;
        }
        throw error;
      }
    } finally {
      // A connection that is thrown away takes its transaction along.
      client.release(isBroken);
    }
  }

  /**
   * Where the server isolates transactions more strictly than by default, it may roll a statement back for the sake of
   * another: https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html.
   */
  async #untilNotRolledBack(query: Query, deadline: number): Promise<{ rows?: unknown[] }> {
    for (let pause = FIRST_PAUSE; ; pause = longerPause(pause)) {
      try {
        return await this.#onPool(query, deadline);
      } catch (error) {
        if (!wasRolledBack(error) || !(await paused(pause, deadline - this.now()))) throw error;
      }
    }
  }

  /**
   * On a connection of the pool. One that does not answer in time is thrown away: it may never answer, and a pool whose
   * connections have gone silent would be lost with them.
   */
  async #onPool(query: Query, deadline: number): Promise<{ rows?: unknown[] }> {
    const lease: { client: PoolClient | null; hasAnswered: boolean; isOver: boolean } = {
      client: null,
      hasAnswered: false,
      isOver: false,
    };
    const use = async (): Promise<{ rows?: unknown[] }> => {
      const client = await this.#connections.connect(false);
      if (lease.isOver) {
        // The operation was given up while it waited for the connection.
        client.release(false);
        return {};
      }
      lease.client = client;
      try {
        return await client.query(query);
      } finally {
        lease.hasAnswered = true;
      }
    };
    try {
      return await this.#inTime(use(), deadline);
    } finally {
      lease.isOver = true;
      lease.client?.release(!lease.hasAnswered);
    }
  }

  /** For a transaction. */
  async #connect(operation: string, deadline: number): Promise<PoolClient> {
    const connecting = this.#connections.connect(true);
    try {
      return await this.#inTime(connecting, deadline);
    } catch (error) {
      // The connection may still come.
      connecting.then(
        (late) => late.release(false),
        () => {},
      );
      throw new SessionStoreUnavailableError(operation, { cause: loggable(error) });
    }
  }

  /** Statements without values are not worth a name. */
  #prepared(text: string, values: unknown[], isRaw: boolean): Query {
    if (!this.#options.preparedStatements || values.length === 0) return { text, values, isRaw };
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `session_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
      this.#names.set(text, name);
    }
    return { name, text, values, isRaw };
  }

  async #inTime<Result>(promise: Promise<Result>, deadline: number): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const giveUp = (): void =>
        reject(new Error(`the database did not answer within ${this.#options.queryTimeout} ms`));
      timer = setTimeout(giveUp, Math.ceil(Math.max(0, deadline - this.now())) + MARGIN);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
