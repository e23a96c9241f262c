import type { MikroORM } from '@mikro-orm/core';
import type { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { SessionId } from '../../session/credential.js';
import type { DataChanges, SessionChanges } from '../../session/changes.js';
import type { CommittedTimes, Login, NewSession, Rotation } from '../../session/persistence.js';
import type { StoredSession } from '../../session/stored-session.js';
import { SessionDataError, SessionSetupError, SessionStoreUnavailableError } from '../../session.errors.js';
import { type Access, type RenewalOutcome, SessionStore } from '../session-store.js';
import { CommitBatcher, type CommitOutcome, type CommitRequest } from '../commit-batcher.js';
import { FindBatcher } from '../find-batcher.js';
import { KeyedQueue } from '../keyed-queue.js';
import { StoreClock } from '../store-clock.js';
import { SessionEntity } from './session.entity.js';
import { createTableSql } from './session.migration.js';
import { type Statements, statementsFor } from './statements.js';

/** What the store is told by the module's options. */
export interface MikroOrmSessionStoreOptions {
  /** Milliseconds. */
  readonly queryTimeout: number;
  /** Milliseconds during which a rotated secret still reaches its session. */
  readonly rotationGrace: number;
  readonly maxDataBytes: number;
  readonly ensureSchema: boolean;
}

/** The parts of `pg` that the store uses. */
interface Queryable {
  /** Several statements in one message, which none of ours but `begin` is, have a list of results without rows. */
  query(query: { text: string; values: unknown[] }): Promise<{ rows?: unknown[] }>;
}
interface Client extends Queryable {
  release(destroy: boolean): void;
}
interface LoneClient extends Queryable {
  connect(): Promise<void>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): void;
}
interface Pool extends Queryable {
  connect(): Promise<Client>;
  readonly options: object;
  readonly Client: new (options: object) => LoneClient;
}

/** What a statement that locks one row says besides. */
interface Attempt {
  /** Whether the session was there to be locked. */
  readonly live: boolean;
  /** How many rows it locked. */
  readonly locked: number;
}

type CommitRow = CommittedTimes & {
  readonly id: SessionId;
  readonly outcome: 'saved' | 'large' | 'locked' | 'gone';
  readonly now: number;
};

/** How many pages one statement of a sweep looks through: two megabytes. */
const SWEPT_PAGES = 256;

/** Any number will do, as long as all processes use the same. */
const SCHEMA_LOCK = 7_305_804_402;

/** Sessions in PostgreSQL, through MikroORM's own connection pool, past its entity manager and identity map. */
export class MikroOrmSessionStore extends SessionStore {
  readonly #orm: MikroORM;
  readonly #options: MikroOrmSessionStoreOptions;
  readonly #clock = new StoreClock();
  readonly #finds = new FindBatcher({
    now: () => this.now(),
    findMany: (ids, deadline) => this.#sessions('find a session', this.sql.find, [ids], deadline),
  });
  readonly #commits = new CommitBatcher({
    now: () => this.now(),
    write: (requests) => this.#write('save a session', requests),
    tooLarge: () => tooLarge(this.#options.maxDataBytes),
  });
  /** One update of a session at a time: to wait here takes no connection, to wait in the database does. */
  readonly #updates = new KeyedQueue();
  #pool: Pool | null = null;
  #sql: Statements | null = null;
  /** The connection whose lock says that it is for this process to sweep. */
  #sweepClaim: LoneClient | null = null;

  constructor(orm: MikroORM, options: MikroOrmSessionStoreOptions) {
    super();
    this.#orm = orm;
    this.#options = options;
  }

  async open(): Promise<void> {
    const table = this.#tableName();
    this.#sql = statementsFor(table);
    const connection = (this.#orm.driver as PostgreSqlDriver).getConnection();
    try {
      this.#pool = (await connection.getNativeClient()) as unknown as Pool;
    } catch (error) {
      throw new SessionSetupError(
        'The sessions need the connection pool of MikroORM’s PostgreSqlDriver. ' +
          'Use the driver of @mikro-orm/postgresql, without a Kysely instance or dialect of your own.',
        { cause: error },
      );
    }
    if (this.#options.ensureSchema) await this.#createTable(table);
    await this.#checkTable(table);
    // MikroORM ends its pool only if it has run a statement itself.
    await connection.execute('select 1');
    await this.#query('read the clock', this.sql.clock, []);
  }

  now(): number {
    return this.#clock.now();
  }

  find(id: SessionId): Promise<StoredSession | null> {
    return this.#finds.find(id, this.#deadline());
  }

  async create(session: NewSession): Promise<StoredSession> {
    const { id, secretHash, userId, auth, data, lifetime, ip, userAgent } = session;
    if (data.length > this.#options.maxDataBytes) throw tooLarge(this.#options.maxDataBytes);
    const deadline = this.#deadline();
    const [created] = await this.#sessions('create a session', this.sql.create, [
      id,
      secretHash,
      deadline,
      userId,
      auth,
      data,
      lifetime.ttl,
      lifetime.absolute,
      ip,
      userAgent,
      this.#options.maxDataBytes,
    ]);
    if (created !== undefined) return created;
    if (this.now() >= deadline) throw new SessionStoreUnavailableError('create a session');
    throw tooLarge(this.#options.maxDataBytes);
  }

  async commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null> {
    this.#refuseLarge(changes);
    return this.#commits.commit({ id, generation, changes, deadline: this.#deadline() });
  }

  async update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
  ): Promise<StoredSession | null> {
    const operation = 'update a session';
    const deadline = this.#deadline();
    return this.#updates.run(id, () =>
      this.#transaction(operation, deadline, async (client) => {
        const [stored] = await this.#query<StoredSession>(operation, this.sql.lock, [id, generation], deadline, client);
        if (stored === undefined) return null;
        const changes = change(stored);
        if (changes === null) return stored;
        this.#refuseLarge(changes);
        const request = { id, generation: stored.generation, changes, deadline };
        const [outcome] = await this.#write(operation, [request], client);
        if (outcome === 'large') throw tooLarge(this.#options.maxDataBytes);
        if (outcome === 'locked') throw new SessionStoreUnavailableError(operation);
        return outcome === 'gone' || outcome === undefined ? null : { ...stored, ...outcome };
      }),
    );
  }

  async renew(accesses: readonly Access[]): Promise<RenewalOutcome> {
    const now = this.now();
    const ids = accesses.map((access) => access.id);
    const ages = accesses.map((access) => Math.max(0, now - access.at));
    const values = [ids, ages, this.#deadline()];
    const rows = await this.#query<{ id: SessionId; renewed: boolean }>('renew sessions', this.sql.renew, values);
    return {
      renewed: rows.filter((row) => row.renewed).map((row) => row.id),
      locked: rows.filter((row) => !row.renewed).map((row) => row.id),
    };
  }

  async login(login: Login): Promise<StoredSession | null> {
    const data = sqlOf(login.changes);
    const row = await this.#changeOne<StoredSession>('log in', this.sql.login, login.id, login.generation, [
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
    ]);
    if (row === null) return null;
    if (row.id === null) throw tooLarge(this.#options.maxDataBytes);
    return row;
  }

  async rotate(rotation: Rotation): Promise<'rotated' | 'superseded' | 'gone'> {
    const { id, generation, knownHash, secretHash } = rotation;
    const row = await this.#changeOne<{ changed: number; superseded: boolean }>(
      'regenerate a session',
      this.sql.rotate,
      id,
      generation,
      [knownHash, secretHash, this.#options.rotationGrace],
    );
    if (row === null) return 'gone';
    if (row.changed > 0) return 'rotated';
    return row.superseded ? 'superseded' : 'gone';
  }

  async delete(id: SessionId, generation: number | null): Promise<boolean> {
    return (await this.#changeOne('end a session', this.sql.delete, id, generation, [])) !== null;
  }

  async findByUser(userId: string): Promise<StoredSession[]> {
    return this.#sessions('list the sessions of a user', this.sql.findByUser, [userId]);
  }

  async deleteByUser(userId: string, except: SessionId | null): Promise<SessionId[]> {
    const values = [userId, except, this.#deadline()];
    const rows = await this.#query<{ id: SessionId }>('end the sessions of a user', this.sql.deleteByUser, values);
    return rows.map((row) => row.id);
  }

  async keepNewest(userId: string, count: number): Promise<SessionId[]> {
    const values = [userId, count, this.#deadline()];
    const rows = await this.#query<{ id: SessionId }>('limit the sessions of a user', this.sql.keepNewest, values);
    return rows.map((row) => row.id);
  }

  async deleteAll(): Promise<number> {
    return this.#count('end all sessions', this.sql.deleteAll, [this.#deadline()]);
  }

  async *deleteExpired(): AsyncGenerator<readonly SessionId[]> {
    const pages = await this.#count('sweep sessions', this.sql.pages, []);
    for (let page = 0; page < pages; page += SWEPT_PAGES) {
      const range = [`(${page},0)`, `(${page + SWEPT_PAGES},0)`];
      const rows = await this.#query<{ id: SessionId }>('sweep sessions', this.sql.sweep, range);
      yield rows.map((row) => row.id);
    }
  }

  async claimSweep(): Promise<boolean> {
    if (this.#sweepClaim !== null) return true;
    const { Client, options } = this.#pool as Pool;
    // Not from the pool: the claim lasts as long as the connection, and a pool may consist of one.
    const client = new Client(options);
    client.on('error', () => {
      this.#sweepClaim = null;
    });
    const operation = 'claim the sweep';
    try {
      await this.#inTime(client.connect(), this.#deadline());
      const deadline = this.#deadline();
      const [row] = await this.#query<{ claimed: boolean }>(operation, this.sql.claimSweep, [], deadline, client);
      if (row?.claimed) this.#sweepClaim = client;
    } finally {
      if (this.#sweepClaim === null) this.#endSoon(client);
    }
    return this.#sweepClaim !== null;
  }

  close(): Promise<void> {
    if (this.#sweepClaim !== null) this.#endSoon(this.#sweepClaim);
    this.#sweepClaim = null;
    return Promise.resolve();
  }

  /** Without waiting: a database that does not answer must hold up nobody. */
  #endSoon(client: LoneClient): void {
    client.end().catch(() => {});
  }

  async count(): Promise<number> {
    return this.#count('count the sessions', this.sql.count, []);
  }

  private get sql(): Statements {
    if (this.#sql === null) throw new SessionSetupError('The session store is used before it was opened.');
    return this.#sql;
  }

  #tableName(): string {
    const metadata = this.#orm.getMetadata().getAll().get(SessionEntity.meta.class);
    if (!metadata) {
      throw new SessionSetupError(
        'MikroORM does not know SessionEntity. Set "autoLoadEntities: true" in MikroOrmModule.forRoot(), ' +
          'or add SessionEntity to its "entities".',
      );
    }
    const platform = this.#orm.config.getPlatform();
    const schema = metadata.schema ?? this.#orm.config.get('schema');
    return [schema, metadata.tableName]
      .filter((part) => part !== undefined)
      .map((part) => platform.quoteIdentifier(part))
      .join('.');
  }

  // The lock lets several processes start at once: `create table if not exists` is not safe against itself.
  async #createTable(table: string): Promise<void> {
    const statements = [`select pg_advisory_xact_lock(${SCHEMA_LOCK})`, ...createTableSql(table)];
    try {
      // Without values, `pg` sends all of them in one message, which PostgreSQL runs as one transaction.
      await (this.#pool as Pool).query({ text: statements.join(';\n'), values: [] });
    } catch (error) {
      throw new SessionSetupError(
        `The table ${table} could not be created ("ensureSchema"). Grant the right to create it, or apply ` +
          'SessionMigration with a user that has it.',
        { cause: error },
      );
    }
  }

  async #checkTable(table: string): Promise<void> {
    try {
      await (this.#pool as Pool).query({ text: this.sql.check, values: [] });
    } catch (error) {
      const problem = { '42P01': 'is missing', '42703': 'lacks a column of this version' }[sqlState(error) ?? ''];
      if (problem === undefined) throw new SessionStoreUnavailableError('reach its database', { cause: error });
      throw new SessionSetupError(
        `The table ${table} ${problem}. Apply SessionMigration (or the schema generator), or set "ensureSchema: true" ` +
          'to have it created at start.',
        { cause: error },
      );
    }
  }

  /** Writes changes of several sessions in one statement. */
  async #write(operation: string, requests: readonly CommitRequest[], on?: Queryable): Promise<CommitOutcome[]> {
    const data = requests.map(({ changes }) => sqlOf(changes.data));
    const lifetimes = requests.map(({ changes }) => changes.lifetime);
    const deadlines = requests.map((request) => request.deadline);
    const values = [
      requests.map(({ id }) => id),
      requests.map(({ generation }) => generation),
      data.map(({ set }) => set),
      data.map(({ unset }) => unset),
      data.map(({ increment }) => increment),
      data.map(({ push }) => push),
      lifetimes.map((lifetime) => lifetime?.ttl ?? null),
      lifetimes.map((lifetime) => lifetime?.absolute ?? null),
      lifetimes.map((lifetime) => lifetime?.absolute === null),
      requests.map(({ changes }) => changes.renew),
      deadlines,
      this.#options.maxDataBytes,
    ];
    const rows = await this.#query<CommitRow>(operation, this.sql.commit, values, Math.max(...deadlines), on);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return requests.map(({ id }) => outcomeOf(byId.get(id) as CommitRow));
  }

  /** A transaction on a connection of its own, which waits for locks and for the client no longer than until then. */
  async #transaction<Result>(
    operation: string,
    deadline: number,
    use: (client: Client) => Promise<Result>,
  ): Promise<Result> {
    const connecting = (this.#pool as Pool).connect();
    let client: Client;
    try {
      client = await this.#inTime(connecting, deadline);
    } catch (error) {
      // It may still come, when nobody waits for it any more.
      connecting.then(
        (late) => late.release(false),
        () => {},
      );
      throw new SessionStoreUnavailableError(operation, { cause: error });
    }
    const left = Math.max(1, Math.ceil(deadline - this.now()));
    const begin = `begin; set local lock_timeout = ${left}; set local idle_in_transaction_session_timeout = ${left}`;
    let isBroken = true;
    try {
      await this.#query(operation, begin, [], deadline, client);
      try {
        const result = await use(client);
        await this.#query(operation, 'commit', [], deadline, client);
        isBroken = false;
        return result;
      } catch (error) {
        if (!(error instanceof SessionStoreUnavailableError)) {
          await this.#query(operation, 'rollback', [], deadline, client);
          isBroken = false;
        }
        throw error;
      }
    } finally {
      // A connection that is thrown away takes its transaction along.
      client.release(isBroken);
    }
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
      const [result] = await this.#query<Row & Attempt>(operation, text, all, deadline);
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
    const deadline = this.#deadline();
    for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
      const result = await attempt(deadline);
      if (result !== null) return result;
      const wait = pause * (0.5 + Math.random());
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
    deadline = this.#deadline(),
  ): Promise<StoredSession[]> {
    const rows = await this.#query<StoredSession>(operation, text, values, deadline);
    for (const row of rows) this.#clock.observe(row.readAt);
    return rows;
  }

  async #count(operation: string, text: string, values: unknown[]): Promise<number> {
    return (await this.#query<{ count: number }>(operation, text, values))[0]?.count ?? 0;
  }

  #deadline(): number {
    return this.#clock.now() + this.#options.queryTimeout;
  }

  /** Before any SQL is sent, as far as that can be told. */
  #refuseLarge({ data }: SessionChanges): void {
    if (data === null) return;
    let length = 0;
    for (const texts of [data.set, data.push]) for (const text of texts.values()) length += text.length;
    if (length > this.#options.maxDataBytes) throw tooLarge(this.#options.maxDataBytes);
  }

  async #query<Row extends object>(
    operation: string,
    text: string,
    values: unknown[],
    deadline = this.#deadline(),
    on: Queryable = this.#pool as Pool,
  ): Promise<Row[]> {
    try {
      const { rows = [] } = await this.#inTime(on.query({ text, values }), deadline);
      const now: unknown = (rows[0] as { now?: unknown } | undefined)?.now;
      if (typeof now === 'number') this.#clock.observe(now);
      return rows as Row[];
    } catch (error) {
      // Class 22: the database refused a value. A number was to be added to what another request made a text, say.
      if (sqlState(error)?.startsWith('22')) {
        throw new SessionDataError(
          '',
          'The database refused the changes to the session: increment() or push() met a value of another kind, which a ' +
            'parallel request has put there, or the sum is out of range.',
          { cause: error },
        );
      }
      throw new SessionStoreUnavailableError(operation, { cause: error });
    }
  }

  async #inTime<Result>(promise: Promise<Result>, deadline: number): Promise<Result> {
    const { queryTimeout } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const giveUp = (): void => reject(new Error(`the database did not answer within ${queryTimeout} ms`));
      timer = setTimeout(giveUp, Math.max(0, deadline - this.now()));
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function outcomeOf({ outcome, ttl, updatedAt, lastAccessAt, expiresAt, endsAt }: CommitRow): CommitOutcome {
  return outcome === 'saved' ? { ttl, updatedAt, lastAccessAt, expiresAt, endsAt } : outcome;
}

/** The arguments of a merging statement; null where a kind of change is absent. */
function sqlOf(changes: DataChanges | null) {
  if (changes === null) return { set: null, unset: null, increment: null, push: null };
  return {
    set: objectOf(changes.set),
    unset: changes.unset.length === 0 ? null : JSON.stringify(changes.unset),
    increment: objectOf(changes.increment),
    push: objectOf(changes.push),
  };
}

function objectOf(entries: ReadonlyMap<string, string | number>): string | null {
  if (entries.size === 0) return null;
  return `{${Array.from(entries, ([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
}

function tooLarge(maxDataBytes: number): SessionDataError {
  return new SessionDataError(
    '',
    `The session's data would exceed ${maxDataBytes} bytes of JSON. Keep large things elsewhere and an id here, or raise ` +
      'the option "maxDataBytes".',
  );
}

function sqlState(error: unknown): string | undefined {
  const code: unknown = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
