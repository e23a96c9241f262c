import { type Observable, Subject } from 'rxjs';
import { adoptAll, type AdoptionProgress } from './adoption/adopt-all.js';
import { Adopter } from './adoption/adopter.js';
import { OldEndings } from './adoption/old-endings.js';
import { ActiveSession } from './session/active-session.js';
import { flawOf } from './session/flaw.js';
import { isLive, recognise, recogniseBest } from './session/recognition.js';
import { StandInSession } from './session/stand-in-session.js';
import { type FoundSession, NO_VISITOR, type SessionEnvironment, type Visitor } from './session/session-environment.js';
import type { ListedSession, SessionSecrets, StoredSession } from './session/stored-session.js';
import type { Credential, SessionId } from './session/token.js';
import { GuardedObservable } from './guarded-observable.js';
import type { OperatorReports } from './operator-reports.js';
import { type Recognised, rejectionOf, Rejections } from './rejections.js';
import { type SessionOriginError, SessionSetupError, type SessionStoreUnavailableError } from './session.errors.js';
import type { SessionChangeEvent, SessionEvent, SessionRejectedEvent } from './session.events.js';
import type { ResolvedSessionOptions } from './session.options.js';
import type { SessionStore } from './session-store.js';
import { SessionMeter } from './stats/session-meter.js';
import { Sweeper } from './store/sweeper.js';
import { withTimeLimit } from './store/time-limit.js';

/** How long a start that is under way is waited for as the application ends, in milliseconds: longer than a step of it takes. */
const LONGEST_START = 15_000;

/** Not that anything is wrong with the set-up. */
const CLOSED = 'The application was closed while its sessions were starting, so they were not started.';

/** What ends a session before its time. */
const ENDINGS: ReadonlySet<SessionChangeEvent['type']> = new Set(['logout', 'destroyed', 'revoked']);

/** Opens the sessions that tokens name, and emits what happens to sessions in this process. Knows no Nest and no HTTP. */
export class SessionManager {
  readonly events: Observable<SessionEvent>;
  readonly reports: OperatorReports;
  /** What is counted of these sessions. */
  readonly meter = new SessionMeter();

  readonly #events = new Subject<SessionEvent>();
  #store: SessionStore;
  readonly #options: ResolvedSessionOptions;
  readonly #rejections: Rejections;
  readonly #sweeper: Sweeper | null;
  #environment: SessionEnvironment;
  readonly #endings = { count: 0 };
  /** What takes over sessions of express-session; `null` where none are. */
  readonly #adopter: Adopter | null;
  readonly #oldEndings: OldEndings | null;
  #isOpen = false;
  #starting: Promise<void> | null = null;
  /** Aborted as the application ends: renewals are written at once, and a start that is under way is given up. */
  readonly #closing = new AbortController();
  readonly #stopped = Promise.withResolvers<void>();

  /** One function for all look-ups. */
  readonly #lookUpFailed = (error: unknown): never => {
    this.meter.lookups.failed += 1;
    throw error;
  };

  constructor(store: SessionStore, options: ResolvedSessionOptions, reports: OperatorReports) {
    this.#store = store;
    this.#options = options;
    this.reports = reports;
    this.events = new GuardedObservable(this.#events, (error) => reports.subscriberFailed(error));
    this.#rejections = new Rejections(options.trackDevice, (event) => this.#events.next(event));
    this.#sweeper =
      options.sweepEvery === null
        ? null
        : new Sweeper(store, options.sweepEvery, {
            expired: (ids) => {
              this.meter.sweeps.batches += 1;
              this.emitAll('expired', ids, null);
            },
            done: () => reports.swept(),
            failed: (error) => {
              this.meter.sweeps.failures += 1;
              reports.sweepFailed(error);
            },
            takenOver: () => reports.sweepTakenOver(),
            lost: () => reports.sweepLost(),
          });
    const { adopt, lifetime, rotationGrace, queryTimeout } = options;
    const { saveUninitialized, maxSessionsPerUser, trackDevice, renewal, transport, cookie } = options;
    this.#environment = {
      store,
      lifetime,
      rotationGrace,
      saveUninitialized,
      dropsAtEnd: (persistent) => transport === 'cookie' && (persistent ?? cookie.persistent),
      maxSessionsPerUser,
      trackDevice,
      renew: ({ id, lastAccessAt, ttl, expiresAt }) => {
        const at = store.now();
        if (at - lastAccessAt < Math.min(renewal.granularity, ttl / 2)) return;
        this.meter.renewals.requested += 1;
        store.renew({ id, at, expiresAt });
        if (this.#closing.signal.aborted) void store.flush();
      },
      revoked: async (pieces, userId) => {
        try {
          await this.ended('revoked', pieces, userId);
        } catch (error) {
          reports.limitFailed(error);
        }
      },
      renewsAtOnce: renewal.flushEvery === 0,
      commits: this.meter.commits,
      endings: this.#endings,
      emit: (type, id, userId) => this.emit(type, id, userId),
      refused: (id, userId, visitor) => this.#reject('gone', id, userId, visitor),
      usable: (stored) => this.usable(stored),
      unreadable: (id, what, error) => reports.unreadable(id, what, error),
      notAwaited: (error) => reports.notAwaited(error),
    };
    this.#adopter =
      adopt === null
        ? null
        : new Adopter({
            adoption: adopt,
            rotationGrace,
            queryTimeout,
            meter: this.meter.startAdoption(),
            sessions: () => this.#environment,
            failed: (error) => reports.adoptionFailed(error),
          });
    this.#oldEndings =
      this.#adopter && new OldEndings(this.#adopter, () => this.#store.oldSessions, options.queryTimeout);
  }

  /** The store's clock, in milliseconds since the epoch. */
  now(): number {
    return this.#store.now();
  }

  /** @throws {SessionSetupError} also where the application is closed meanwhile, once everything is ended */
  async start(): Promise<void> {
    const { signal } = this.#closing;
    this.#starting = this.#start(signal);
    try {
      await this.#starting;
    } catch (error) {
      if (!signal.aborted) throw error;
      await this.#stopped.promise;
      throw signal.reason;
    }
  }

  async #start(closing: AbortSignal): Promise<void> {
    closing.throwIfAborted();
    const { meter } = this;
    await this.#store.open({
      meter,
      closing,
      warned: (warning) => this.reports.storeWarned(warning),
      renewed: (accesses) => {
        meter.renewals.written += accesses.length;
        this.reports.renewed();
        if (this.#events.observed) for (const { id } of accesses) this.#tell('renewed', id, null);
      },
      renewalFailed: (error) => {
        meter.renewals.failures += 1;
        this.reports.renewalsFailed(error);
      },
      renewalRefused: (id, error) => {
        meter.renewals.refused += 1;
        this.reports.renewalRefused(id, error);
      },
      notASession: (id, error) => this.reports.notASession(id, error),
      changed: () => {},
      feedConnected: (isConnected) => {
        meter.feedConnected(isConnected);
        this.reports.feedConnected(isConnected);
      },
    });
    closing.throwIfAborted();
    this.#isOpen = true;
    this.#adopter?.check();
    this.reports.started(this.#options, this.#store.description);
    this.#sweeper?.start();
  }

  /**
   * Writes what is still collected, and ends what runs by itself. Sessions go on being served. A start that is under way is waited for:
   * the pool of the application, which ends afterwards, may never end while a connection of it is being made; but not for ever, as a
   * store of an application may.
   */
  async windDown(): Promise<void> {
    this.#closing.abort(new SessionSetupError(CLOSED));
    if (this.#starting !== null) await withTimeLimit(this.#starting, LONGEST_START, () => {}).catch(() => {});
    if (!this.#isOpen) return;
    await this.#sweeper?.stop();
    await this.#store.flush();
  }

  /**
   * Nothing is served any more.
   *
   * @param endsProcess whether the process ends afterwards: a start that was given up says nothing then, or that would end it first
   */
  async stop(endsProcess = false): Promise<void> {
    await this.#sweeper?.stop();
    await this.#store.close();
    if (!endsProcess) this.#stopped.resolve();
  }

  /** Whether a session was read so lately that a look-up of now could as well have been answered then. */
  isFresh({ readAt }: ActiveSession): boolean {
    return this.now() - (readAt ?? 0) <= 2 * this.#options.queryTimeout;
  }

  /**
   * Whether a session is live, its user signed in by the same login, and the token good that its client has, as the store has it
   * now: a login replaces that, and so does a rotation, once its grace period is over.
   */
  async isStillSignedIn(session: ActiveSession): Promise<boolean> {
    // Operations of its own are waited for.
    return session.isAuthenticated && (await session.isStillOpen(this.#store)) && session.isAuthenticated;
  }

  /**
   * Has what is opened from now on go through a store in front of this one. Returns how to end that; it ends what came after it
   * as well.
   */
  goThrough(inFront: (store: SessionStore) => SessionStore): () => void {
    const before = this.#store;
    const use = (store: SessionStore): void => {
      this.#store = store;
      this.#environment = { ...this.#environment, store };
    };
    use(inFront(before));
    return () => use(before);
  }

  /**
   * The session that the credentials of a request open, or a new one. At once, where there is nothing to look up. Not an
   * error: a credential that opens nothing.
   */
  open(credentials: readonly Credential[], visitor: Visitor): ActiveSession | Promise<ActiveSession> {
    const [first] = credentials;
    if (first === undefined) return new ActiveSession(this.#environment, visitor, null);
    if (this.#adopter !== null && credentials.at(-1)?.sid !== undefined) {
      return this.#openOrAdopt(this.#adopter, credentials, visitor);
    }
    if (credentials.length > 1) return this.#openOneOf(credentials, visitor);
    return this.#lookUp(first, (found, isAbsent) => {
      this.#judge(first.id, found, visitor, found?.stored.userId ?? null);
      return this.#opened(found, visitor, isAbsent ? [first.id] : undefined);
    });
  }

  /** A live session by its id, whose client cannot be told of a change of its credential; `null` when there is none. */
  async find(id: SessionId): Promise<ActiveSession | null> {
    const stored = this.usable(await this.#store.find(id));
    if (stored === null) return null;
    return new ActiveSession(this.#environment, NO_VISITOR, { stored, credential: null, recognition: 'current' });
  }

  /** A stored session that can be worked with; `null` for one that cannot be right, which is reported once. */
  usable<Stored extends ListedSession>(stored: Stored | null): Stored | null {
    const flaw = stored && flawOf(stored);
    if (stored === null || flaw === null) return stored;
    this.reports.rowCorrupt(stored.id, flaw);
    return null;
  }

  /** A new session that is worth a row even if it stays empty. */
  create(): ActiveSession {
    return new ActiveSession({ ...this.#environment, saveUninitialized: true }, NO_VISITOR, null);
  }

  /** Stands for a session that cannot be looked up, and is never stored. */
  standIn(visitor: Visitor, error: SessionStoreUnavailableError): ActiveSession {
    return new StandInSession(this.#environment, visitor, error, () => this.reports.writesDropped());
  }

  /** The same outside of all requests: for one that pages of another origin may not use, or that a filter cannot have. */
  standInWithout(error: SessionOriginError | SessionStoreUnavailableError): ActiveSession {
    return new StandInSession(this.#environment, NO_VISITOR, error, () => {});
  }

  /** Takes over all sessions of the old table; says how far it has come. @throws {SessionSetupError} where there is none */
  adoptAll(): AsyncIterable<AdoptionProgress> {
    return adoptAll(this.#adopter, this.#store.oldSessions, this.#options.queryTimeout);
  }

  /**
   * Ends sessions, and those that may come back from express-session, which takes long where there are many: so ours at once, and
   * again what was taken over meanwhile.
   *
   * @param end ends ours, each time that it is called
   * @param userId whose they are; `null` for everybody's
   * @returns how many
   */
  async revokeAll(end: () => AsyncIterable<readonly SessionId[]>, userId: string | null): Promise<number> {
    const old = (userId === null ? this.#oldEndings?.endAll() : this.#oldEndings?.endOf(userId)) ?? null;
    // It may fail before it is waited for.
    old?.catch(() => {});
    const ended = await this.ended('revoked', end(), userId);
    return old === null ? ended : ended + (await old) + (await this.ended('revoked', end(), userId));
  }

  /** Emits for each session that the store ends, piece by piece. Returns how many. */
  async ended(
    type: 'revoked' | 'expired',
    pieces: AsyncIterable<readonly SessionId[]>,
    userId: string | null,
  ): Promise<number> {
    let count = 0;
    for await (const ids of pieces) {
      this.emitAll(type, ids, userId);
      count += ids.length;
    }
    return count;
  }

  emit(type: SessionChangeEvent['type'], sessionId: SessionId, userId: string | null): void {
    this.#count(type, 1);
    this.#tell(type, sessionId, userId);
  }

  emitAll(type: SessionChangeEvent['type'], sessionIds: readonly SessionId[], userId: string | null): void {
    this.#count(type, sessionIds.length);
    if (this.#events.observed) for (const id of sessionIds) this.#tell(type, id, userId);
  }

  #count(type: SessionChangeEvent['type'], times: number): void {
    this.meter.events[type] += times;
    if (ENDINGS.has(type)) this.#endings.count += times;
  }

  #tell(type: SessionChangeEvent['type'], sessionId: SessionId, userId: string | null): void {
    if (this.#events.observed) this.#events.next({ type, sessionId, userId });
  }

  /** The session that our own credentials open, or else one that is taken over. */
  async #openOrAdopt(adopter: Adopter, credentials: readonly Credential[], visitor: Visitor): Promise<ActiveSession> {
    const own = credentials.filter(({ sid }) => sid === undefined);
    if (own.length > 0) {
      const session = await this.open(own, visitor);
      // One that was overtaken has a newer cookie under way.
      if (!session.isNew || session.isOvertaken) return session;
    }
    const old = credentials.filter(({ sid }) => sid !== undefined);
    return this.#opened(await adopter.open(old, visitor), visitor);
  }

  /** Of the sessions that several credentials name, the one that is live; none if there are two. */
  async #openOneOf(credentials: readonly Credential[], visitor: Visitor): Promise<ActiveSession> {
    const named = Map.groupBy(credentials, ({ id }) => id);
    this.meter.lookups.total += named.size;
    let absent: SessionId[] = [];
    const best = (session: SessionSecrets): Pick<FoundSession, 'credential' | 'recognition'> =>
      recogniseBest(named.get(session.id) as Credential[], session, this.#options.rotationGrace);
    const choose = (sessions: readonly SessionSecrets[]): SessionId | null => {
      const found = new Map(sessions.map((session) => [session.id, { stored: session, ...best(session) }]));
      absent = [...named.keys()].filter((id) => !found.has(id));
      const all = [...found.values()];
      const live = all.filter(({ recognition }) => isLive(recognition));
      for (const id of named.keys()) this.#judge(id, found.get(id) ?? null, visitor, null, live.length > 1);
      if (live.length > 1) {
        this.reports.twoCookies(this.#options.cookie.name);
        return null;
      }
      const one = live[0] ?? all.find(({ recognition }) => recognition === 'replaced');
      return one?.stored.id ?? null;
    };
    const stored = this.usable(await this.#store.findOneOf([...named.keys()], choose).catch(this.#lookUpFailed));
    this.reports.storeAnswered();
    return this.#opened(stored && { stored, ...best(stored) }, visitor, absent);
  }

  #lookUp<Result>(
    credential: Credential,
    then: (found: FoundSession | null, isAbsent: boolean) => Result,
  ): Promise<Result> {
    this.meter.lookups.total += 1;
    return this.#store.find(credential.id).then((stored) => {
      // What the cache answers proves nothing.
      if (this.#options.cache === null) this.reports.storeAnswered();
      const found = this.#recognised(credential, stored);
      if (found?.recognition !== 'unknown') return then(found, stored === null);
      // A copy may not know the newest credential yet.
      return this.#store
        .refind(found.stored)
        .then((newer) => then(this.#recognised(credential, newer), newer === null));
    }, this.#lookUpFailed);
  }

  /** Counts what became of a token that was looked up, and tells of one that opens nothing. */
  #judge(id: SessionId, found: Recognised | null, visitor: Visitor, userId: string | null, isAmbiguous = false): void {
    const { lookups, tokens, rejected } = this.meter;
    if (found !== null) lookups.found += 1;
    const reason = rejectionOf(found, isAmbiguous);
    if (reason !== null) {
      rejected[reason] += 1;
      this.#reject(reason, id, userId, visitor);
      return;
    }
    tokens.accepted += 1;
    if (found?.recognition === 'previous') tokens.inGrace += 1;
  }

  #reject(reason: SessionRejectedEvent['reason'], sessionId: SessionId, userId: string | null, visitor: Visitor): void {
    if (this.#events.observed) this.#rejections.add(reason, { sessionId, userId }, visitor);
  }

  #recognised(credential: Credential, found: StoredSession | null): FoundSession | null {
    const stored = this.usable(found);
    return stored && { stored, credential, recognition: recognise(credential, stored, this.#options.rotationGrace) };
  }

  /** @param absent as of `ActiveSession` */
  #opened(found: FoundSession | null, visitor: Visitor, absent?: readonly SessionId[]): ActiveSession {
    if (found !== null && isLive(found.recognition)) this.emit('loaded', found.stored.id, found.stored.userId);
    return new ActiveSession(this.#environment, visitor, found, absent);
  }
}
