import type { Access, Login, NewSession, Rotation } from '../../session-store.js';
import type { StoredSession } from '../../session/stored-session.js';
import type { SessionId } from '../../session/token.js';
import type { SessionDataError } from '../../session.errors.js';
import type { CommitOutcome, CommitRequest } from '../batching/commit-request.js';
import type { StoreMeter } from '../../stats/store-meter.js';
import { Adoptions } from './adoptions.js';
import { deadlinesOf } from '../batching/deadlines.js';
import type { RenewalOutcome, RenewalTarget } from '../batching/renewal-buffer.js';
import type { WriteRequest, Written } from '../batching/write-batcher.js';
import type { Connections, Queryable } from './driver/connections.js';
import type { Database, RawStatement } from './driver/database.js';
import { isOfLock, mayBeOfCommit } from './driver/refusals.js';
import { type Committed, committedOf, type Renewed, renewedOf } from './driver/raw-answers.js';
import { marksOne } from '../batching/splitting.js';
import { tooLargeData, unfitData } from '../limits.js';
import { Lookups } from './lookups.js';
import { MeteredDatabase } from './metered-database.js';
import { RowLengths } from './row-lengths.js';
import { RowVersionCache } from './row-version-cache.js';
import { adoptionStatements, type OldTable } from './sql/adoption.js';
import { ANNOUNCE, sessionTable } from './sql/announcement.js';
import { arrayOf, changesOf, mergeOf } from './sql/arguments.js';
import { commitStatements } from './sql/commit.js';
import { loginStatements } from './sql/login.js';
import { lookupStatements } from './sql/lookup.js';
import { maintenanceStatements } from './sql/maintenance.js';
import { sweep } from './sweep.js';

/** What part of the time of an operation is spent on waiting for a lock, which holds up all that is to be written next. */
const LOCK_PART = 10;

/** All the SQL of the session store, for one table. Every statement is one round trip and one transaction. */
export type Statements = ReturnType<typeof statementsFor>;

/**
 * @param instanceId who announces changes to other instances; `null` for none
 * @param old the table of which sessions are taken over; `null` for none
 */
export function statementsFor(table: string, instanceId: string | null, old: OldTable | null = null) {
  const on = sessionTable(table, instanceId);
  return {
    ...lookupStatements(on),
    ...commitStatements(on),
    ...loginStatements(on),
    ...maintenanceStatements(on),
    adoption: adoptionStatements(on, old),
  };
}

export interface SessionQueriesOptions {
  /** Milliseconds. */
  readonly queryTimeout: number;
  readonly maxDataBytes: number;
  readonly preparedStatements: boolean;
  /** Whether statements tell other processes what they have changed. */
  readonly notifies: boolean;
  readonly meter: StoreMeter;
}

/** A session to be stored for the first time. */
export interface CreateRequest extends WriteRequest {
  readonly session: NewSession;
}

/** A session to be ended. */
export interface DeleteRequest extends WriteRequest {
  /** `null` for any. */
  readonly generation: number | null;
  /** Whose it must be; anybody's unless given. */
  readonly userId?: string | undefined;
}

/** A login to a session that is there. */
export interface LoginRequest extends WriteRequest {
  readonly login: Login;
}

/** What became of a statement on one row: what it says; `null`: no such session; `locked` by another transaction. */
export type Attempt<Row> = Row | null | 'locked';

/** Which sessions are to be ended. */
type Which = keyof Statements['ended'];

/** What a statement that ends several sessions says. */
export interface Ended {
  /** Those that were live. */
  readonly ids: readonly SessionId[];
  /** How many rows it has removed. */
  readonly count: number;
  /** Whether there are more, or some are locked. */
  readonly left: boolean;
  readonly inTime: boolean;
  /** Those that have begun later, on the database's clock, are left out. */
  readonly since: number;
}

/** What is left out of many sessions that are ended. */
export interface LeftOut {
  readonly ids: readonly SessionId[];
  /** Those that have begun later, on the database's clock; `null` for those that begin from now on. */
  readonly since: number | null;
}

/** The statements of the session store: what each takes, and what its rows say. It tries nothing again, and knows no queue. */
export class SessionQueries implements RenewalTarget {
  readonly #db: Database;
  readonly #sql: Statements;
  readonly #givesRawRows: boolean;
  readonly #maxDataBytes: number;
  /** How long what others wait for waits for a lock on a row of another table, in milliseconds. */
  readonly #lockTimeout: number;
  readonly #queryTimeout: number;
  readonly #notifies: boolean;
  readonly #known = new RowVersionCache();
  readonly lengths = new RowLengths();
  readonly lookups: Lookups;
  readonly adoptions: Adoptions;

  constructor(connections: Connections, sql: Statements, options: SessionQueriesOptions) {
    // What answers next may be another database, which counts transactions on from where it was: a standby, promoted.
    const lost = (): void => this.#known.clear();
    this.#db = new MeteredDatabase(connections, { ...options, lost }, options.meter);
    this.#sql = sql;
    this.#givesRawRows = connections.givesRawRows;
    this.#maxDataBytes = options.maxDataBytes;
    this.#lockTimeout = Math.ceil(options.queryTimeout / LOCK_PART);
    this.#queryTimeout = options.queryTimeout;
    this.#notifies = options.notifies;
    this.lookups = new Lookups(this.#db, sql, this.#known, connections.givesRawRows);
    this.adoptions = new Adoptions(this.#db, sql.adoption, options.maxDataBytes, connections.most);
  }

  now(): number {
    return this.#db.now();
  }

  /** Sends a message to all processes that listen. */
  async announce(payload: string): Promise<void> {
    await this.#db.query('send a message to other processes', ANNOUNCE, [payload]);
  }

  /** The clock of deadlines, in milliseconds: it stands still while this process is kept from its work. */
  time(): number {
    return this.#db.time();
  }

  /** When an operation that begins now has to be done. */
  deadline(): number {
    return this.#db.deadline();
  }

  /** The deadline at a moment of the database's clock, as things stand. */
  deadlineAt(moment: number): number {
    return this.#db.deadlineAt(moment);
  }

  /** Ends nothing of its connections. */
  close(): void {
    this.#db.close();
  }

  /** Stores new sessions in one statement. */
  async create(requests: readonly CreateRequest[]): Promise<Written<StoredSession>[]> {
    const sessions = requests.map(({ session }) => session);
    const values = [
      arrayOf(sessions, ({ id }) => id),
      arrayOf(sessions, ({ secretHash }) => secretHash.toString('hex')),
      this.#deadlinesOf(requests),
      this.#maxDataBytes,
      sessions.map(({ userId }) => userId),
      sessions.map(({ auth }) => auth),
      sessions.map(({ data }) => data),
      arrayOf(sessions, ({ lifetime }) => lifetime.ttl),
      arrayOf(sessions, ({ lifetime }) => lifetime.absolute),
      sessions.map(({ ip }) => ip),
      sessions.map(({ userAgent }) => userAgent),
      arrayOf(sessions, ({ persistent }) => persistent),
    ];
    type Created = { readonly asked: SessionId; readonly inTime: boolean } & (StoredSession | { readonly id: null });
    const rows = await this.#together(requests, (last) =>
      this.#limited((lockTimeout) =>
        this.#db.query<Created>('create a session', this.#sql.create, [...values, lockTimeout], last),
      ),
    );
    return outcomesOf<Created, StoredSession>(requests, rows, 'locked', ({ asked, inTime, ...session }) => {
      if (session.id !== null) return [asked, session];
      // Sent late by a process that was kept from its work, it may have time left.
      return [asked, inTime ? this.tooLarge() : 'locked'];
    });
  }

  /** Writes changes of several sessions in one statement. */
  async commit(
    requests: readonly CommitRequest[],
    operation = 'save a session',
    on: Queryable | null = null,
  ): Promise<Written<CommitOutcome>[]> {
    const ids = arrayOf(requests, ({ id }) => id);
    const generations = arrayOf(requests, ({ generation }) => generation);
    const { kinds, arrays } = changesOf(requests);
    const renews = arrayOf(requests, ({ changes }) => changes.renew);
    const values = [ids, generations, renews, this.#deadlinesOf(requests), this.#maxDataBytes, ...arrays];
    const statement = this.#raw(this.#sql.commit(kinds), committedOf);
    const send = (last: number): Promise<Committed[]> => this.#db.query(operation, statement, values, last, on);
    const rows = await this.#together(requests, send, on);
    for (const { id } of requests) this.#known.forget(id);
    return outcomesOf<Committed, CommitOutcome>(requests, rows, null, (row) => {
      if (row.refusal === null) this.lengths.note(row.id, row.length);
      return [row.id, this.#committed(row)];
    });
  }

  #committed({ refusal, ttl, lastAccessAt, expiresAt, endsAt }: Committed): Written<CommitOutcome> {
    if (refusal === null) return { ttl, lastAccessAt, expiresAt, endsAt };
    return refusal === 'outdated' ? 'changed' : this.#refused(refusal);
  }

  #refused(refusal: 'large' | 'unfit' | 'locked'): SessionDataError | 'locked' {
    switch (refusal) {
      case 'large':
        return this.tooLarge();
      case 'unfit':
        return unfitData();
      case 'locked':
        return 'locked';
    }
  }

  async renew(accesses: readonly Pick<Access, 'id' | 'at'>[]): Promise<RenewalOutcome> {
    const now = this.now();
    const ids = accesses.map((access) => access.id);
    const ages = arrayOf(accesses, (access) => Math.ceil(Math.max(0, now - access.at)));
    const known = ids.map((id) => this.#known.get(id));
    const deadline = this.deadline();
    const versions = arrayOf(known, (one) => one?.version);
    const values = [arrayOf(ids, (id) => id), ages, this.#db.latestStart(deadline), versions];
    const renewal = this.#raw(this.#sql.renew, renewedOf);
    const [row] = await this.#db.query<Renewed>('renew sessions', renewal, values, deadline);
    const { locked = [], gone = [], changed = [], version = null } = row ?? {};
    const missing = new Set([...locked, ...gone]);
    const outdated = new Set([...missing, ...changed]);
    for (const [index, id] of ids.entries()) {
      const one = known[index];
      if (one !== undefined && version !== null && !outdated.has(id)) one.version = version;
    }
    return { renewed: missing.size === 0 ? ids : ids.filter((id) => !missing.has(id)), locked };
  }

  /**
   * Something to be done with a session in a transaction of its own, in which its row is locked. It may be done
   * again, where nothing of it has lasted.
   *
   * @returns `locked` where another transaction holds the row, which is not waited for: that would take a connection
   */
  whileLocked(
    operation: string,
    id: SessionId,
    generation: number | null,
    deadline: number,
    use: (stored: StoredSession, client: Queryable) => Promise<StoredSession | null>,
  ): Promise<Attempt<StoredSession>> {
    type Row = { readonly live: boolean | null } & (StoredSession | { readonly id: null });
    return this.#db.transaction(operation, deadline, async (client) => {
      const [row] = await this.#db.query<Row>(operation, this.#sql.lock, [id, generation], deadline, client);
      const { live = false, ...stored } = row ?? { id: null };
      if (stored.id === null) return live ? 'locked' : null;
      return use(stored, client);
    });
  }

  /** Signs users in to several sessions, in one statement. */
  async login(
    requests: readonly LoginRequest[],
    operation = 'log in',
    on: Queryable | null = null,
  ): Promise<Written<StoredSession | null>[]> {
    const logins = requests.map(({ login }) => login);
    const changes = logins.map((login) => mergeOf(login.changes));
    const values = [
      arrayOf(logins, ({ id }) => id),
      arrayOf(logins, ({ generation }) => generation),
      this.#deadlinesOf(requests),
      this.#maxDataBytes,
      arrayOf(logins, ({ secretHash }) => secretHash.toString('hex')),
      arrayOf(logins, ({ previousSecretHash }) => previousSecretHash?.toString('hex')),
      logins.map(({ userId }) => userId),
      logins.map(({ auth }) => auth),
      arrayOf(logins, ({ lifetime }) => lifetime.ttl),
      arrayOf(logins, ({ lifetime }) => lifetime.absolute),
      arrayOf(logins, ({ persistent }) => persistent),
      arrayOf(logins, ({ flush }) => flush),
      changes.map(({ set }) => set),
      changes.map(({ unset }) => unset),
      changes.map(({ increment }) => increment),
      changes.map(({ push }) => push),
    ];
    for (const { id } of logins) this.#known.forget(id);
    type LoggedIn = { readonly asked: SessionId; readonly refusal: 'large' | 'unfit' | 'locked' } & (
      StoredSession | { readonly id: null }
    );
    const sendBy = (last: number) => {
      const send = (lockTimeout: number): Promise<LoggedIn[]> =>
        this.#db.query(operation, this.#sql.login, [...values, lockTimeout], last, on);
      return on === null ? this.#limited(send) : send(this.#queryTimeout);
    };
    const rows = await this.#together(requests, sendBy, on);
    return outcomesOf<LoggedIn, StoredSession | null>(requests, rows, null, ({ asked, refusal, ...session }) => {
      if (session.id === null) return [asked, this.#refused(refusal)];
      this.lengths.note(asked, session.data.length);
      return [asked, session];
    });
  }

  rotate(operation: string, rotation: Rotation, deadline: number): Promise<Attempt<{ readonly changed: number }>> {
    const { id, generation, knownHash, secretHash } = rotation;
    const values = [id, generation, this.#db.latestStart(deadline), knownHash, secretHash];
    return this.#attempt(operation, this.#sql.rotate, values, deadline);
  }

  /** Ends sessions in one statement. */
  async delete(requests: readonly DeleteRequest[]): Promise<Written<boolean>[]> {
    const generations = arrayOf(requests, ({ generation }) => generation);
    const userIds = requests.map(({ userId = null }) => userId);
    const ids = arrayOf(requests, ({ id }) => id);
    const values = [ids, generations, this.#deadlinesOf(requests), userIds];
    for (const { id } of requests) this.#known.forget(id);
    type Deleted = { readonly id: SessionId | null; readonly locked: boolean };
    const rows = await this.#together(requests, (last) =>
      this.#limited((lockTimeout) =>
        this.#db.query<Deleted>('end a session', this.#sql.delete, [...values, lockTimeout], last),
      ),
    );
    return outcomesOf<Deleted, boolean>(requests, rows, false, ({ id, locked }) => [id, locked ? 'locked' : true]);
  }

  /** Ends sessions of which a statement says which, but for those that are locked for the moment. */
  async endMany(
    operation: string,
    which: Which,
    most: number,
    leftOut: LeftOut,
    values: readonly unknown[],
    deadline: number,
    until: number | null,
  ): Promise<Ended | undefined> {
    const send = (lockTimeout: number): Promise<Ended[]> => {
      const given = this.#toEnd(most, leftOut, values, deadline, lockTimeout);
      return this.#db.query<Ended>(operation, this.#sql.ended[which], given, deadline);
    };
    const [row] = await this.#db.certainly(() => this.#limited(send), until);
    return row;
  }

  /** The session that {@link endMany} would end if it ended one. */
  async nextToEnd(operation: string, which: Which, leftOut: LeftOut, values: readonly unknown[]): Promise<SessionId[]> {
    const given = this.#toEnd(1, leftOut, values, this.deadline(), this.#lockTimeout);
    const rows = await this.#db.query<{ id: SessionId }>(operation, this.#sql.next[which], given);
    return rows.map(({ id }) => id);
  }

  /** Removes what has expired, one range of pages at a time. */
  sweep(): AsyncGenerator<readonly SessionId[]> {
    return sweep(this.#db, this.#sql, this.#lockTimeout);
  }

  /** Whether it is the error of a statement that was too much for its time. */
  wasCancelled(error: unknown): boolean {
    return this.#db.wasCancelled(error);
  }

  /** Whether the sweep is a connection's from now until it ends, which it does once it is idle for as long as the lease. */
  claimSweep(operation: string, lease: number, on: Queryable): Promise<boolean> {
    return this.#isClaimed(operation, this.#sql.claimSweep, [lease], on);
  }

  /** Whether it still is. */
  holdsSweep(operation: string, on: Queryable): Promise<boolean> {
    return this.#isClaimed(operation, this.#sql.holdsSweep, [], on);
  }

  async #isClaimed(operation: string, statement: string, values: unknown[], on: Queryable): Promise<boolean> {
    const rows = await this.#db.query<{ claimed: boolean }>(operation, statement, values, this.deadline(), on);
    return rows[0]?.claimed === true;
  }

  tooLarge(): SessionDataError {
    return tooLargeData(this.#maxDataBytes);
  }

  /** A statement whose rows are read as PostgreSQL writes them, where that can be had. */
  #raw<Row>(text: string, read: (row: never) => Row): string | RawStatement<Row> {
    return this.#givesRawRows ? { text, read } : text;
  }

  /** A statement that locks one row. */
  async #attempt<Row extends object>(
    operation: string,
    text: string,
    values: unknown[],
    deadline: number,
    on: Queryable | null = null,
  ): Promise<Attempt<Row>> {
    type Answer = Row & { readonly live: boolean; readonly locked: number };
    const [row] = await this.#db.query<Answer>(operation, text, values, deadline, on);
    if (row === undefined || row.locked > 0) return row ?? null;
    return row.live ? 'locked' : null;
  }

  #toEnd(most: number, leftOut: LeftOut, values: readonly unknown[], deadline: number, lockTimeout: number): unknown[] {
    const ids = arrayOf(leftOut.ids, (id) => id);
    return [this.#db.latestStart(deadline), most, ids, leftOut.since, lockTimeout, ...values];
  }

  /**
   * The rows of a statement on several sessions. One that waits too long for a lock is taken apart, until the request is alone that waits for
   * it; not so one in a transaction of its own, which holds up no others.
   */
  async #together<Row>(
    requests: readonly WriteRequest[],
    send: (last: number) => Promise<Row[]>,
    on: Queryable | null = null,
  ): Promise<Row[] | 'waited'> {
    try {
      return await send(deadlinesOf(requests).last);
    } catch (error) {
      if (!isOfLock(error) || on !== null) throw error;
      if (requests.length > 1) throw marksOne(error as Error);
      return 'waited';
    }
  }

  /**
   * Sends a statement that waits for a lock on a row of another table for a part of its time. Where it may be its turn to notify others
   * that it has waited for, it is sent again, with the rest of its time: each that waits for that gets its turn.
   *
   * @param send takes how long to wait at most, in milliseconds; the statement itself waits no longer than until its first deadline
   */
  async #limited<Row>(send: (lockTimeout: number) => Promise<Row[]>): Promise<Row[]> {
    try {
      return await send(this.#lockTimeout);
    } catch (error) {
      if (!this.#notifies || !mayBeOfCommit(error)) throw error;
      return send(this.#queryTimeout);
    }
  }

  /** Those of requests on the database's clock, as an array. */
  #deadlinesOf(requests: readonly WriteRequest[]): string {
    const offset = this.#db.latestStart(0);
    return arrayOf(requests, ({ deadline }) => deadline + offset);
  }
}

/**
 * What became of each request.
 *
 * @param absent of one for whose session there is no row
 * @param outcomeOf what a row says, and of which session; `null` for none
 */
function outcomesOf<Row, Outcome>(
  requests: readonly WriteRequest[],
  rows: readonly Row[] | 'waited',
  absent: Written<Outcome>,
  outcomeOf: (row: Row) => readonly [SessionId | null, Written<Outcome>],
): Written<Outcome>[] {
  if (rows === 'waited') return requests.map(() => rows);
  const outcomes = new Map(rows.map(outcomeOf));
  return requests.map(({ id }) => outcomes.get(id) ?? absent);
}
