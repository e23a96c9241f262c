import type { ServerResponse } from 'node:http';
import {
  type ArgumentsHost,
  type BeforeApplicationShutdown,
  type ExecutionContext,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { AdoptionProgress } from '../adoption/adopt-all.js';
import { ActiveSession } from '../session/active-session.js';
import type { AuthSnapshot } from '../session/avatar.js';
import { argumentsOf } from '../session/arguments.js';
import { assertChange } from '../session/data/draft.js';
import { kindOf } from '../session/data/json.js';
import type { LiveSessionData, SessionData } from '../session/data/paths.js';
import type { Session } from '../session/session.js';
import { userIdOf } from '../session/signing-in.js';
import { isSessionId, type SessionId } from '../session/token.js';
import {
  SessionArgumentError,
  SessionGoneError,
  SessionOriginError,
  SessionStoreUnavailableError,
} from '../session.errors.js';
import type { SessionEvent } from '../session.events.js';
import type { SessionManager } from '../session-manager.js';
import type { SessionStats } from '../stats/session-stats.js';
import { SessionStore } from '../session-store.js';
import { paced } from '../store/paced.js';
import { contextOf } from './context/context-of.js';
import { isWebSocket } from './context/handshake.js';
import { MessageContext } from './context/message-context.js';
import type { PlatformRequest } from './context/platform-request.js';
import { RequestContext } from './context/request-context.js';
import { noSession, type SessionContext } from './context/session-context.js';
import { SessionSource } from './context/session-source.js';
import { metadataOf } from './session.metadata.js';

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

/** The sessions of an application, for all that is no handler which takes `@Session()`. */
@Injectable()
export class SessionService implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  /**
   * What happens to sessions in this process, as it happens. An error that a subscriber throws, or with which one that is
   * asynchronous rejects, is logged, and reaches neither the request nor other subscribers. So it is behind `pipe()`; what RxJS
   * makes of several observables, as `merge()` does, throws it in a timer as ever.
   */
  readonly events: Observable<SessionEvent>;

  readonly #source: SessionSource;
  readonly #manager: SessionManager;
  readonly #store: SessionStore;

  constructor(@Inject(SessionSource) source: SessionSource, @Inject(SessionStore) store: SessionStore) {
    this.#source = source;
    this.#manager = source.manager;
    this.#store = store;
    this.events = source.manager.events;
  }

  /**
   * Late: migrations that the application runs in `onModuleInit()` must be done before the table is looked at.
   *
   * @internal
   */
  async onApplicationBootstrap(): Promise<void> {
    await this.#manager.start();
  }

  /**
   * The pool of the application may end before this does: it is closed when no request is under way any more.
   *
   * @internal
   */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#manager.windDown();
  }

  /**
   * @param signal what ends the process afterwards, where that is a signal
   * @internal
   */
  async onApplicationShutdown(signal?: string): Promise<void> {
    await this.#manager.stop(signal !== undefined);
  }

  /**
   * The session of a request, loaded once, by the first that asks: a guard, an interceptor, an exception filter. Takes what
   * Nest gives them (an `ExecutionContext` or `ArgumentsHost`), or a request of Express; on Fastify, a request does not
   * know its response.
   *
   * For a client of a WebSocket gateway: the session of the message whose handler is running, which is stored when that
   * ends. Elsewhere, as in `handleConnection()`, the session is looked up at each call, that is no access, and changes
   * are stored by `save()`.
   *
   * @throws {SessionOriginError} for the `ExecutionContext` of what a page of another origin has sent that may not
   * (`originCheck`). Elsewhere it gives an empty session then, which is never stored: Nest awaits neither exception filters nor
   * `handleConnection()`, and an error there would end the process.
   * @throws {SessionStoreUnavailableError} when the database does not answer, unless the route goes on with a stand-in
   * (`onStoreError`), which is what it gives then; and so it does in exception filters. Not an error: a cookie that opens nothing.
   * @throws {SessionSetupError} where there is no session to be found, such as in a microservice.
   */
  async of(requestOrContext: ArgumentsHost | object): Promise<Session> {
    const sessionContext = this.#contextOf(requestOrContext);
    // A guard knows the route; an exception filter, whose host looks the same, does not.
    const context = requestOrContext as ExecutionContext;
    const isOfRoute = 'getHandler' in context && Boolean(context.getHandler() && context.getClass());
    const isOfFilter = 'getHandler' in context && !isOfRoute;
    const metadata = isOfRoute ? metadataOf(context) : null;
    const isRequest = sessionContext instanceof RequestContext;
    let session: ActiveSession;
    try {
      session = await (isRequest ? sessionContext.loadOr(metadata?.onStoreError ?? null) : sessionContext.load());
    } catch (error) {
      const mayGoOn = isOfFilter && error instanceof SessionStoreUnavailableError;
      if (mayGoOn || (!isOfRoute && error instanceof SessionOriginError)) {
        return this.#manager.standInWithout(error).sealed;
      }
      throw error;
    }
    sessionContext.use();
    if (metadata !== null) sessionContext.accessed(metadata.renews, context);
    return session.sealed;
  }

  /**
   * A live session by its id, to be read, changed and saved outside its visitor's requests; `null` when there is none.
   * Looking at it is no access. Its cookie is out of reach, so `login()` and `regenerate()` are refused, and what is written once it has
   * ended begins no other session.
   *
   * @throws {SessionArgumentError} for what is no string. Not an error: a string that is no session's id.
   */
  async find(id: SessionId): Promise<Session | null> {
    const session = await this.#find('find', id);
    return session && session.sealed;
  }

  /**
   * Changes a session's data under the lock of its row, outside its visitor's requests: as `session.update()`, and no
   * access.
   *
   * @throws {SessionGoneError} when there is no such session.
   * @throws {SessionArgumentError} for an id that is no string, or a change that is no function.
   */
  async update<Result>(id: SessionId, change: (data: LiveSessionData) => Result): Promise<Result> {
    assertChange(change);
    const session = await this.#find('update', id);
    if (session === null) throw new SessionGoneError('There is no such session (any more); nothing was changed.');
    return session.update(change);
  }

  /** Where a user is signed in, oldest first; of very many, the 1,000 sessions that began last. @throws {SessionArgumentError} for what is no user's id. */
  async listForUser(userId: string): Promise<SessionDevice[]> {
    const sessions = await this.#store.findByUser(userIdOf('listForUser', userId));
    const usable = sessions.filter((stored) => this.#manager.usable(stored) !== null);
    return usable.map(({ id, ip, userAgent, createdAt, authenticatedAt, lastAccessAt, expiresAt }) => ({
      id,
      ip,
      userAgent,
      createdAt: new Date(createdAt),
      authenticatedAt: authenticatedAt === null ? null : new Date(authenticatedAt),
      lastAccessAt: new Date(lastAccessAt),
      expiresAt: new Date(expiresAt),
    }));
  }

  /**
   * Ends a session of any visitor, as for administrators; requests that are under way with it are refused. Returns whether it was
   * there.
   *
   * @throws {SessionArgumentError} for what is no string. Not an error: a text that is no session's id.
   */
  revoke(id: SessionId): Promise<boolean>;
  /**
   * The same where a user says which session to end, as ids are public: anybody else's than theirs is left alone, and `false`.
   *
   * @throws {SessionArgumentError} for options that are undefined, or without a user's id, such as that of somebody who is not
   * signed in.
   */
  revoke(id: SessionId, options: { readonly userId: string }): Promise<boolean>;
  async revoke(id: SessionId, ...whose: readonly { readonly userId: string }[]): Promise<boolean> {
    const isAnybodys = whose.length === 0;
    const userId = isAnybodys ? undefined : userIdOf('revoke', argumentsOf('revoke', whose[0], ['userId']).userId);
    const canonical = canonicalId('revoke', id);
    const revoked = canonical !== null && (await this.#store.delete(canonical, null, userId));
    if (revoked) this.#manager.emit('revoked', canonical, userId ?? null);
    return revoked;
  }

  /**
   * Signs a user out everywhere, but for one session if you say which, in committed pieces. Returns how many were ended.
   * Where it rejects, some may be ended: call it again.
   *
   * With the option `adopt`, sessions of express-session that have not been taken over yet are ended as well, but for those that
   * `adopt.sessions` finds. Whose they are is what `toSession` says, of each in the table.
   *
   * @throws {SessionArgumentError} for what is no user's id, or no session's, and for other options. Not an error: an `except`
   * that is undefined, which spares none.
   * @throws {SessionStoreUnavailableError} where the store did not answer; or where `adopt.toSession` throws for an old session, after
   * all others were ended
   */
  async revokeAllForUser(userId: string, options: { readonly except?: SessionId } = {}): Promise<number> {
    const user = userIdOf('revokeAllForUser', userId);
    const { except } = argumentsOf('revokeAllForUser', options, ['except']);
    const spared = except === undefined ? undefined : canonicalId('revokeAllForUser', except);
    if (spared === null) {
      throw new SessionArgumentError('revokeAllForUser() takes the id of a session (a UUID) as "except".');
    }
    return this.#manager.revokeAll(() => this.#store.deleteByUser(user, spared ?? null), user);
  }

  /**
   * Ends every session there is, in committed pieces of up to 2,000; one that begins while it runs may stay. Returns how many were
   * live. Where it rejects, some may be ended: call it again, and it gets on from there. With the option `adopt`, those of the old table are among them.
   */
  async revokeAll(): Promise<number> {
    return this.#manager.revokeAll(() => this.#store.deleteAll(), null);
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
    return this.#manager.ended('expired', paced(this.#store.deleteExpired()), null);
  }

  /**
   * Makes a session without a request, for tests and jobs.
   *
   * @throws {SessionArgumentError} for a snapshot (`auth`) without the user it is of, and for other members.
   * @returns the stored session, and what opens it, which is a secret: the bare `credential`, as a client sends it with
   * `transport: 'header'`; and the `cookie`, as a `Cookie` header takes it (`name=value`), empty with that transport.
   */
  async create(content: NewSessionContent = {}): Promise<{ session: Session; credential: string; cookie: string }> {
    const { userId, auth, data = {} } = argumentsOf('create', content, ['userId', 'auth', 'data']);
    if (userId === undefined && auth !== undefined) {
      throw new SessionArgumentError('create() takes "auth" together with the "userId" that it is the snapshot of.');
    }
    const session = this.#manager.create();
    // The data has no prototype: no key has a meaning of its own.
    Object.assign(session.data, argumentsOf('create', data));
    if (userId === undefined) await session.save();
    else await session.login(userId, auth);
    const change = ActiveSession.cookieChangeOf(session);
    if (change?.kind !== 'issued') throw new SessionArgumentError('The session was not stored.');
    const { transport, cookie } = this.#source.options;
    const credential = change.value;
    return {
      session: session.sealed,
      credential,
      cookie: transport === 'header' ? '' : `${cookie.name}=${credential}`,
    };
  }

  /**
   * Takes over all live sessions of express-session at once, those of the table of the option `adopt`, instead of each when its
   * visitor comes. The old cookies open them for as long as `adopt` has the same secret; the table may go. It may be called while
   * visitors come, to whom it leaves half of the connections at least, and again where it has failed.
   *
   * @returns how far it has come, after some 50 each, and at the end: `for await (const { seen, adopted } of sessions.adoptAll()) …`
   * @throws {SessionSetupError} without the option, or its `table`.
   * @throws {SessionStoreUnavailableError} where the database, or `toSession`, did not answer in time for some, say as another
   * transaction has locked them, after all others were taken over. Where it is answered for none any more, for four times `queryTimeout`,
   * no others are tried.
   */
  adoptAll(): AsyncIterable<AdoptionProgress> {
    return this.#manager.adoptAll();
  }

  /** Writes down at once the accesses that were collected so far, instead of within `renewal.flushEvery`. */
  async flush(): Promise<void> {
    await this.#store.flush();
  }

  /**
   * Figures of this process since its start, of this registration: look-ups, tokens that were not taken and why, commits,
   * renewals, queues, statements. A frozen, plain object that can be written as JSON; no query is sent for it, so how many
   * sessions are live is not in it ({@link count}).
   */
  stats(): SessionStats {
    return this.#manager.meter.stats();
  }

  async #find(method: string, id: SessionId): Promise<ActiveSession | null> {
    const canonical = canonicalId(method, id);
    return canonical === null ? null : this.#manager.find(canonical);
  }

  #contextOf(requestOrContext: ArgumentsHost | object): SessionContext {
    if (typeof requestOrContext !== 'object' || requestOrContext === null || !canBeLookedAt(requestOrContext)) {
      throw new SessionArgumentError(
        'SessionService.of() takes what Nest gives to guards, interceptors and filters (an ExecutionContext or ' +
          `ArgumentsHost), a request, or the client of a gateway, but got ${kindOf(requestOrContext)}.`,
      );
    }
    if ('switchToHttp' in requestOrContext) {
      const sessionContext = contextOf(this.#source, requestOrContext);
      if (sessionContext === null) throw noSession('SessionService.of()', requestOrContext.getType());
      return sessionContext;
    }
    const message = MessageContext.from(this.#source, requestOrContext);
    if (message !== null) return message;
    if (isWebSocket(requestOrContext)) throw noSession('SessionService.of()', 'ws');
    const request = requestOrContext as PlatformRequest & { res?: ServerResponse };
    const known = RequestContext.known(this.#source, request);
    if (known !== undefined) return known;
    if (request.res === undefined) {
      throw new SessionArgumentError(
        'SessionService.of() cannot tell the response of this request. Give it the ExecutionContext instead.',
      );
    }
    return RequestContext.of(this.#source, request, request.res);
  }
}

/** A proxy may throw whatever it is asked. */
function canBeLookedAt(object: object): boolean {
  try {
    Reflect.has(object, 'switchToHttp');
    Reflect.get(object, 'raw');
    return true;
  } catch {
    return false;
  }
}

/**
 * The id as the database has it; `null` where a text is none. It may be spelled in either case, and be that of a
 * `request.session` for code of express-session, which names the login as well.
 *
 * @throws {SessionArgumentError} for what is no text.
 */
function canonicalId(method: string, id: unknown): SessionId | null {
  if (typeof id !== 'string') {
    throw new SessionArgumentError(`${method}() takes the id of a session as a string, but got ${kindOf(id)}.`);
  }
  const bare = id.replace(/\.\d+$/, '');
  return isSessionId(bare) ? bare.toLowerCase() : null;
}
