import { type IncomingMessage, STATUS_CODES, type ServerResponse } from 'node:http';
import { ActiveSession } from '../../session/active-session.js';
import type { CookieChange } from '../../session/cookie-intent.js';
import type { Visitor } from '../../session/session-environment.js';
import { SessionError, SessionHeadersSentError, SessionStoreUnavailableError } from '../../session.errors.js';
import type { OnStoreErrorPolicy } from '../../session.options.js';
import { announcedTo } from './announcement.js';
import { addVary, keepFromCaches, keepFromSharedCaches, voidOrders } from '../../http/cache-control.js';
import { reportFailure, statusOf, toHttpException } from '../http-errors.js';
import { RequestProperty } from '../../http/request-property.js';
import type { Gatekeeper } from '../../http/gatekeeper.js';
import { canBeGated, installGate, type ResponseGate } from '../../http/response-gate.js';
import { LoadingContext } from './loading-context.js';
import { hostOf, ipOf, isHttps, type PlatformRequest, rawOf, urlOf, userAgentOf } from './platform-request.js';
import { jsonError, replaceByError } from './error-answer.js';
import { warnOfAbandoned, warnOfOthers, warnOfUnsaved } from './request-warnings.js';
import { refused } from './origin-refusal.js';
import type { SessionContext } from './session-context.js';
import type { SessionSource } from './session-source.js';

/** What `request.session` gives in the place of the session itself. */
export interface RequestView {
  readonly shown: object;
  /** What `request.sessionID` gives. */
  readonly id: string;
}

const KEY = Symbol('nestjs-mikro-session');
type Known = { [KEY]?: RequestContext };

const STAND_IN =
  'There is no HTTP response here that could bring the session cookie to the client, as with a WebSocket that is being ' +
  'opened. Start the session, log in and regenerate over HTTP, then connect.';

/** The session of one request: loaded once, for the first that asks, and stored before the response is sent. */
export class RequestContext extends LoadingContext implements Gatekeeper, SessionContext, Visitor {
  /** Writes an error in place of the response, whose status is the error's, and returns the body. */
  errorBody: (response: ServerResponse, message: string) => string = jsonError;

  readonly #source: SessionSource;
  readonly #request: PlatformRequest;
  readonly #raw: IncomingMessage;
  readonly #response: ServerResponse;
  /** `null` where the response is none that could wait. */
  readonly #gate: ResponseGate | null;
  /** That of another registration, which the request has met before. */
  readonly #next: RequestContext | undefined;
  /** Why the session is a stand-in for one that could not be looked up; `null`: it is none. */
  #unavailable: SessionStoreUnavailableError | null = null;
  #view: RequestView | null = null;
  #isUsed = false;
  #settling: Promise<void> | null = null;
  /** Whether `request.session = null` was said. */
  #isEnded = false;
  #ending: Promise<void> | null = null;
  /** Whether they are out, or all is known that they say of the session. */
  #headersSent: boolean;
  /** Whether a session error was reported; and whether it has replaced the handler's answer, whatever status a filter gives it. */
  #isFailure = false;
  #isVoid = false;
  /** What the response tells the client to keep, or to forget. */
  #cookieChange: CookieChange | null = null;
  /** Whether the response has ended. */
  #isOver: boolean;
  #isWatched = false;

  private constructor(source: SessionSource, request: PlatformRequest, raw: IncomingMessage, response: ServerResponse) {
    super();
    this.#source = source;
    this.#request = request;
    this.#raw = raw;
    this.#response = response;
    this.#headersSent = response.headersSent;
    this.#isOver = response.writableEnded;
    this.#next = (raw as Known)[KEY];
    this.#gate = canBeGated(response) ? installGate(response, this) : null;
  }

  /** That of a request, if the same registration has one already. */
  static known(source: SessionSource, request: PlatformRequest): RequestContext | undefined {
    let known = (rawOf(request) as Known)[KEY];
    while (known !== undefined && known.#source !== source) known = known.#next;
    return known;
  }

  /** That of a request, where no more than the request is known: of the registration of the application that handles it. */
  static visible(request: PlatformRequest): RequestContext | undefined {
    const source = announcedTo(request);
    return source === null ? (rawOf(request) as Known)[KEY] : RequestContext.known(source, request);
  }

  /** That of a request. */
  static of(source: SessionSource, request: PlatformRequest, response: ServerResponse): RequestContext {
    const known = RequestContext.known(source, request);
    if (known !== undefined) return known;
    const raw = rawOf(request);
    return ((raw as Known)[KEY] = new RequestContext(source, request, raw, response));
  }

  /** @throws {SessionStoreUnavailableError} also where there is a stand-in, which is for those who have asked for it. */
  override load(): ActiveSession | Promise<ActiveSession> {
    return this.#unavailable === null ? super.load() : Promise.reject(this.#unavailable);
  }

  /**
   * The session, or a stand-in for it where the store does not answer and the policy allows that. There is one for the
   * request, and no second look-up.
   *
   * @param policy that of the route; `null` for the module's, or what there is already
   */
  loadOr(policy: OnStoreErrorPolicy | null): ActiveSession | Promise<ActiveSession> {
    if (policy !== 'fail' && this.session !== null) return this.session;
    const loading = this.load();
    const isFailure = (policy ?? this.#source.options.onStoreError) === 'fail';
    return isFailure || !(loading instanceof Promise) ? loading : loading.catch((error) => this.#standInFor(error));
  }

  override called(): Promise<void> | null {
    if (this.#ending === null) return super.called();
    return this.#ending.then(() => super.called() ?? undefined);
  }

  /** The session once it is loaded, for use: the answer depends on it, and says so (`Vary`). */
  use(): ActiveSession | null {
    this.#isUsed = true;
    if (this.#isOver) this.#watch();
    return this.session;
  }

  /** What `request.session` gives. */
  get shown(): object | null | undefined {
    const session = this.use();
    if (this.#isEnded) return null;
    return session === null ? undefined : (this.#view?.shown ?? session.sealed);
  }

  /** What `request.sessionID` gives, where it is exposed. */
  get shownId(): string | undefined {
    return this.use() === null ? undefined : this.#view?.id;
  }

  /** Has `request.session` give something else than the session itself. The first view stays. */
  showAs(view: RequestView): void {
    this.#view ??= view;
    SESSION_ID.exposeOn(this.#request, this.#raw);
  }

  /** `request.session = null`, or undefined. Whether that has worked is known when the response is to be sent. */
  end(): void {
    this.#isEnded = true;
    this.#ending = this.session?.destroy() ?? null;
    // It is for settle() to report.
    this.#ending?.catch(() => {});
  }

  /** The session is there. Where no answer will come before which it could be stored, it counts as accessed now. */
  begin(): void {
    if (this.#gate !== null || this.session === null) return;
    this.session.isOnItsOwn = true;
    this.session.renew();
    this.#raw.socket.once('close', () => {
      if (this.session?.isModified === true) warnOfUnsaved(this.#source);
    });
  }

  /** The handler has failed: what it still sends goes nowhere. */
  refuseHandler(): void {
    this.#gate?.refuseHandler();
  }

  /** The next answer, an exception filter's, is the last one. */
  awaitLastAnswer(): void {
    this.#gate?.awaitLastAnswer();
  }

  /**
   * A handler that answers by itself has returned. Where its client goes before that answer, there may be none: a stream sees that the
   * response has closed. Then no status says whether to store what it wrote; the request counts as an access all the same.
   */
  returned(): void {
    this.#gate?.whenAbandoned(() => void this.#abandoned());
  }

  async #abandoned(): Promise<void> {
    try {
      this.session?.renew();
    } catch (error) {
      this.report(error);
    }
    try {
      await this.called();
    } catch (error) {
      this.report(error);
    }
    // By now, what it has saved without waiting for it is stored.
    if (this.session?.isModified === true) warnOfAbandoned(this.#source, this.handler);
  }

  /** The route wants no session: one that is loaded all the same is not renewed. */
  skip(): void {
    this.accessed(false);
  }

  accessed(renews: boolean): void {
    if (this.session !== null) this.session.renews = renews;
  }

  /**
   * Stores what a handler changed, or drops it if the response is to report a failure of the server. A call
   * while that is under way settles when what was written since is stored as well, and rejects if it fails.
   */
  settle(status: number): Promise<void> | null {
    return this.#inTurn(status, false);
  }

  /** The same where the handler has answered by itself: nothing that it still waits for can change that. */
  settleAnswer(status: number): Promise<void> | null {
    return this.#inTurn(status, true);
  }

  owesMore(): boolean {
    return this.#ending !== null || this.session?.owesMore === true;
  }

  answered(): void {
    this.#headersSent = true;
  }

  /** Those that give out a credential, or keep an error or a stand-in's answer from caches, matter: they are rare. */
  beforeHeaders(): boolean {
    this.#headersSent = true;
    this.session?.renew();
    this.#cookieChange = this.session && ActiveSession.cookieChangeOf(this.session);
    this.amendHeaders();
    return this.#cookieChange !== null || this.#isFailure || this.#unavailable !== null;
  }

  amendHeaders(): void {
    if (this.#isUsed) addVary(this.#response, this.#source.transport.requestHeader);
    if (this.#cookieChange !== null) this.#giveOut(this.#cookieChange);
    if (this.#isFailure) {
      keepFromCaches(this.#response);
      if (this.#isVoid || this.#response.statusCode >= 400) voidOrders(this.#response);
    }
    // A page that shows a visitor as signed out must not outlast the store's absence.
    if (this.#unavailable !== null && this.#isUsed) keepFromSharedCaches(this.#response);
  }

  ended(): void {
    this.#isOver = true;
    this.#watch();
  }

  failed(error: unknown): string {
    const response = this.#response;
    this.session?.discard();
    if (response.headersSent) {
      this.#source.manager.reports.cutOff(error);
      return '';
    }
    this.report(error);
    this.#isFailure = true;
    this.#isVoid = true;
    const status = statusOf(error);
    replaceByError(response, status, this.#raw.httpVersionMajor);
    if (error instanceof SessionStoreUnavailableError) this.#sayWhenToRetry();
    return this.errorBody(response, STATUS_CODES[status] ?? 'Error');
  }

  /** Answers with an error that nobody catches. */
  fail(error: unknown): void {
    const response = this.#response;
    const body = this.failed(error);
    if (response.headersSent) response.destroy();
    else response.end(body);
  }

  report(error: unknown): void {
    reportFailure(this.#source.manager.reports, error);
  }

  /** Has the client come back, if an error is worth it; and returns it as exception filters expect it. */
  reported(error: unknown, mayBeCaught = false): unknown {
    if (error instanceof SessionError) {
      this.#isFailure = true;
      this.#isVoid ||= !mayBeCaught;
    }
    if (error instanceof SessionStoreUnavailableError) {
      this.report(error);
      if (this.#gate !== null && !this.#response.headersSent) this.#sayWhenToRetry();
    }
    return toHttpException(error);
  }

  get ip(): string | null {
    return ipOf(this.#request);
  }

  get userAgent(): string | null {
    return userAgentOf(this.#raw);
  }

  get takesNoCookies(): boolean {
    return this.#gate === null;
  }

  assertReachable(): void {
    if (this.#gate === null) throw new SessionHeadersSentError(STAND_IN);
    if (this.#headersSent) throw new SessionHeadersSentError();
  }

  #inTurn(status: number, isAnswered: boolean): Promise<void> | null {
    const before = this.#settling;
    const settling =
      before === null
        ? this.#settle(status, isAnswered)
        : before.then(() => this.#settle(status, isAnswered) ?? this.#nothingLeft(isAnswered));
    if (settling === null) {
      this.#nothingLeft(isAnswered);
      return null;
    }
    const settled = (): void => {
      if (this.#settling === settling) this.#settling = null;
    };
    this.#settling = settling;
    settling.then(settled, settled);
    return settling;
  }

  #settle(status: number, isAnswered: boolean): Promise<void> | null {
    const { session } = this;
    if (session === null) return null;
    const ending = this.#ending;
    if (ending === null) return session.settle(status < 500, isAnswered);
    this.#ending = null;
    return ending.then(() => session.settle(status < 500, isAnswered) ?? this.#nothingLeft(isAnswered));
  }

  #nothingLeft(isAnswered: boolean): void {
    if (isAnswered) this.answered();
  }

  protected open(): ActiveSession | Promise<ActiveSession> {
    // A request that opens a WebSocket has no response that could wait.
    if (this.#gate === null || this.#source.options.originCheck.requests) this.#assertAllowed();
    this.#expose();
    const { manager, transport } = this.#source;
    return manager.open(transport.read(this.#raw.headers, this.#raw.method), this);
  }

  #assertAllowed(): void {
    const { originCheck } = this.#source;
    const request = { method: this.#raw.method, url: urlOf(this.#raw), headers: this.#raw.headers };
    const foreign =
      this.#gate === null
        ? originCheck.ofHandshake(request)
        : originCheck.ofRequest(request, () => hostOf(this.#request));
    if (foreign !== null) throw refused(this.#source, foreign);
  }

  #standInFor(error: unknown): ActiveSession {
    if (!(error instanceof SessionStoreUnavailableError)) throw error;
    if (this.#unavailable === null) {
      this.report(error);
      this.#unavailable = error;
      this.session = this.#source.manager.standIn(this, error);
    }
    return this.session as ActiveSession;
  }

  #sayWhenToRetry(): void {
    this.#response.setHeader('Retry-After', String(Math.ceil(this.#source.options.retryAfter / 1_000)));
  }

  #watch(): void {
    if (this.session === null) return;
    this.session.isOnItsOwn = true;
    if (this.#unavailable !== null || this.#isWatched) return;
    this.#isWatched = true;
    this.#source.lateWrites.watch(this.session, this.handler);
  }

  #expose(): void {
    if (!SESSION.exposeOn(this.#request, this.#raw)) warnOfOthers(this.#source);
  }

  #giveOut(change: CookieChange): void {
    const response = this.#response;
    this.#source.transport.write(change, {
      url: urlOf(this.#raw),
      requestHeaders: this.#raw.headers,
      response,
      isHttps: isHttps(this.#request),
      now: this.#source.manager.now(),
    });
    keepFromSharedCaches(response);
  }
}

/** Reading it makes the answer depend on the cookie, even if it is only to see whether it is there. */
export const SESSION = new RequestProperty(
  'session',
  (request) => RequestContext.visible(request)?.shown,
  (request, value) => {
    if (value !== null && value !== undefined) return false;
    RequestContext.visible(request)?.end();
    return true;
  },
);

/** As express-session has it, behind `sessionMiddleware()`. */
export const SESSION_ID = new RequestProperty(
  'sessionID',
  (request) => RequestContext.visible(request)?.shownId,
  () => false,
);
