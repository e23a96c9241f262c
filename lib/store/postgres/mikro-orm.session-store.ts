import { randomBytes } from 'node:crypto';
import type { MikroORM } from '@mikro-orm/core';
import type { SessionId } from '../../session/token.js';
import type { DataChanges, SessionChanges } from '../../session/data/changes.js';
import {
  type Access,
  type StoreListener,
  type CommittedTimes,
  type Login,
  type NewSession,
  type OldSessions,
  type Rotation,
  type RotationOutcome,
  SessionStore,
} from '../../session-store.js';
import type { ListedSession, SessionSecrets, StoredSession } from '../../session/stored-session.js';
import { SessionDataError, SessionSetupError, SessionStoreUnavailableError } from '../../session.errors.js';
import type { CommitOutcome } from '../batching/commit-request.js';
import { lengthOf, refuseLargeAuth } from '../limits.js';
import { KeyedQueue } from '../batching/keyed-queue.js';
import type { FoundValues } from '../../session/data/found-values.js';
import { StoreMeter } from '../../stats/store-meter.js';
import type { Connections, Queryable } from './driver/connections.js';
import { connectionsOf, hooksOf, type OrmConnection } from './driver/connections-of.js';
import { Database } from './driver/database.js';
import { endAll } from './end-all.js';
import { InvalidationFeed } from './invalidation-feed.js';
import { oldTableOf } from './old-table.js';
import { type Queues, queuesOf, slotsOf } from './queues.js';
import { type Attempt, SessionQueries, statementsFor } from './session-queries.js';
import type { OldTable } from './sql/adoption.js';
import { SweepClaim } from './sweep-claim.js';
import { checkTable } from './table-check.js';
import { createMissing } from './table-creation.js';
import { connectionsInTime, START_TIMEOUT, startStep } from './start-step.js';
import { untilUnlocked } from './until-unlocked.js';
import { quoted, sessionTableOf, type TableName } from './table-name.js';
import { stateOf } from './table-state.js';

/** What the store is told by the module's options. */
export interface MikroOrmSessionStoreOptions {
  /** Milliseconds. */
  readonly queryTimeout: number;
  readonly maxDataBytes: number;
  readonly ensureSchema: boolean;
  /** That of `sessionEntity({ tableName })`. @default 'sessions' */
  readonly tableName?: string | undefined;
  /** Whether statements that are sent again and again are prepared by name, once a connection. @default true */
  readonly preparedStatements?: boolean;
  /** How long renewals are collected, in milliseconds, before they are written together. @default 1_000 */
  readonly renewal?: { readonly flushEvery: number };
  /** Whether changes are announced to the other processes, and theirs are reported: a cache needs both. @default false */
  readonly invalidation?: boolean;
  /** The table of connect-pg-simple's of which sessions are taken over. @default null */
  readonly oldTable?: TableName | null;
}

/** What there is once the store is open: the statements, and the queues in front of them. */
interface Opened extends Queues {
  readonly connections: Connections;
  readonly queries: SessionQueries;
  readonly sweepClaim: SweepClaim;
}

/** Sessions in PostgreSQL, through MikroORM's own connection pool, past its entity manager and identity map. */
export class MikroOrmSessionStore extends SessionStore {
  readonly #orm: MikroORM;
  readonly #options: MikroOrmSessionStoreOptions;
  /** One update of a session at a time: those of one process do not compete for its row, and keep their order. */
  readonly #updates = new KeyedQueue();
  #open: Opened | null = null;
  #feed: InvalidationFeed | null = null;
  #description = 'PostgreSQL';
  /** The name of this process in its announcements to others. */
  readonly #instanceId = randomBytes(6).toString('hex');

  constructor(orm: MikroORM, options: MikroOrmSessionStoreOptions) {
    super();
    this.#orm = orm;
    this.#options = options;
  }

  async open(listener: StoreListener): Promise<void> {
    const wanted = sessionTableOf(this.#orm, this.#options.tableName);
    const connection = this.#orm.driver.getConnection() as unknown as OrmConnection;
    const connecting = connectionsOf(
      connection,
      hooksOf(this.#orm.config, connection.options),
      this.#options.queryTimeout,
    );
    const connections = await connectionsInTime(connecting);
    try {
      listener.closing?.throwIfAborted();
      await this.#openOn(connections, wanted, listener);
    } catch (error) {
      connections.close();
      throw error;
    }
  }

  async #openOn(connections: Connections, wanted: TableName, listener: StoreListener): Promise<void> {
    const { queryTimeout, maxDataBytes } = this.#options;
    const { preparedStatements = true, renewal = { flushEvery: 1_000 }, invalidation = false } = this.#options;
    if (invalidation && connections.dedicated === null) {
      throw new SessionSetupError(
        'The cache needs a connection on which processes hear each other, which a Kysely instance or dialect of your own ' +
          'does not give. Set "cache: false", or let MikroORM make the pool.',
      );
    }
    const { table, old } = await this.#checkTable(connections, wanted, listener.closing);
    const meter = this.#meterOf(listener);
    const pool = connections.most === null ? '' : `, ${connections.most} connections at most`;
    this.#description = `PostgreSQL, table ${quoted(table)}${pool}`;
    const sql = statementsFor(quoted(table), invalidation ? this.#instanceId : null, old);
    const settings = { queryTimeout, maxDataBytes, preparedStatements, notifies: invalidation, meter };
    const queries = new SessionQueries(connections, sql, settings);
    try {
      await startStep('the clock of the database', queries.lookups.readClock());
    } catch (error) {
      queries.close();
      throw error;
    }
    const sweepClaim = new SweepClaim(connections.dedicated, queries);
    const slots = slotsOf(connections.most);
    this.#open = { ...queuesOf(queries, renewal.flushEvery, slots, listener, meter), connections, queries, sweepClaim };
    const { renewals } = this.#open;
    meter.oldestRenewal = () => renewals.oldest();
    if (!invalidation || connections.dedicated === null) return;
    const announce = async (payload: string): Promise<void> => queries.announce(payload);
    this.#feed = new InvalidationFeed(connections.dedicated, this.#instanceId, listener, announce);
    await this.#feed.start();
  }

  /**
   * Makes sure that sessions can be kept in the table, which is created where that is wished.
   *
   * @returns where it is, which must not change with the search path of a connection
   */
  async #checkTable(
    connections: Connections,
    wanted: TableName,
    closing: AbortSignal | undefined,
  ): Promise<{ readonly table: TableName; readonly old: OldTable | null }> {
    const { queryTimeout, ensureSchema, oldTable = null } = this.#options;
    const database = new Database(connections, {
      queryTimeout: START_TIMEOUT,
      preparedStatements: false,
      lost: () => {},
    });
    try {
      const what = `what the database knows of the table ${quoted(wanted)}`;
      let state = await startStep(what, stateOf(database, wanted), closing);
      if (ensureSchema) {
        // While it waits for a lock, so do all writers: not as long as an operation of theirs may take.
        const creation = createMissing(database, wanted, state, Math.ceil(queryTimeout / 2));
        state = await startStep(`the table ${quoted(wanted)} to be created`, creation, closing);
      }
      const table = checkTable(wanted, state);
      if (oldTable === null) return { table, old: null };
      const looking = oldTableOf(database, oldTable);
      const old = await startStep(`what the database knows of the table ${quoted(oldTable)}`, looking, closing);
      return { table, old };
    } finally {
      database.close();
    }
  }

  override get description(): string {
    return this.#description;
  }

  now(): number {
    return this.#queries.now();
  }

  find(id: SessionId): Promise<StoredSession | null> {
    const { finds, queries } = this.#opened;
    return finds.find(id, queries.deadline());
  }

  override async findOneOf(
    ids: readonly SessionId[],
    choose: (live: readonly SessionSecrets[]) => SessionId | null,
  ): Promise<StoredSession | null> {
    const { finds, secrets, queries } = this.#opened;
    const deadline = queries.deadline();
    const live = await Promise.all(ids.map((id) => secrets.find(id, deadline)));
    const chosen = choose(live.filter((session) => session !== null));
    return chosen === null ? null : finds.find(chosen, deadline);
  }

  async create(session: NewSession): Promise<StoredSession> {
    const { creations, queries } = this.#opened;
    const { maxDataBytes } = this.#options;
    if (session.data.length > maxDataBytes) throw queries.tooLarge();
    refuseLargeAuth(session.auth, maxDataBytes);
    return creations.write({ id: session.id, session, deadline: queries.deadline() });
  }

  override get oldSessions(): OldSessions | null {
    return this.#queries.adoptions.oldSessions;
  }

  override adopt(session: NewSession, sid: string | null): Promise<StoredSession | null> {
    return this.#queries.adoptions.adopt(session, sid);
  }

  async commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null> {
    this.#refuseLarge(changes);
    const { commits, queries } = this.#opened;
    const request = { id, generation, changes, found: null, deadline: queries.deadline() };
    // As nothing had to be found, nothing can have changed.
    return commits.write(request) as Promise<CommittedTimes | null>;
  }

  override async commitIf(
    id: SessionId,
    generation: number,
    found: FoundValues,
    changes: SessionChanges,
    until?: number,
  ): Promise<CommitOutcome> {
    this.#refuseLarge(changes);
    const request = { id, generation, changes, found, deadline: this.#deadline(until) };
    return this.#opened.commits.write(request);
  }

  async update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
    until?: number,
  ): Promise<StoredSession | null> {
    const operation = 'update a session';
    const deadline = this.#deadline(until);
    return this.#locking(operation, id, generation, deadline, async (stored, client) => {
      const changes = change(stored);
      if (changes === null) return stored;
      this.#refuseLarge(changes);
      const request = { id, generation: stored.generation, changes, found: null, deadline };
      const [outcome = null] = await this.#queries.commit([request], operation, client);
      if (outcome instanceof SessionDataError) throw outcome;
      if (typeof outcome === 'string') throw new SessionStoreUnavailableError(operation);
      return outcome && { ...stored, ...outcome };
    });
  }

  renew(access: Access): void {
    this.#opened.renewals.add(access);
  }

  override flush(): Promise<void> {
    return this.#opened.renewals.flush();
  }

  async login(login: Login, changesTo?: (stored: StoredSession) => DataChanges | null): Promise<StoredSession | null> {
    const { logins, queries } = this.#opened;
    const { id, generation } = login;
    refuseLargeAuth(login.auth, this.#options.maxDataBytes);
    const deadline = queries.deadline();
    if (changesTo === undefined) return logins.write({ id, login, deadline });
    const operation = 'log in';
    return this.#locking(operation, id, generation, deadline, async (stored, client) => {
      const request = { id, login: { ...login, changes: changesTo(stored) }, deadline };
      const [outcome = null] = await queries.login([request], operation, client);
      if (outcome instanceof SessionDataError) throw outcome;
      // Its time was up: it is locked by nobody else.
      if (typeof outcome === 'string') throw new SessionStoreUnavailableError(operation);
      return outcome;
    });
  }

  async rotate(rotation: Rotation): Promise<RotationOutcome> {
    const operation = 'regenerate a session';
    const deadline = this.#queries.deadline();
    const attempt = () => this.#queries.rotate(operation, rotation, deadline);
    const row = await this.#untilUnlocked(operation, rotation.id, deadline, attempt);
    if (row === null) return 'gone';
    // Under this generation only regenerate() can have replaced the secret, and more than once while this one waited.
    return row.changed > 0 ? 'rotated' : 'overtaken';
  }

  async delete(id: SessionId, generation: number | null, userId?: string): Promise<boolean> {
    const { deletions, queries } = this.#opened;
    return deletions.write({ id, generation, userId, deadline: queries.deadline() });
  }

  async findByUser(userId: string): Promise<ListedSession[]> {
    return this.#queries.lookups.findByUser(userId);
  }

  deleteByUser(userId: string, except: SessionId | null): AsyncIterable<readonly SessionId[]> {
    return endAll(this.#queries, 'end the sessions of a user', 'deleteByUser', [userId, except]);
  }

  keepNewest(userId: string, count: number): AsyncIterable<readonly SessionId[]> {
    // The next login ends what is left.
    const until = this.#queries.deadline();
    return endAll(this.#queries, 'limit the sessions of a user', 'keepNewest', [userId, count], until);
  }

  deleteAll(): AsyncIterable<readonly SessionId[]> {
    return endAll(this.#queries, 'end all sessions', 'deleteAll', []);
  }

  async *deleteExpired(): AsyncGenerator<readonly SessionId[]> {
    yield* this.#queries.sweep();
  }

  claimSweep(lease: number): Promise<boolean> {
    return this.#opened.sweepClaim.claim(lease);
  }

  async count(): Promise<number> {
    return this.#queries.lookups.count();
  }

  async close(): Promise<void> {
    await this.#open?.renewals.close();
    this.#feed?.close();
    this.#open?.sweepClaim.release();
    this.#open?.queries.close();
    this.#open?.connections.close();
  }

  /** @param until a moment of the store's clock, where the operation has less time than others */
  #deadline(until: number | undefined): number {
    return until === undefined ? this.#queries.deadline() : this.#queries.deadlineAt(until);
  }

  #meterOf({ meter }: StoreListener): StoreMeter {
    if (meter === undefined) return new StoreMeter();
    meter.isStoreMetered = true;
    return meter.store;
  }

  get #queries(): SessionQueries {
    return this.#opened.queries;
  }

  get #opened(): Opened {
    if (this.#open === null) {
      throw new SessionSetupError(
        'The session store is used before it was opened, which happens in onApplicationBootstrap(), once migrations have ' +
          'run. Use sessions there or later, not in a constructor or onModuleInit(); in a test, call app.init() first.',
      );
    }
    return this.#open;
  }

  /** Something to be done with a session in a transaction of its own, once the updates of this process before it are done. */
  #locking(
    operation: string,
    id: SessionId,
    generation: number | null,
    deadline: number,
    use: (stored: StoredSession, client: Queryable) => Promise<StoredSession | null>,
  ): Promise<StoredSession | null> {
    const { queries } = this.#opened;
    const attempt = () => queries.whileLocked(operation, id, generation, deadline, use);
    return this.#updates.run(id, async () => {
      if (queries.time() >= deadline) throw new SessionStoreUnavailableError(operation);
      return this.#untilUnlocked(operation, id, deadline, attempt);
    });
  }

  /** Tries until no other transaction has locked the row. Whether one has is asked for many rows together; an attempt takes a connection. */
  #untilUnlocked<Row>(
    operation: string,
    id: SessionId,
    deadline: number,
    attempt: () => Promise<Attempt<Row>>,
  ): Promise<Row | null> {
    const { queries, held } = this.#opened;
    let wasLocked = false;
    const next = async (): Promise<Attempt<Row>> => {
      // Where that cannot be told it may be held, and is tried until the time is up.
      if (wasLocked && (await held.find(id, deadline).catch(() => ({ id }))) !== null) return 'locked';
      const outcome = await attempt();
      wasLocked = outcome === 'locked';
      return outcome;
    };
    return untilUnlocked(queries, operation, next, deadline);
  }

  /** Before any SQL is sent, as far as that can be told. */
  #refuseLarge({ data }: SessionChanges): void {
    if (lengthOf(data) > this.#options.maxDataBytes) throw this.#queries.tooLarge();
  }
}
