import { randomBytes } from 'node:crypto';
import type { MikroORM } from '@mikro-orm/core';
import type { SessionId } from '../../session/token.js';
import type { DataChanges, SessionChanges } from '../../session/data/changes.js';
import type { CommittedTimes, Login, NewSession, Rotation } from '../../session/persistence.js';
import type { StoredSession } from '../../session/stored-session.js';
import { SessionDataError, SessionSetupError, SessionStoreUnavailableError } from '../../session.errors.js';
import { type Access, type ChangeListener, type RenewalOutcome, SessionStore } from '../session-store.js';
import { FIRST_PAUSE, jittered, longerPause } from '../batching/backoff.js';
import { type CommitOutcome, type CommitRequest, foldCommits } from '../batching/commit-request.js';
import { LookupBatcher } from '../batching/lookup-batcher.js';
import type { FoundValues } from '../found-values.js';
import { KeyedQueue } from '../batching/keyed-queue.js';
import { WriteBatcher, type WriteRequest, type Written } from '../batching/write-batcher.js';
import { InvalidationFeed } from './invalidation-feed.js';
import type { Connections, LoneConnection, Queryable } from './driver/connections.js';
import { connectionsOf, type OrmConnection } from './driver/connections-of.js';
import { Database, type RawStatement } from './driver/database.js';
import { arrayOf, changesOf, mergeOf } from './sql/arguments.js';
import { type KnownSession, RowVersionCache } from './row-version-cache.js';
import { type Committed, committedOf, type Renewed, renewedOf } from './driver/raw-answers.js';
import { type RawSession, sessionOf } from './driver/raw-session.js';
import { checkTable, createTable, sessionTableOf } from './session-table.js';
import { sessionTable } from './sql/announcement.js';
import { commitStatements } from './sql/commit.js';
import { loginStatements } from './sql/login.js';
import { lookupStatements } from './sql/lookup.js';
import { maintenanceStatements } from './sql/maintenance.js';

type Statements = ReturnType<typeof statementsFor>;

function statementsFor(table: string, instanceId: string | null) {
  const on = sessionTable(table, instanceId);
  return { ...lookupStatements(on), ...commitStatements(on), ...loginStatements(on), ...maintenanceStatements(on) };
}

/** What the store is told by the module's options. */
export interface MikroOrmSessionStoreOptions {
  /** Milliseconds. */
  readonly queryTimeout: number;
  readonly maxDataBytes: number;
  readonly ensureSchema: boolean;
  /** Whether statements that are sent again and again are prepared by name, once a connection. @default true */
  readonly preparedStatements?: boolean;
  /** Whether other processes, which cache sessions, are told of changes. @default false */
  readonly tellsChanges?: boolean;
}

/** What a statement that locks one row says besides. */
interface Attempt {
  /** Whether the session was there to be locked. */
  readonly live: boolean;
  /** How many rows it locked. */
  readonly locked: number;
}

/** A session to be stored for the first time. */
interface CreateRequest extends WriteRequest {
  readonly session: NewSession;
}

/** A session to be ended. */
interface DeleteRequest extends WriteRequest {
  /** `null` for any. */
  readonly generation: number | null;
}

/** What there is once the store is open. */
interface Opened {
  readonly db: Database;
  readonly sql: Statements;
  readonly connections: Connections;
}

/** What a statement that ends several sessions says. */
interface Ended {
  readonly ids: readonly SessionId[];
  /** How many more it would have ended. */
  readonly locked: number;
  readonly inTime: boolean;
}

/** How many pages one statement of a sweep looks through: half a megabyte, so that none is felt. */
const SWEPT_PAGES = 64;

/** Sessions in PostgreSQL, through MikroORM's own connection pool, past its entity manager and identity map. */
export class MikroOrmSessionStore extends SessionStore {
  readonly #orm: MikroORM;
  readonly #options: MikroOrmSessionStoreOptions;
  readonly #finds = new LookupBatcher({
    now: () => this.now(),
    findMany: (ids, deadline) => this.#findMany(ids, deadline),
  });
  readonly #creations = new WriteBatcher<CreateRequest, StoredSession>({
    operation: 'create a session',
    now: () => this.now(),
    write: (requests) => this.#create(requests),
  });
  readonly #commits = new WriteBatcher<CommitRequest, CommitOutcome>({
    operation: 'save a session',
    now: () => this.now(),
    write: (requests) => this.#commit('save a session', requests),
    fold: foldCommits,
  });
  readonly #deletions = new WriteBatcher<DeleteRequest, boolean>({
    operation: 'end a session',
    now: () => this.now(),
    write: (requests) => this.#delete(requests),
  });
  /** What look-ups need not tell again. Stays empty on connections that give no raw rows. */
  readonly #known = new RowVersionCache();
  /** One update of a session at a time: to wait here takes no connection, to wait in the database does. */
  readonly #updates = new KeyedQueue();
  #open: Opened | null = null;
  /** The connection whose lock says that it is for this process to sweep. */
  #sweepClaim: LoneConnection | null = null;
  #feed: InvalidationFeed | null = null;
  /** The name of this process in its announcements to others. */
  readonly #instanceId = randomBytes(6).toString('hex');

  constructor(orm: MikroORM, options: MikroOrmSessionStoreOptions) {
    super();
    this.#orm = orm;
    this.#options = options;
  }

  async open(): Promise<void> {
    const { queryTimeout, preparedStatements = true, ensureSchema, tellsChanges = false } = this.#options;
    const table = sessionTableOf(this.#orm);
    const sql = statementsFor(table, tellsChanges ? this.#instanceId : null);
    const connections = await connectionsOf(this.#orm.driver.getConnection() as unknown as OrmConnection);
    if (tellsChanges && connections.lone === null) {
      throw new SessionSetupError(
        'The cache needs a connection on which processes hear each other, which a Kysely instance or dialect of your own ' +
          'does not give. Set "cache: false", or let MikroORM make the pool.',
      );
    }
    if (ensureSchema) await createTable(connections, table);
    await checkTable(connections, table, sql.check);
    // What answers next may be another database, which counts transactions on from where it was: a standby, promoted.
    const lost = (): void => this.#known.clear();
    const db = new Database(connections, { queryTimeout, preparedStatements, lost });
    await db.query('read the clock', sql.clock, []);
    this.#open = { db, sql, connections };
  }

  now(): number {
    return this.#db.now();
  }

  find(id: SessionId): Promise<StoredSession | null> {
    return this.#finds.find(id, this.#db.deadline());
  }

  async create(session: NewSession): Promise<StoredSession> {
    if (session.data.length > this.#options.maxDataBytes) throw this.#tooLarge();
    return this.#creations.write({ id: session.id, session, deadline: this.#db.deadline() });
  }

  async commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null> {
    this.#refuseLarge(changes);
    const request = { id, generation, changes, found: null, deadline: this.#db.deadline() };
    // As nothing had to be found, nothing can have changed.
    return this.#commits.write(request) as Promise<CommittedTimes | null>;
  }

  override async commitIf(
    id: SessionId,
    generation: number,
    found: FoundValues,
    changes: SessionChanges,
    deadline = this.#db.deadline(),
  ): Promise<CommitOutcome> {
    this.#refuseLarge(changes);
    return this.#commits.write({ id, generation, changes, found, deadline });
  }

  async update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
    deadline = this.#db.deadline(),
  ): Promise<StoredSession | null> {
    const operation = 'update a session';
    return this.#locking(operation, id, generation, deadline, async (stored, client) => {
      const changes = change(stored);
      if (changes === null) return stored;
      this.#refuseLarge(changes);
      const request = { id, generation: stored.generation, changes, found: null, deadline };
      const [outcome = null] = await this.#commit(operation, [request], client);
      if (outcome instanceof SessionDataError) throw outcome;
      if (outcome === 'locked' || outcome === 'changed') throw new SessionStoreUnavailableError(operation);
      return outcome && { ...stored, ...outcome };
    });
  }

  async renew(accesses: readonly Access[]): Promise<RenewalOutcome> {
    const now = this.now();
    const ids = accesses.map((access) => access.id);
    const ages = arrayOf(accesses, (access) => Math.ceil(Math.max(0, now - access.at)));
    const known = ids.map((id) => this.#known.get(id));
    const { db, sql } = this.#opened;
    const values = [arrayOf(ids, (id) => id), ages, db.deadline(), arrayOf(known, (one) => one?.version)];
    const [row] = await db.query<Renewed>('renew sessions', this.#raw(sql.renew, renewedOf), values);
    const { locked = [], gone = [], changed = [], version = null } = row ?? {};
    const missing = new Set([...locked, ...gone]);
    const outdated = new Set([...missing, ...changed]);
    for (const [index, id] of ids.entries()) {
      const one = known[index];
      if (one !== undefined && version !== null && !outdated.has(id)) one.version = version;
    }
    return { renewed: missing.size === 0 ? ids : ids.filter((id) => !missing.has(id)), locked };
  }

  async login(login: Login, changesTo?: (stored: StoredSession) => DataChanges | null): Promise<StoredSession | null> {
    const operation = 'log in';
    const { id, generation } = login;
    const values = this.#valuesOf(login);
    if (changesTo === undefined) {
      return this.#loggedIn(await this.#changeOne<StoredSession>(operation, this.#sql.login, id, generation, values));
    }
    const deadline = this.#db.deadline();
    return this.#locking(operation, id, generation, deadline, async (stored, client) => {
      const all = [id, generation, deadline, ...this.#valuesOf({ ...login, changes: changesTo(stored) })];
      const [row] = await this.#db.query<StoredSession & Attempt>(operation, this.#sql.login, all, deadline, client);
      return this.#loggedIn(row !== undefined && row.locked > 0 ? row : null);
    });
  }

  async rotate(rotation: Rotation): Promise<'rotated' | 'superseded' | 'gone'> {
    const { id, generation, knownHash, secretHash } = rotation;
    const hashes = [knownHash, secretHash];
    const operation = 'regenerate a session';
    const row = await this.#changeOne<{ changed: number }>(operation, this.#sql.rotate, id, generation, hashes);
    if (row === null) return 'gone';
    // Under this generation only regenerate() can have replaced the secret, and more than once while this one waited.
    return row.changed > 0 ? 'rotated' : 'superseded';
  }

  async delete(id: SessionId, generation: number | null): Promise<boolean> {
    return this.#deletions.write({ id, generation, deadline: this.#db.deadline() });
  }

  async findByUser(userId: string): Promise<StoredSession[]> {
    return this.#sessions('list the sessions of a user', this.#sql.findByUser, [userId]);
  }

  async deleteByUser(userId: string, except: SessionId | null): Promise<SessionId[]> {
    return this.#endAll('end the sessions of a user', this.#sql.deleteByUser, [userId, except]);
  }

  async keepNewest(userId: string, count: number): Promise<SessionId[]> {
    return this.#endAll('limit the sessions of a user', this.#sql.keepNewest, [userId, count]);
  }

  async deleteAll(): Promise<number> {
    return (await this.#endAll('end all sessions', this.#sql.deleteAll, [])).length;
  }

  async *deleteExpired(): AsyncGenerator<readonly SessionId[]> {
    const pages = await this.#count('sweep sessions', this.#sql.pages, []);
    for (let page = 0; page < pages; page += SWEPT_PAGES) {
      const range = [`(${page},0)`, `(${page + SWEPT_PAGES},0)`];
      const rows = await this.#db.query<{ id: SessionId }>('sweep sessions', this.#sql.sweep, range);
      yield rows.map((row) => row.id);
    }
  }

  async claimSweep(): Promise<boolean> {
    if (this.#sweepClaim !== null) return true;
    const operation = 'claim the sweep';
    // The claim lasts as long as the connection.
    const { lone } = this.#opened.connections;
    // Without one, each process sweeps: they only do the same work twice.
    if (lone === null) return true;
    const connection = lone();
    const lost = (): void => {
      if (this.#sweepClaim === connection) this.#sweepClaim = null;
    };
    connection.on('error', lost);
    connection.on('end', lost);
    try {
      await connection.connect();
      const deadline = this.#db.deadline();
      const [row] = await this.#db.query<{ claimed: boolean }>(
        operation,
        this.#sql.claimSweep,
        [],
        deadline,
        connection,
      );
      if (row?.claimed) this.#sweepClaim = connection;
    } catch (error) {
      throw new SessionStoreUnavailableError(operation, { cause: error });
    } finally {
      if (this.#sweepClaim === null) endSoon(connection);
    }
    return this.#sweepClaim !== null;
  }

  async subscribe(listener: ChangeListener): Promise<void> {
    const { lone } = this.#opened.connections;
    if (lone === null) return;
    this.#feed = new InvalidationFeed(lone, this.#instanceId, listener);
    await this.#feed.start();
  }

  close(): Promise<void> {
    this.#feed?.close();
    if (this.#sweepClaim !== null) endSoon(this.#sweepClaim);
    this.#sweepClaim = null;
    return Promise.resolve();
  }

  async count(): Promise<number> {
    return this.#count('count the sessions', this.#sql.count, []);
  }

  /** Looks up sessions in one statement, which leaves out what is known. */
  async #findMany(ids: readonly SessionId[], deadline: number): Promise<StoredSession[]> {
    const operation = 'find a session';
    const { db, sql, connections } = this.#opened;
    const wanted = arrayOf(ids, (id) => id);
    if (!connections.givesRawRows) return db.query<StoredSession>(operation, sql.find, [wanted], deadline);
    const known = new Map<SessionId, KnownSession>();
    const versions = arrayOf(ids, (id) => {
      const one = this.#known.get(id);
      if (one !== undefined) known.set(id, one);
      return one?.version;
    });
    const read = (row: RawSession): StoredSession => {
      const session = sessionOf(row, known.get(row[0])?.session);
      if (row[4] !== null) this.#known.add(session, row[4]);
      return session;
    };
    return db.query(operation, { text: sql.findRaw, read }, [wanted, versions], deadline);
  }

  get #db(): Database {
    return this.#opened.db;
  }

  get #sql(): Statements {
    return this.#opened.sql;
  }

  get #opened(): Opened {
    if (this.#open === null) throw new SessionSetupError('The session store is used before it was opened.');
    return this.#open;
  }

  /** A statement whose rows are read as PostgreSQL writes them, where that can be had. */
  #raw<Row>(text: string, read: (row: never) => Row): string | RawStatement<Row> {
    return this.#opened.connections.givesRawRows ? { text, read } : text;
  }

  /** Ends all sessions that a statement is about, those that are locked for the moment as soon as they are not. */
  async #endAll(operation: string, text: string, values: unknown[]): Promise<SessionId[]> {
    const ids: SessionId[] = [];
    return this.#untilUnlocked(operation, async (deadline) => {
      const [row] = await this.#db.query<Ended>(operation, text, [deadline, ...values], deadline);
      ids.push(...(row?.ids ?? []));
      if (!row?.inTime) throw new SessionStoreUnavailableError(operation);
      return row.locked > 0 ? null : ids;
    });
  }

  /** Writes changes of several sessions in one statement. */
  async #commit(
    operation: string,
    requests: readonly CommitRequest[],
    on?: Queryable,
  ): Promise<Written<CommitOutcome>[]> {
    const ids = arrayOf(requests, ({ id }) => id);
    const generations = arrayOf(requests, ({ generation }) => generation);
    const { kinds, arrays } = changesOf(requests);
    const { first, last } = deadlinesOf(requests);
    const values = [ids, generations, arrayOf(requests, ({ changes }) => changes.renew), first];
    const rows = await this.#db.query<Committed>(
      operation,
      this.#raw(this.#sql.commit(kinds), committedOf),
      [...values, this.#options.maxDataBytes, ...arrays],
      last,
      on,
    );
    const outcomes = new Map<SessionId, Written<CommitOutcome>>();
    for (const { id } of requests) this.#known.forget(id);
    for (const { id, ttl, lastAccessAt, expiresAt, endsAt, outdated } of rows) {
      if (outdated) outcomes.set(id, 'changed');
      else outcomes.set(id, ttl === null ? this.#tooLarge() : { ttl, lastAccessAt, expiresAt, endsAt });
    }
    return this.#answers(operation, requests, outcomes, null, on);
  }

  /** Stores new sessions in one statement. */
  async #create(requests: readonly CreateRequest[]): Promise<Written<StoredSession>[]> {
    const { first, last } = deadlinesOf(requests);
    const sessions = requests.map(({ session }) => session);
    const values = [
      arrayOf(sessions, ({ id }) => id),
      arrayOf(sessions, ({ secretHash }) => secretHash.toString('hex')),
      first,
      this.#options.maxDataBytes,
      sessions.map(({ userId }) => userId),
      sessions.map(({ auth }) => auth),
      sessions.map(({ data }) => data),
      arrayOf(sessions, ({ lifetime }) => lifetime.ttl),
      arrayOf(sessions, ({ lifetime }) => lifetime.absolute),
      sessions.map(({ ip }) => ip),
      sessions.map(({ userAgent }) => userAgent),
    ];
    const rows = await this.#sessions('create a session', this.#sql.create, values, last);
    const created = new Map(rows.map((row) => [row.id, row]));
    const isLate = this.now() >= first;
    return requests.map(({ id }) => created.get(id) ?? (isLate ? 'locked' : this.#tooLarge()));
  }

  /** Ends sessions in one statement. */
  async #delete(requests: readonly DeleteRequest[]): Promise<Written<boolean>[]> {
    const operation = 'end a session';
    const { first, last } = deadlinesOf(requests);
    const generations = arrayOf(requests, ({ generation }) => generation);
    const values = [arrayOf(requests, ({ id }) => id), generations, first];
    for (const { id } of requests) this.#known.forget(id);
    const rows = await this.#db.query<{ id: SessionId }>(operation, this.#sql.delete, values, last);
    const outcomes = new Map<SessionId, Written<boolean>>(rows.map(({ id }) => [id, true]));
    return this.#answers(operation, requests, outcomes, false);
  }

  /**
   * What became of each request, given what the statement says of those that it got at: those of the others that are live
   * are locked. Whatever comes of asking for them, what was written is written; where it fails, what was not may try again.
   */
  async #answers<Outcome>(
    operation: string,
    requests: readonly DeleteRequest[],
    outcomes: Map<SessionId, Written<Outcome>>,
    gone: Outcome,
    on?: Queryable,
  ): Promise<Written<Outcome>[]> {
    if (outcomes.size < requests.length) {
      const generations = arrayOf(requests, ({ generation }) => generation);
      const values = [arrayOf(requests, ({ id }) => id), generations];
      const live = await this.#db
        .query<{ id: SessionId }>(operation, this.#sql.present, values, deadlinesOf(requests).last, on)
        .catch(() => requests);
      for (const { id } of live) if (!outcomes.has(id)) outcomes.set(id, 'locked');
    }
    return requests.map(({ id }) => outcomes.get(id) ?? gone);
  }

  /** Something to be done with a session in a transaction of its own, while nobody else writes to it. */
  #locking(
    operation: string,
    id: SessionId,
    generation: number | null,
    deadline: number,
    use: (stored: StoredSession, client: Queryable) => Promise<StoredSession | null>,
  ): Promise<StoredSession | null> {
    return this.#updates.run(id, async () => {
      if (this.now() >= deadline) throw new SessionStoreUnavailableError(operation);
      return this.#db.transaction(operation, deadline, async (client) => {
        const values = [id, generation];
        const [stored] = await this.#db.query<StoredSession>(operation, this.#sql.lock, values, deadline, client);
        return stored === undefined ? null : use(stored, client);
      });
    });
  }

  #valuesOf(login: Login): unknown[] {
    const data = mergeOf(login.changes);
    return [
      login.secretHash,
      login.userId,
      login.auth,
      login.lifetime.ttl,
      login.flush,
      data.set,
      data.unset,
      data.increment,
      data.push,
      login.lifetime.absolute,
      this.#options.maxDataBytes,
      login.previousSecretHash ?? null,
    ];
  }

  #loggedIn(row: StoredSession | null): StoredSession | null {
    if (row !== null && row.id === null) throw this.#tooLarge();
    return row;
  }

  /** A statement on one locked row. `null`: the session is not there, or not of that generation. */
  async #changeOne<Row extends object>(
    operation: string,
    text: string,
    id: SessionId,
    generation: number | null,
    values: unknown[],
  ): Promise<Row | null> {
    const { row } = await this.#untilUnlocked(operation, async (deadline) => {
      const all = [id, generation, deadline, ...values];
      const [result] = await this.#db.query<Row & Attempt>(operation, text, all, deadline);
      if (result === undefined || result.locked > 0) return { row: result ?? null };
      return result.live ? null : { row: null };
    });
    return row;
  }

  /** Tries until the row is not locked by somebody else, or the time is up. */
  async #untilUnlocked<Result>(
    operation: string,
    attempt: (deadline: number) => Promise<Result | null>,
  ): Promise<Result> {
    const deadline = this.#db.deadline();
    for (let pause = FIRST_PAUSE; ; pause = longerPause(pause)) {
      const result = await attempt(deadline);
      if (result !== null) return result;
      const wait = jittered(pause);
      if (this.now() + wait >= deadline) {
        throw new SessionStoreUnavailableError(operation, {
          cause: new Error(`another transaction held the session's row for ${this.#options.queryTimeout} ms`),
        });
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  async #sessions(
    operation: string,
    text: string,
    values: unknown[],
    deadline = this.#db.deadline(),
  ): Promise<StoredSession[]> {
    return this.#db.query<StoredSession>(operation, text, values, deadline);
  }

  async #count(operation: string, text: string, values: unknown[]): Promise<number> {
    return (await this.#db.query<{ count: number }>(operation, text, values))[0]?.count ?? 0;
  }

  #tooLarge(): SessionDataError {
    return new SessionDataError(
      '',
      `The session's data would exceed ${this.#options.maxDataBytes} bytes of JSON. Keep large things elsewhere and an id ` +
        'here, or raise the option "maxDataBytes".',
    );
  }

  /** Before any SQL is sent, as far as that can be told. */
  #refuseLarge({ data }: SessionChanges): void {
    if (data === null) return;
    let length = 0;
    for (const texts of [data.set, data.push]) for (const text of texts.values()) length += text.length;
    if (length > this.#options.maxDataBytes) throw this.#tooLarge();
  }
}

/** Without waiting: a database that does not answer must hold up nobody. */
function endSoon(connection: LoneConnection): void {
  connection.end().catch(() => {});
}

/** The earliest and the latest: until then something must be written, or can still be answered. */
function deadlinesOf(requests: readonly WriteRequest[]): { first: number; last: number } {
  let first = Infinity;
  let last = 0;
  for (const { deadline } of requests) {
    first = Math.min(first, deadline);
    last = Math.max(last, deadline);
  }
  return { first, last };
}
