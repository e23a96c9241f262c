import { createHash } from 'node:crypto';
import { SessionDataError, SessionStoreUnavailableError } from '../../../session.errors.js';
import { StoreClock } from '../../store-clock.js';
import { LostTime } from '../../lost-time.js';
import { untilDeadline } from '../../until-deadline.js';
import { FIRST_PAUSE, longerPause, paused } from '../../batching/backoff.js';
import { marksOne } from '../../batching/splitting.js';
import type { Connections, PoolClient, Query, Queryable } from './connections.js';
import { loggable } from './error-cause.js';
import {
  GivenUp,
  isBadState,
  isCutOff,
  isLost,
  mayConcernOneRow,
  ReadOnlyServer,
  refusalOf,
  sqlState,
  wasRolledBack,
} from './refusals.js';

/** For how long a handler may compute in the middle of a transaction whose connection must not be ended, in milliseconds. */
const LONGEST_COMPUTING = 60_000;

/**
 * The part of an operation's time at whose end the server begins nothing any more, and waits for no lock: what has begun may take a while,
 * as with a trigger of the application's, and the server counts its limit of a lock from when the waiting begins. What is told to have
 * failed must not be written when the lock is let go then.
 */
const LAST_PART = 20;

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

/** A statement, and how its rows are read. */
export type Statement<Row> = string | RawStatement<Row>;

/** A connection that a statement has, or waits for. */
interface Lease {
  client: PoolClient | null;
  /** That of the statement, once it is sent. */
  answer: Promise<{ rows?: unknown[] }> | null;
  isOver: boolean;
}

/** How a transaction gets on. */
interface Progress {
  /** How long what it is for has taken between its statements, in all attempts, in milliseconds: it would again. */
  own: number;
  /** Whether COMMIT may have been sent. */
  isCommitting: boolean;
}

/**
 * Sends statements through a pool, each until its deadline, and reads the database's clock from the answers. Every
 * failure is a {@link SessionStoreUnavailableError}, but for what the database refuses to write: a
 * {@link SessionDataError}.
 *
 * Deadlines are moments of a clock of this process, which stands still while it cannot take in answers, and which nobody sets:
 * {@link time}. Only in what is sent they are moments of the database's.
 */
export class Database {
  readonly #connections: Connections;
  readonly #options: DatabaseOptions;
  readonly #clock = new StoreClock();
  readonly #lost = new LostTime();
  readonly #names = new Map<string, string>();
  /** Errors of a connection whose state is bad, on which nothing has run. */
  readonly #badStates = new WeakSet<Error>();
  /** Errors of a connection that has ended. */
  readonly #cutOffs = new WeakSet<Error>();
  /** Errors of what there was no time left for. */
  readonly #late = new WeakSet<Error>();
  /** What the server says of statements that were not answered in time, once they are cancelled, by their errors. */
  readonly #lateRows = new WeakMap<Error, Promise<object[]>>();
  /** Errors of those that it has cancelled. */
  readonly #cancelled = new WeakSet<Error>();

  constructor(connections: Connections, options: DatabaseOptions) {
    this.#connections = connections;
    this.#options = options;
    this.#lost.start();
  }

  /** The database's clock, in milliseconds since the epoch. */
  now(): number {
    return this.#clock.now();
  }

  /** The clock of deadlines, in milliseconds. */
  time(): number {
    return this.#lost.time();
  }

  /** When an operation that begins now has to be done. */
  deadline(): number {
    return this.time() + this.#options.queryTimeout;
  }

  /** When the server may begin at the latest, for a deadline, as a moment of its clock, as things stand. */
  latestStart(deadline: number): number {
    return deadline - this.#options.queryTimeout / LAST_PART + this.#ahead();
  }

  /** The deadline at a moment of the database's clock, as things stand. */
  deadlineAt(moment: number): number {
    return moment - this.#ahead();
  }

  /**
   * The rows of a statement, in time or not. Where it is cancelled, the server has as long again as an operation to say what became of it:
   * it may be done all the same.
   *
   * @param until when what it is part of is to be done, on the clock of deadlines; then no longer than that
   */
  async certainly<Row extends object>(send: () => Promise<Row[]>, until: number | null = null): Promise<Row[]> {
    try {
      return await send();
    } catch (error) {
      const late = error instanceof Error ? this.#lateRows.get(error) : undefined;
      if (late === undefined) throw error;
      try {
        return (await this.#inTime(late, until ?? this.deadline())) as Row[];
      } catch (reason) {
        if (sqlState(reason) !== undefined && !isCutOff(reason)) this.#cancelled.add(error as Error);
        throw error;
      }
    }
  }

  /** Whether it is the error of a statement that was too much for its time: the server has cancelled it, and says so. */
  wasCancelled(error: unknown): boolean {
    return error instanceof Error && this.#cancelled.has(error);
  }

  /** How far the database's clock is ahead of that of deadlines, in milliseconds. */
  #ahead(): number {
    return this.now() - this.time();
  }

  /** Ends nothing of its connections. */
  close(): void {
    this.#lost.stop();
  }

  /** @param operation what it is for, to follow "the session store could not …" */
  query<Row extends object>(
    operation: string,
    statement: Statement<Row>,
    values: unknown[],
    deadline = this.deadline(),
    on: Queryable | null = null,
  ): Promise<Row[]> {
    return this.#answer(operation, statement, values, deadline, on, false);
  }

  /** The same for a statement that changes nothing, whose rows have a clock: it is sent again where its connection ends. */
  read<Row extends object>(
    operation: string,
    statement: Statement<Row>,
    values: unknown[],
    deadline = this.deadline(),
  ): Promise<Row[]> {
    return this.#answer(operation, statement, values, deadline, null, true);
  }

  /**
   * A transaction on a connection of its own, which waits for locks no longer than until then, and for the client as long again as an
   * operation has, or longer.
   *
   * @param use may be called again: where the connection is bad, or has ended before COMMIT was sent, nothing of it has lasted, and it is
   *   begun anew on another one
   */
  async transaction<Result>(
    operation: string,
    deadline: number,
    use: (connection: Queryable) => Promise<Result>,
  ): Promise<Result> {
    const progress: Progress = { own: 0, isCommitting: false };
    let before: Error | null = null;
    for (let pause = FIRST_PAUSE; ; pause = longerPause(pause)) {
      try {
        return await this.#inTransaction(operation, deadline, use, progress);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        // Why it was begun again says more than that there was no time left for it.
        if (before !== null && !progress.isCommitting && this.#late.has(error)) throw before;
        if (!this.#isUndone(error, progress)) throw error;
        this.#connections.distrust();
        before = error;
        if (!(await paused(pause, deadline - this.time() - progress.own))) throw error;
      }
    }
  }

  /** Whether nothing has lasted of a transaction that may succeed at once. */
  #isUndone(error: Error, { isCommitting }: Progress): boolean {
    return this.#badStates.has(error) || (!isCommitting && this.#cutOffs.has(error));
  }

  async #inTransaction<Result>(
    operation: string,
    deadline: number,
    use: (connection: Queryable) => Promise<Result>,
    progress: Progress,
  ): Promise<Result> {
    const client = await this.#connect(operation, deadline);
    const lostBefore = this.#lost.total();
    let underWay: Promise<unknown> | null = null;
    let answeredAt = Infinity;
    const connection: Queryable = {
      query: async (query) => {
        progress.own += Math.max(0, performance.now() - answeredAt);
        const answer = client.query(query);
        underWay = answer;
        try {
          return await answer;
        } finally {
          underWay = null;
          answeredAt = performance.now();
        }
      },
    };
    const left = Math.max(1, Math.ceil(deadline - this.time()));
    const { queryTimeout } = this.#options;
    const idle = left + (this.#connections.mayEnd ? queryTimeout : Math.max(queryTimeout, LONGEST_COMPUTING));
    const begin = `begin isolation level read committed; set local lock_timeout = ${left}; set local idle_in_transaction_session_timeout = ${idle}`;
    let isBroken = true;
    try {
      await this.query(operation, begin, [], deadline, connection);
      try {
        const result = await use(connection);
        // While this process was kept from its work, the server may have ended it: to be known before COMMIT is sent.
        if (this.#lost.total() > lostBefore) await this.query(operation, 'select 1', [], deadline, connection);
        progress.isCommitting = true;
        await this.query(operation, 'commit', [], deadline, connection);
        isBroken = false;
        return result;
      } catch (error) {
        if (!(error instanceof SessionStoreUnavailableError)) {
          const rolledBack = this.query(operation, 'rollback', [], deadline, connection);
          isBroken = await rolledBack.then(
            () => false,
            () => true,
          );
        }
        throw error;
      }
    } finally {
      // A connection that is thrown away takes its transaction along.
      if (underWay !== null) client.abandon(underWay, false);
      else client.release(isBroken);
    }
  }

  async #answer<Row extends object>(
    operation: string,
    statement: Statement<Row>,
    values: unknown[],
    deadline: number,
    on: Queryable | null,
    isRead: boolean,
  ): Promise<Row[]> {
    const query = this.#prepared(statement, values);
    try {
      if (on !== null) return this.#rowsOf(statement, await this.#inTime(on.query(query), deadline), isRead);
      let before: unknown = null;
      for (let pause = FIRST_PAUSE; ; pause = longerPause(pause)) {
        const lease: Lease = { client: null, answer: null, isOver: false };
        try {
          return this.#rowsOf(statement, await this.#onPool(query, deadline, lease), isRead);
        } catch (error) {
          // Why it was sent again says more than that there was no time left for it.
          if (before !== null && error instanceof GivenUp) throw before;
          if (!this.#mayBeRepeated(error, lease, isRead) || !(await paused(pause, deadline - this.time()))) throw error;
          before = error;
        }
      }
    } catch (error) {
      const failure = this.#failureOf(error, operation);
      if (error instanceof GivenUp && error.answer !== null) {
        const late = error.answer.then((answer) => this.#rowsOf(statement, answer, isRead));
        late.catch(() => {});
        this.#lateRows.set(failure, late);
      }
      throw failure;
    }
  }

  /**
   * Whether nothing has run, so that a statement may be sent again: where the server has rolled it back for the sake of
   * another, as one that isolates transactions strictly may
   * (https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html), or where it is the connection that is
   * bad, and no other that there is now is lent again. One that changes nothing may in any case, where its connection has ended.
   */
  #mayBeRepeated(error: unknown, lease: Lease, isRead: boolean): boolean {
    const isOfConnection = isBadState(error) || (isRead && lease.answer !== null && isCutOff(error));
    if (!isOfConnection) return wasRolledBack(error);
    this.#connections.distrust();
    // What answers next may be another server, and what is known of this one's rows is nothing there.
    this.#options.lost();
    return true;
  }

  #rowsOf<Row extends object>(statement: Statement<Row>, answer: { rows?: unknown[] }, isRead: boolean): Row[] {
    const given = answer.rows ?? [];
    const rows = typeof statement === 'string' ? given : (given as never[]).map(statement.read);
    const first = rows[0] as { now?: unknown; readAt?: unknown } | undefined;
    const now = first?.now ?? first?.readAt;
    if (typeof now === 'number') this.#clock.observe(now);
    else if (isRead && first !== undefined) throw new ReadOnlyServer();
    return rows as Row[];
  }

  #failureOf(error: unknown, operation: string): Error {
    const refusal = refusalOf(error);
    if (refusal !== undefined) {
      return new SessionDataError('', `The database refused the changes to the session: ${refusal}.`, {
        cause: loggable(error),
      });
    }
    if (isLost(error)) this.#options.lost();
    if (error instanceof SessionStoreUnavailableError) return error;
    const unavailable = new SessionStoreUnavailableError(operation, { cause: loggable(error) });
    if (isBadState(error)) this.#badStates.add(unavailable);
    if (isCutOff(error)) this.#cutOffs.add(unavailable);
    if (error instanceof GivenUp) this.#late.add(unavailable);
    return mayConcernOneRow(error) ? marksOne(unavailable) : unavailable;
  }

  /** On a connection of the pool, which is given back, or given up while it has not answered. */
  async #onPool(query: Query, deadline: number, lease: Lease): Promise<{ rows?: unknown[] }> {
    const use = async (): Promise<{ rows?: unknown[] }> => {
      const client = await this.#connected(false, deadline);
      if (lease.isOver) {
        // The operation was given up while it waited for the connection.
        client.release(false);
        return {};
      }
      lease.client = client;
      lease.answer = client.query(query);
      return lease.answer;
    };
    try {
      const answer = await this.#inTime(use(), deadline);
      lease.client?.release(false);
      return answer;
    } catch (error) {
      lease.isOver = true;
      if (lease.answer !== null && error instanceof GivenUp) {
        error.answer = lease.answer;
        lease.client?.abandon(lease.answer, true);
      } else lease.client?.release(isBadState(error) || isCutOff(error));
      throw error;
    }
  }

  /**
   * A connection. Where this process was kept from its work while it was made, and it was not to be had, that may be all there
   * was to it, as for a pool's own limit: it is asked for again.
   */
  async #connected(isForTransaction: boolean, deadline: number): Promise<PoolClient> {
    for (let pause = FIRST_PAUSE; ; pause = longerPause(pause)) {
      const lostBefore = this.#lost.total();
      try {
        return await this.#connections.connect(isForTransaction);
      } catch (error) {
        if (this.#lost.total() === lostBefore || !(await paused(pause, deadline - this.time()))) throw error;
      }
    }
  }

  /** For a transaction. */
  async #connect(operation: string, deadline: number): Promise<PoolClient> {
    const connecting = this.#connected(true, deadline);
    try {
      return await this.#inTime(connecting, deadline);
    } catch (error) {
      // The connection may still come.
      connecting.then(
        (late) => late.release(false),
        () => {},
      );
      const unavailable = new SessionStoreUnavailableError(operation, { cause: loggable(error) });
      if (error instanceof GivenUp) this.#late.add(unavailable);
      throw unavailable;
    }
  }

  /** Statements without values are not worth a name. */
  #prepared(statement: Statement<object>, values: unknown[]): Query {
    const isRaw = typeof statement !== 'string';
    const text = isRaw ? statement.text : statement;
    if (!this.#options.preparedStatements || values.length === 0) return { text, values, isRaw };
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `session_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
      this.#names.set(text, name);
    }
    return { name, text, values, isRaw };
  }

  /** @throws {GivenUp} when the time is up, and nothing lies unread that has arrived */
  async #inTime<Result>(promise: Promise<Result>, deadline: number): Promise<Result> {
    const lostBefore = this.#lost.total();
    const left = (): number => deadline - this.time();
    return untilDeadline(promise, left, () => new GivenUp(this.#noAnswer(this.#lost.total() - lostBefore)));
  }

  /** @param lost how long this process could not look, in milliseconds */
  #noAnswer(lost: number): string {
    const beside =
      lost === 0 ? '' : `, besides ${Math.round(lost)} ms in which a handler kept this process from looking`;
    return `the database did not answer within ${this.#options.queryTimeout} ms${beside}`;
  }
}
