import { randomBytes } from 'node:crypto';
import type { DataChanges, SessionChanges } from '../../session/data/changes.js';
import type { ListedSession, SessionSecrets, StoredSession } from '../../session/stored-session.js';
import type { SessionId } from '../../session/token.js';
import {
  type Access,
  type CommittedTimes,
  type Login,
  type NewSession,
  type Rotation,
  type RotationOutcome,
  SessionStore,
  type StoreListener,
} from '../../session-store.js';
import { SessionConfigurationError, SessionSetupError, SessionStoreUnavailableError } from '../../session.errors.js';
import type { ResolvedSessionOptions } from '../../session.options.js';
import { FIRST_PAUSE, longerPause, paused } from '../batching/backoff.js';
import { KeyedQueue } from '../batching/keyed-queue.js';
import { RenewalBuffer } from '../batching/renewal-buffer.js';
import { refuseLargeAuth } from '../limits.js';
import { newestFirst } from '../newest-logins.js';
import type { Run } from './attempts.js';
import { Keys } from './keys.js';
import { Keyspace } from './keyspace.js';
import { type Outcome, Pieces } from './pieces.js';
import type { Versioned } from './records.js';
import { openRedis, type OpenedRedis } from './redis-opening.js';
import { type RedisSessionStoreOptions, type ResolvedRedisOptions, resolveRedisOptions } from './redis-options.js';
import { Renewals } from './renewals.js';
import type { ScriptRunner } from './script-runner.js';
import { CLAIM, RELEASE } from './scripts/index-scripts.js';
import { SessionCommands } from './session-commands.js';
import { UserIndex } from './user-index.js';

/** What the store is told by the module's options. */
export type RedisModuleOptions = Pick<ResolvedSessionOptions, 'maxDataBytes' | 'queryTimeout'> &
  Partial<Pick<ResolvedSessionOptions, 'cache' | 'renewal' | 'sweepEvery'>>;

/** How long the engine keeps what has expired, in milliseconds, so that the sweep can tell of it: three sweeps, or this. */
const SHORTEST_SLACK = 60_000;
const SLACK_WITHOUT_SWEEP = 3_600_000;
const SLACK_SWEEPS = 3;

/** How many sessions of a user are listed. */
const MOST_LISTED = 1_000;

/** What there is once the store is open. */
interface Opened extends OpenedRedis {
  readonly commands: SessionCommands;
  readonly index: UserIndex;
  readonly keyspace: Keyspace;
  readonly renewals: RenewalBuffer;
  readonly piecesOf: (operation: string) => Pieces;
}

/**
 * Sessions in Redis or Valkey: one, or a cluster. Each session is one hash, and each operation on it one script, which checks the
 * deadline, the expiry and the generation where the session is. A generation is made of the secret of its login, not counted: a
 * failover can lose a login, and a number that is used again would let in what was made under the lost one.
 */
export class RedisSessionStore extends SessionStore {
  readonly #options: ResolvedRedisOptions;
  readonly #module: RedisModuleOptions;
  readonly #keys: Keys;
  /** One update of a session at a time in this process: they would only get in each other's way. */
  readonly #updates = new KeyedQueue();
  readonly #instanceId = randomBytes(12).toString('hex');
  #open: Opened | null = null;
  #isSweeping = false;

  /**
   * @param options where Redis is
   * @param module the module's options
   * @throws {SessionConfigurationError} for a wrong option, and with a cache
   */
  constructor(options: RedisSessionStoreOptions, module: RedisModuleOptions) {
    super();
    this.#options = resolveRedisOptions(options);
    this.#module = module;
    this.#keys = new Keys(this.#options.prefix);
    if ((module.cache ?? null) !== null) {
      throw new SessionConfigurationError(
        'SessionModule option "cache" does not go with sessions in Redis: processes would not hear of each other’s changes, and ' +
          'a look-up is a single command there. Set "cache: false", or leave it out.',
      );
    }
  }

  async open(listener: StoreListener): Promise<void> {
    const { maxDataBytes, queryTimeout, sweepEvery = null, renewal = { flushEvery: 1_000 } } = this.#module;
    const slack = sweepEvery === null ? SLACK_WITHOUT_SWEEP : Math.max(SHORTEST_SLACK, SLACK_SWEEPS * sweepEvery);
    const redis = await openRedis(this.#options, queryTimeout, this.#keys, listener);
    const { runner } = redis;
    const commands = new SessionCommands(runner, this.#keys, { maxDataBytes, slack });
    const piecesOf = (operation: string): Pieces => new Pieces(operation, runner, this.#keys, listener);
    const index = new UserIndex(runner, this.#keys, slack, piecesOf);
    const target = new Renewals(runner, commands, index, listener);
    this.#open = {
      ...redis,
      commands,
      index,
      keyspace: new Keyspace(runner, this.#keys, index, piecesOf),
      renewals: new RenewalBuffer(target, renewal.flushEvery, listener),
      piecesOf,
    };
  }

  override get description(): string {
    return this.#open?.description ?? 'Redis';
  }

  override generationOf(secretHash: Buffer): number {
    return secretHash.readUInt32BE(0) % (2 ** 31 - 1);
  }

  now(): number {
    return this.#runner.now();
  }

  async find(id: SessionId): Promise<StoredSession | null> {
    const run = this.#run('look up a session', { isRepeatable: true });
    return (await this.#opened.commands.find(id, run))?.stored ?? null;
  }

  override async findOneOf(
    ids: readonly SessionId[],
    choose: (live: readonly SessionSecrets[]) => SessionId | null,
  ): Promise<StoredSession | null> {
    const { commands } = this.#opened;
    const run = this.#run('look up a session', { isRepeatable: true });
    const found = await Promise.all(ids.map((id) => commands.secretsOf(id, run)));
    const chosen = choose(found.filter((secrets) => secrets !== null));
    return chosen === null ? null : ((await commands.find(chosen, run))?.stored ?? null);
  }

  async create(session: NewSession): Promise<StoredSession> {
    const operation = 'create a session';
    const created = await this.#create(operation, session, session.userId !== null);
    if (created !== null) return created;
    throw new SessionStoreUnavailableError(operation, { cause: new Error('there is one of its id') });
  }

  /** @param sid not known here, where no sessions of express-session are */
  override async adopt(session: NewSession, sid: string | null): Promise<StoredSession | null> {
    return sid === null ? this.#create('adopt a session', session, false) : null;
  }

  async commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null> {
    const times = await this.#commit(id, generation, null, changes, this.#run('save a session'));
    // As nothing was read, nothing can have changed since.
    return times as CommittedTimes | null;
  }

  update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
    until?: number,
  ): Promise<StoredSession | null> {
    const run = this.#run('update a session', until === undefined ? {} : { deadline: this.#runner.deadlineAt(until) });
    return this.#updating(id, generation, run, async ({ stored, version }) => {
      const changes = change(stored);
      if (changes === null) return stored;
      const times = await this.#commit(id, stored.generation, version, changes, run);
      return times === null || times === 'changed' ? times : { ...stored, ...times };
    });
  }

  renew(access: Access): void {
    this.#opened.renewals.add(access);
  }

  override flush(): Promise<void> {
    return this.#opened.renewals.flush();
  }

  async login(login: Login, changesTo?: (stored: StoredSession) => DataChanges | null): Promise<StoredSession | null> {
    const { commands, index } = this.#opened;
    const run = this.#run('log in', { isDurable: true });
    const { id, userId, generation, secretHash, lifetime } = login;
    refuseLargeAuth(login.auth, this.#module.maxDataBytes);
    if (userId !== null) await index.add(userId, id, lifetime.ttl, run);
    const next = this.generationOf(secretHash);
    if (changesTo === undefined) {
      return (await commands.login(login, next, login.changes, null, run)) as StoredSession | null;
    }
    return this.#updating(id, generation, run, async ({ stored, version }) =>
      commands.login(login, next, changesTo(stored), version, run),
    );
  }

  rotate(rotation: Rotation): Promise<RotationOutcome> {
    return this.#opened.commands.rotate(rotation, this.#run('regenerate a session', { isDurable: true }));
  }

  delete(id: SessionId, generation: number | null, userId?: string): Promise<boolean> {
    return this.#delete(id, generation, userId ?? null, this.#run('end a session', { isDurable: true }));
  }

  override async confirmEnd(id: SessionId): Promise<void> {
    if (!this.#runner.waitsForReplicas) return;
    const operation = 'end a session';
    const run = this.#run(operation, { isDurable: true, isRepeatable: true });
    if (await this.#opened.commands.confirmEnd(id, run)) return;
    throw new SessionStoreUnavailableError(operation, { cause: new Error('a failover has brought it back') });
  }

  async findByUser(userId: string): Promise<ListedSession[]> {
    const { commands, index, piecesOf } = this.#opened;
    const pieces = piecesOf('list the sessions of a user');
    const how = { deadline: this.#runner.deadline(), isRepeatable: true };
    const listed: ListedSession[] = [];
    for await (const entries of index.entriesOf(userId, pieces.operation, 'newest')) {
      const looks = await pieces.run(entries, how, ({ id }, run) => commands.listedOf(id, run));
      pieces.end();
      const isTheirs = (look: ListedSession | null): look is ListedSession => look?.userId === userId;
      await index.forget(
        userId,
        looks.filter(({ result }) => !isTheirs(result)).map(({ item }) => item),
        pieces,
      );
      listed.push(...looks.map(({ result }) => result).filter(isTheirs));
      if (listed.length >= MOST_LISTED) break;
    }
    return listed.slice(0, MOST_LISTED).toSorted((one, other) => one.createdAt - other.createdAt);
  }

  async *deleteByUser(userId: string, except: SessionId | null): AsyncGenerator<readonly SessionId[]> {
    const { index, piecesOf } = this.#opened;
    const pieces = piecesOf('end the sessions of a user');
    for await (const entries of index.entriesOf(userId, pieces.operation)) {
      const meant = entries.filter(({ id }) => id !== except);
      // Whichever login of the user it is by now.
      const outcomes = await this.#deleteMany(pieces, meant, () => null, userId);
      // What has ended already is confirmed.
      const stale = outcomes.filter(({ isDone, isSure }) => isSure && !isDone);
      await index.removeStale(
        userId,
        stale.map(({ item }) => item),
        pieces,
      );
      yield endedOf(outcomes);
    }
    pieces.end();
  }

  async *keepNewest(userId: string, count: number): AsyncGenerator<readonly SessionId[]> {
    const { index, piecesOf } = this.#opened;
    const pieces = piecesOf('limit the sessions of a user');
    // Where some cannot be looked at, the oldest of the others are among the oldest of all.
    const oldest = newestFirst(await index.sessionsOf(userId, pieces)).slice(count);
    yield endedOf(await this.#deleteMany(pieces, oldest, ({ generation }) => generation, userId));
    pieces.end();
  }

  deleteAll(): AsyncIterable<readonly SessionId[]> {
    return this.#opened.keyspace.endAll();
  }

  deleteExpired(): AsyncIterable<readonly SessionId[]> {
    return this.#opened.keyspace.expire();
  }

  async claimSweep(lease: number): Promise<boolean> {
    const run = this.#run('claim the sweep', { isRepeatable: true });
    const { status } = await this.#runner.run(CLAIM, this.#keys.sweep, [this.#instanceId, String(lease)], run);
    this.#isSweeping = status === 'ok';
    return this.#isSweeping;
  }

  count(): Promise<number> {
    return this.#opened.keyspace.count();
  }

  async close(): Promise<void> {
    if (this.#open === null) return;
    const { renewals, index, runner } = this.#open;
    await renewals.close();
    await index.close();
    if (this.#isSweeping) {
      const run = this.#run('give the sweep back', { isRepeatable: true });
      // Where that fails, the lease ends by itself.
      await runner.run(RELEASE, this.#keys.sweep, [this.#instanceId], run).catch(() => {});
    }
    this.#open.close();
  }

  #create(operation: string, session: NewSession, signsIn: boolean): Promise<StoredSession | null> {
    const { commands, index } = this.#opened;
    const { id, userId, secretHash, lifetime } = session;
    const run = this.#run(operation, { isDurable: true });
    return commands.create(session, this.generationOf(secretHash), signsIn, run, async () => {
      if (userId !== null) await index.add(userId, id, lifetime.ttl, run);
    });
  }

  async #commit(
    id: SessionId,
    generation: number,
    version: string | null,
    changes: SessionChanges,
    run: Run,
  ): Promise<CommittedTimes | 'changed' | null> {
    const { commands, index } = this.#opened;
    const isDurable = this.#options.waitForReplicasOnCommit;
    const outcome = await commands.commit(id, generation, version, changes, { ...run, isDurable });
    if (outcome === null || outcome === 'changed') return outcome;
    const { ownership, ...times } = outcome;
    index.keep(id, ownership, changes.lifetime !== null);
    return times;
  }

  async #delete(id: SessionId, generation: number | null, userId: string | null, run: Run): Promise<boolean> {
    const { commands, index } = this.#opened;
    const owner = await commands.delete(id, generation, userId, run);
    if (owner !== null) await index.remove(owner, [id]);
    return owner !== null;
  }

  /** Those that were there are done. What is not confirmed stays in the list of the user, where the next call finds it. */
  async #deleteMany<Of extends { readonly id: SessionId; readonly key: string }>(
    pieces: Pieces,
    sessions: readonly Of[],
    generationOf: (session: Of) => number | null,
    userId: string,
  ): Promise<Outcome<Of, string | null>[]> {
    const { commands, index } = this.#opened;
    const outcomes = await pieces.run(sessions, { isDurable: true }, (session, run) =>
      commands.delete(session.id, generationOf(session), userId, run),
    );
    await index.remove(userId, endedOf(outcomes.filter(({ isSure }) => isSure)), pieces);
    return outcomes;
  }

  /** Reads a session, and does something with it that is written only if it is still what was read; again, until it is. */
  #updating(
    id: SessionId,
    generation: number | null,
    run: Run,
    attempt: (read: Versioned) => Promise<StoredSession | 'changed' | null>,
  ): Promise<StoredSession | null> {
    return this.#updates.run(id, async () => {
      if (this.#runner.time() >= run.deadline) {
        throw new SessionStoreUnavailableError(run.operation, {
          cause: new Error('updates of the session before it took all of its time'),
        });
      }
      for (let pause = FIRST_PAUSE; ; pause = longerPause(pause)) {
        const reading = { ...run, isDurable: false, isRepeatable: true };
        const read = await this.#opened.commands.find(id, reading);
        if (read === null || (generation !== null && read.stored.generation !== generation)) return null;
        const outcome = await attempt(read);
        if (outcome !== 'changed') return outcome;
        if (await paused(pause, run.deadline - this.#runner.time())) continue;
        throw new SessionStoreUnavailableError(run.operation, {
          cause: new Error('other requests changed the session again and again'),
        });
      }
    });
  }

  #run(operation: string, how: Partial<Run> = {}): Run {
    return { operation, deadline: this.#runner.deadline(), ...how };
  }

  get #runner(): ScriptRunner {
    return this.#opened.runner;
  }

  get #opened(): Opened {
    if (this.#open !== null) return this.#open;
    throw new SessionSetupError(
      'The session store is used before it was opened, which happens in onApplicationBootstrap(). Use sessions there or later, ' +
        'not in a constructor or onModuleInit(); in a test, call app.init() first.',
    );
  }
}

function endedOf(outcomes: readonly Outcome<{ readonly id: SessionId }, unknown>[]): SessionId[] {
  return outcomes.filter(({ isDone }) => isDone).map(({ item }) => item.id);
}
