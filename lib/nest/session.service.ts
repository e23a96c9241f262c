import type { ServerResponse } from 'node:http';
import {
  type BeforeApplicationShutdown,
  type ArgumentsHost,
  type ExecutionContext,
  Inject,
  Injectable,
  Logger,
  type OnModuleInit,
  Optional,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { type Observable, Subject } from 'rxjs';
import type { CookieSettings } from './express-compat-cookie.js';
import { isWebSocket } from './context/handshake.js';
import { MessageContext } from './context/message-context.js';
import { scopeOf } from './context/context-of.js';
import { metadataOf } from './session.metadata.js';
import { noSession, type SessionContext } from './context/session-context.js';
import { type PlatformRequest, RequestContext } from './context/request-context.js';
import type { SessionSource } from './context/session-source.js';
import type { SessionTransport } from '../http/session-transport.js';
import { transportOf } from '../http/transport-of.js';
import type { AuthSnapshot } from '../session/avatar.js';
import { recognise } from '../session/recognition.js';
import { type Credential, isSessionId, type SessionId } from '../session/token.js';
import { ActiveSession } from '../session/active-session.js';
import type { FoundSession, SessionEnvironment, Visitor } from '../session/session-environment.js';
import type { LiveSessionData, SessionData } from '../session/data/paths.js';
import type { Session } from '../session/session.js';
import type { StoredSession } from '../session/stored-session.js';
import { SessionArgumentError, SessionGoneError } from '../session.errors.js';
import type { SessionEvent, SessionEventType } from '../session.events.js';
import { type ResolvedSessionOptions, SESSION_OPTIONS } from '../session.options.js';
import { paced } from '../store/paced.js';
import { RenewalBuffer } from '../store/batching/renewal-buffer.js';
import { SessionStore } from '../store/session-store.js';
import { Sweeper } from '../store/sweeper.js';

/** One of the places where a user is signed in. */
export interface SessionDevice {
  /** The session's id, which `revoke()` takes. */
  readonly id: SessionId;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly createdAt: Date;
  /** When the user signed in there; later than {@link createdAt} where the visitor was anonymous first. */
  readonly authenticatedAt: Date | null;
  readonly lastAccessAt: Date;
  readonly expiresAt: Date;
}

/** What a session made by hand starts with. */
export interface NewSessionContent {
  readonly userId?: string;
  readonly auth?: AuthSnapshot;
  readonly data?: Partial<SessionData> & Record<string, unknown>;
}

/** Nobody in particular: a job, a test, an administrator. */
const NOBODY: Visitor = { ip: null, userAgent: null, assertReachable: () => {} };

/** The sessions of an application, for whoever is not a handler that simply takes `@Session()`. */
@Injectable()
export class SessionService implements SessionSource, OnModuleInit, BeforeApplicationShutdown {
  /**
   * What happens to sessions in this process, as it happens. An error that a subscriber throws is reported as uncaught,
   * and does not reach the request.
   */
  readonly events: Observable<SessionEvent>;

  /** @internal */
  readonly transport: SessionTransport;
  /** The application: modules that are registered twice in it have sessions in common. @internal */
  readonly registration: object;

  readonly #logger = new Logger('SessionModule');
  readonly #events = new Subject<SessionEvent>();
  readonly #store: SessionStore;
  readonly #options: ResolvedSessionOptions;
  readonly #renewals: RenewalBuffer;
  readonly #sweeper: Sweeper | null;
  readonly #environment: SessionEnvironment;
  #hasWarnedOfTossing = false;
  #hasWarnedOfRenewals = false;

  constructor(
    @Inject(SessionStore) store: SessionStore,
    @Inject(SESSION_OPTIONS) options: ResolvedSessionOptions,
    @Optional() @Inject(ModulesContainer) application?: ModulesContainer,
  ) {
    this.registration = application ?? this;
    this.#store = store;
    this.#options = options;
    this.transport = transportOf(options, (message) => this.#logger.warn(message));
    this.events = this.#events.asObservable();
    this.#renewals = new RenewalBuffer(store, options.renewal.flushEvery, {
      renewed: (ids) => {
        this.#hasWarnedOfRenewals = false;
        if (this.#events.observed) for (const id of ids) this.#emit('renewed', id, null);
      },
      failed: (error) => {
        // Once, until it works again: under load this would be said a thousand times a second.
        if (!this.#hasWarnedOfRenewals) {
          this.#logger.warn(`Expiries are not renewed for the moment; they will be tried again. ${String(error)}`);
        }
        this.#hasWarnedOfRenewals = true;
      },
    });
    this.#sweeper =
      options.sweepEvery === null
        ? null
        : new Sweeper(store, options.sweepEvery, {
            expired: (ids) => this.#expired(ids),
            failed: (error) => this.#logger.warn(`Expired sessions were not removed; next time. ${String(error)}`),
          });
    const { lifetime, saveUninitialized, maxSessionsPerUser, trackDevice, renewal } = options;
    this.#environment = {
      persistence: store,
      lifetime,
      saveUninitialized,
      maxSessionsPerUser,
      trackDevice,
      renew: ({ id, lastAccessAt, ttl, expiresAt }) => {
        const since = store.now() - lastAccessAt;
        if (since >= Math.min(renewal.granularity, ttl / 2)) this.#renewals.add(id, expiresAt);
      },
      emit: (type, id, userId) => this.#emit(type, id, userId),
      unreadable: (id, what, error) =>
        this.#logger.error(
          `The stored ${what} of session ${id} cannot be read, and counts as empty. ${kindOfError(error)}`,
        ),
    };
  }

  /** @internal */
  async onModuleInit(): Promise<void> {
    await this.#store.open();
    this.#sweeper?.start();
  }

  /** @internal */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#sweeper?.stop();
    await this.#renewals.close();
    await this.#store.close();
  }

  /**
   * The session of a request, loaded once, whoever asks first: a guard, an interceptor, an exception filter. Takes what
   * Nest gives them (an `ExecutionContext` or `ArgumentsHost`), or a request of Express; on Fastify, a request does not
   * know its response.
   *
   * For a client of a WebSocket gateway: the session of the message whose handler is running, which is stored when that
   * ends. Elsewhere, as in `handleConnection()`, the session is looked up at each call, that is no access, and whoever
   * changes it calls `save()`.
   *
   * @throws {SessionStoreUnavailableError} when the database does not answer. Not an error: a cookie that opens nothing.
   * @throws {SessionSetupError} where there is no session to be found, such as in a microservice.
   */
  async of(requestOrContext: ArgumentsHost | object): Promise<Session> {
    const scope = this.#scopeOf(requestOrContext);
    const session = await scope.load();
    scope.look();
    // A guard knows the route; an exception filter, whose host looks the same, does not.
    const context = requestOrContext as ExecutionContext;
    if ('getHandler' in context && context.getHandler() && context.getClass()) {
      scope.accessed(metadataOf(context).renews, context);
    }
    return session.sealed;
  }

  /**
   * A live session by its id, to be read, changed and saved outside its visitor's requests; `null` when there is none.
   * Looking at it is no access. Its cookie is out of reach, so `login()` and `regenerate()` are refused.
   */
  async find(id: SessionId): Promise<Session | null> {
    const canonical = canonicalId(id);
    const stored = canonical === null ? null : await this.#store.find(canonical);
    if (stored === null) return null;
    return new ActiveSession(this.#environment, NOBODY, { stored, credential: null, recognition: 'current' }).sealed;
  }

  /**
   * Changes a session's data under the lock of its row, outside its visitor's requests: as `session.update()`, and no
   * access.
   *
   * @throws {SessionGoneError} when there is no such session.
   */
  async update<Result>(id: SessionId, change: (data: LiveSessionData) => Result): Promise<Result> {
    const session = await this.find(id);
    if (session === null) throw new SessionGoneError('There is no such session (any more); nothing was changed.');
    return session.update(change);
  }

  /** Where a user is signed in, oldest first. */
  async listForUser(userId: string): Promise<SessionDevice[]> {
    const sessions = await this.#store.findByUser(userId);
    return sessions.map(({ id, ip, userAgent, createdAt, authenticatedAt, lastAccessAt, expiresAt }) => ({
      id,
      ip,
      userAgent,
      createdAt: new Date(createdAt),
      authenticatedAt: authenticatedAt === null ? null : new Date(authenticatedAt),
      lastAccessAt: new Date(lastAccessAt),
      expiresAt: new Date(expiresAt),
    }));
  }

  /** Ends a session, whoever's it is; requests that are under way with it are refused. Returns whether it was there. */
  async revoke(id: SessionId): Promise<boolean> {
    const canonical = canonicalId(id);
    const revoked = canonical !== null && (await this.#store.delete(canonical, null));
    if (revoked) this.#emit('revoked', canonical, null);
    return revoked;
  }

  /** Signs a user out everywhere, but for one session if you say which. Returns how many were ended. */
  async revokeAllForUser(userId: string, options: { readonly except?: SessionId } = {}): Promise<number> {
    const except = options.except === undefined ? undefined : canonicalId(options.except);
    if (except === null) {
      throw new SessionArgumentError('revokeAllForUser() takes the id of a session (a UUID) as "except".');
    }
    const ids = await this.#store.deleteByUser(userId, except ?? null);
    for (const id of ids) this.#emit('revoked', id, userId);
    return ids.length;
  }

  /** Ends every session there is. Returns how many were live. */
  async revokeAll(): Promise<number> {
    return this.#store.deleteAll();
  }

  /** How many sessions are live. */
  async count(): Promise<number> {
    return this.#store.count();
  }

  /**
   * Removes the rows of sessions whose time is over, which are absent already: in batches, at the pace of the sweep, which
   * holds up no request (5,000 rows a second at most: a million take over three minutes). Returns how many.
   */
  async purgeExpired(): Promise<number> {
    let count = 0;
    for await (const ids of paced(this.#store.deleteExpired())) {
      this.#expired(ids);
      count += ids.length;
    }
    return count;
  }

  /**
   * Makes a session without a request, for tests and jobs.
   *
   * @returns the stored session, and what opens it, which is a secret: the bare `credential`, as a client sends it with
   * `transport: 'header'`; and the `cookie`, as a `Cookie` header takes it (`name=value`), empty with that transport.
   */
  async create(content: NewSessionContent = {}): Promise<{ session: Session; credential: string; cookie: string }> {
    const session = new ActiveSession({ ...this.#environment, saveUninitialized: true }, NOBODY, null);
    for (const [key, value] of Object.entries(content.data ?? {})) session.data[key as never] = value as never;
    if (content.userId === undefined) await session.save();
    else await session.login(content.userId, content.auth);
    const change = session.cookieChange;
    if (change?.kind !== 'issued') throw new SessionArgumentError('The session was not stored.');
    const { transport, cookie } = this.#options;
    const credential = change.value;
    return {
      session: session.sealed,
      credential,
      cookie: transport === 'header' ? '' : `${cookie.name}=${credential}`,
    };
  }

  /** Writes down at once the accesses that were collected so far, instead of within `renewal.flushEvery`. */
  async flush(): Promise<void> {
    await this.#renewals.flush();
  }

  /** What the options say of the cookie. @internal */
  get cookie(): CookieSettings {
    const { transport, cookie, lifetime } = this.#options;
    return transport === 'header' ? { path: '/', lifetime } : { ...cookie, lifetime };
  }

  /** @internal */
  now(): number {
    return this.#store.now();
  }

  /** @internal */
  open(credentials: readonly Credential[], visitor: Visitor): ActiveSession | Promise<ActiveSession> {
    const [first] = credentials;
    if (first === undefined) return new ActiveSession(this.#environment, visitor, null);
    if (credentials.length > 1) return this.#openOne(credentials, visitor);
    return this.#lookUp(first, (found) => this.#opened(found, visitor));
  }

  #scopeOf(requestOrContext: ArgumentsHost | object): SessionContext {
    if ('switchToHttp' in requestOrContext) {
      const scope = scopeOf(this, requestOrContext);
      if (scope === null) throw noSession('SessionService.of()', requestOrContext.getType());
      return scope;
    }
    const message = MessageContext.from(this, requestOrContext);
    if (message !== null) return message;
    if (isWebSocket(requestOrContext)) throw noSession('SessionService.of()', 'ws');
    const request = requestOrContext as PlatformRequest & { res?: ServerResponse };
    const known = RequestContext.known(this, request);
    if (known !== undefined) return known;
    if (request.res === undefined) {
      throw new SessionArgumentError(
        'SessionService.of() cannot tell the response of this request. Give it the ExecutionContext instead.',
      );
    }
    return RequestContext.of(this, request, request.res);
  }

  /** Of the sessions that several credentials name, the one that is live; none if there are two. */
  async #openOne(credentials: readonly Credential[], visitor: Visitor): Promise<ActiveSession> {
    const looked = await Promise.all(credentials.map((credential) => this.#lookUp(credential, (found) => found)));
    const found = looked.filter((one) => one !== null);
    const live = found.filter(isLive);
    if (live.length > 1 && !sameSession(live)) {
      this.#warnOfTossing();
      return new ActiveSession(this.#environment, visitor, null);
    }
    const one =
      live.find(({ recognition }) => recognition === 'current') ??
      live[0] ??
      found.find(({ recognition }) => recognition === 'outsider') ??
      null;
    return this.#opened(one, visitor);
  }

  #lookUp<Result>(credential: Credential, then: (found: FoundSession | null) => Result): Promise<Result> {
    return this.#store.find(credential.id).then((stored) => {
      const found = stored && this.#recognised(credential, stored);
      if (found?.recognition !== 'stranger') return then(found);
      // A copy may not know the newest credential yet.
      return this.#store.refind(found.stored).then((newer) => then(newer && this.#recognised(credential, newer)));
    });
  }

  #recognised(credential: Credential, stored: StoredSession): FoundSession {
    return { stored, credential, recognition: recognise(credential, stored, this.#options.rotationGrace) };
  }

  #opened(found: FoundSession | null, visitor: Visitor): ActiveSession {
    if (found !== null && isLive(found)) this.#emit('loaded', found.stored.id, found.stored.userId);
    return new ActiveSession(this.#environment, visitor, found);
  }

  #expired(ids: readonly SessionId[]): void {
    for (const id of ids) this.#emit('expired', id, null);
  }

  #emit(type: SessionEventType, sessionId: SessionId, userId: string | null): void {
    if (this.#events.observed) this.#events.next({ type, sessionId, userId });
  }

  #warnOfTossing(): void {
    if (this.#hasWarnedOfTossing) return;
    this.#hasWarnedOfTossing = true;
    this.#logger.warn(
      `A request carried two live sessions in cookies of the name "${this.#options.cookie.name}", and neither was used. ` +
        'Another host of your domain, or another path, sets the same name: rename one, or use the prefix "__Host-".',
    );
  }
}

/**
 * The id as the database has it; `null` where it is none. It may be spelled in either case, and be that of a
 * `request.session` for code of express-session, which names the login as well.
 */
function canonicalId(id: string): SessionId | null {
  const bare = typeof id === 'string' ? id.replace(/\.\d+$/, '') : '';
  return isSessionId(bare) ? bare.toLowerCase() : null;
}

function isLive({ recognition }: FoundSession): boolean {
  return recognition === 'current' || recognition === 'previous';
}

function sameSession(found: readonly FoundSession[]): boolean {
  return found.every(({ stored }) => stored.id === found[0]?.stored.id);
}

// A parser's message may quote what it parsed.
function kindOfError(error: unknown): string {
  return error instanceof SyntaxError ? 'It is not JSON.' : String(error);
}
