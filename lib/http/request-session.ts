import { STATUS_CODES, IncomingMessage, type ServerResponse } from 'node:http';
import type { Credential } from '../session/credential.js';
import type { LiveSession } from '../session/live-session.js';
import type { CookieChange, Visitor } from '../session/session-environment.js';
import { SessionHeadersSentError, SessionStoreUnavailableError } from '../session.errors.js';
import { keepFromSharedCaches } from './cache-control.js';
import { logCutOff, logFailure, statusOf, toHttpException } from './http-errors.js';
import { type Gatekeeper, installGate } from './response-gate.js';
import type { SessionScope } from './session-scope.js';
import type { SessionTransport } from './session-transport.js';

/** A request as Express or Fastify hand it to Nest. */
export interface PlatformRequest {
  /** Node's own request, on Fastify. */
  readonly raw?: IncomingMessage;
  /** Whatever the platform was told to trust a proxy with. */
  readonly ip?: string;
  readonly protocol?: string;
  session?: unknown;
}

/** Where a request's session comes from. */
export interface SessionSource {
  readonly transport: SessionTransport;
  now(): number;
  /** The session that the credentials open, or a new one. At once, where there is nothing to look up. */
  open(credentials: readonly Credential[], visitor: Visitor): LiveSession | Promise<LiveSession>;
}

/** What `request.session` gives in the place of the session itself. */
export interface RequestView {
  readonly shown: object;
  /** Takes out of the session's data what is not worth storing. */
  tidy(): void;
}

const KEY = Symbol('nestjs-mikro-session');
const MOST_USER_AGENT = 512;
/** In seconds: a store that was out of reach for a moment is not worth a longer wait. */
const RETRY_AFTER = '1';
/** What describes the body that is being replaced by an error. */
const ENTITY_HEADERS = /^(content-.*|etag|last-modified|location|transfer-encoding|accept-ranges|trailer)$/;

/** The session of one request: loaded once, whoever asks first, and stored before the response is sent. */
export class RequestSession implements Gatekeeper, SessionScope, Visitor {
  /** Writes an error in place of the response, whose status is the error's, and returns the body. */
  errorBody: (response: ServerResponse, message: string) => string = jsonError;

  readonly #source: SessionSource;
  readonly #request: PlatformRequest;
  readonly #raw: IncomingMessage;
  readonly #response: ServerResponse;
  #loading: LiveSession | Promise<LiveSession> | null = null;
  #session: LiveSession | null = null;
  #view: RequestView | null = null;
  #wasLookedAt = false;
  #settling: Promise<void> | null = null;
  #headersSent: boolean;

  private constructor(source: SessionSource, request: PlatformRequest, raw: IncomingMessage, response: ServerResponse) {
    this.#source = source;
    this.#request = request;
    this.#raw = raw;
    this.#response = response;
    this.#headersSent = response.headersSent;
  }

  /** That of a request, if somebody has asked for it before. */
  static known(request: PlatformRequest): RequestSession | undefined {
    return (rawOf(request) as { [KEY]?: RequestSession })[KEY];
  }

  /** That of a request. */
  static of(source: SessionSource, request: PlatformRequest, response: ServerResponse): RequestSession {
    const raw = rawOf(request) as IncomingMessage & { [KEY]?: RequestSession };
    const known = raw[KEY];
    if (known !== undefined) return known;
    const created = new RequestSession(source, request, raw, response);
    raw[KEY] = created;
    installGate(response, created);
    return created;
  }

  /** The session, loaded when first asked for. Not an error: a cookie that opens nothing. */
  load(): LiveSession | Promise<LiveSession> {
    return this.#session ?? (this.#loading ??= this.#load());
  }

  /** The session once it is loaded, for somebody whose answer will depend on it. */
  look(): LiveSession | null {
    this.#wasLookedAt = true;
    return this.#session;
  }

  /** What `request.session` gives. */
  get shown(): object | undefined {
    const session = this.look();
    return session === null ? undefined : (this.#view?.shown ?? session);
  }

  /** Has `request.session` give something else than the session itself. Whoever says so first is right. */
  showAs(view: RequestView): void {
    this.#view ??= view;
  }

  /** The route wants no session: one that somebody has loaded all the same is not renewed. */
  skip(): void {
    this.accessed(false);
  }

  accessed(renews: boolean): void {
    if (this.#session !== null) this.#session.renews = renews;
  }

  /**
   * Stores what a handler changed, or drops it if the response is to report a failure of the server. Whoever asks while
   * that is under way is answered when what has come since is stored as well; and gets its error, if it fails.
   */
  settle(status: number): Promise<void> {
    const before = this.#settling;
    const settling = before === null ? this.#settle(status) : before.then(() => this.#settle(status));
    const settled = (): void => {
      if (this.#settling === settling) this.#settling = null;
    };
    this.#settling = settling;
    settling.then(settled, settled);
    return settling;
  }

  isPending(): boolean {
    return this.#session?.isPending ?? false;
  }

  beforeHeaders(): void {
    this.#headersSent = true;
    const session = this.#session;
    if (this.#wasLookedAt) addVary(this.#response, this.#source.transport.requestHeader);
    if (session === null) return;
    session.renew();
    if (session.cookieChange !== null) this.#giveOut(session.cookieChange);
  }

  failed(error: unknown): string {
    const response = this.#response;
    this.#session?.discard();
    if (response.headersSent) {
      logCutOff(error);
      return '';
    }
    logFailure(error);
    const status = statusOf(error);
    for (const name of response.getHeaderNames()) if (ENTITY_HEADERS.test(name)) response.removeHeader(name);
    if (error instanceof SessionStoreUnavailableError) response.setHeader('Retry-After', RETRY_AFTER);
    response.statusCode = status;
    // HTTP/2 has none, and Node warns of it.
    if (this.#raw.httpVersionMajor < 2) response.statusMessage = '';
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    return this.errorBody(response, STATUS_CODES[status] ?? 'Error');
  }

  /** Has the client come back, if an error is worth it; and returns it as exception filters expect it. */
  reported(error: unknown): unknown {
    if (error instanceof SessionStoreUnavailableError) {
      logFailure(error);
      if (!this.#response.headersSent) this.#response.setHeader('Retry-After', RETRY_AFTER);
    }
    return toHttpException(error);
  }

  get ip(): string | null {
    return this.#request.ip ?? this.#raw.socket.remoteAddress ?? null;
  }

  get userAgent(): string | null {
    return this.#raw.headers['user-agent']?.slice(0, MOST_USER_AGENT) ?? null;
  }

  assertReachable(): void {
    if (this.#headersSent) throw new SessionHeadersSentError();
  }

  get #isHttps(): boolean {
    if (this.#request.protocol !== undefined) return this.#request.protocol === 'https';
    return 'encrypted' in this.#raw.socket && this.#raw.socket.encrypted === true;
  }

  async #settle(status: number): Promise<void> {
    if (this.#session === null) return;
    this.#view?.tidy();
    if (status >= 500) await this.#session.discardPending();
    else await this.#session.commitPending();
  }

  #load(): LiveSession | Promise<LiveSession> {
    exposeOn(this.#request);
    const opened = this.#source.open(this.#source.transport.read(this.#raw.headers), this);
    if (!(opened instanceof Promise)) return (this.#session = opened);
    return opened.then(
      (session) => (this.#session = session),
      (error: unknown) => {
        this.#loading = null;
        throw error;
      },
    );
  }

  #giveOut(change: CookieChange): void {
    const response = this.#response;
    this.#source.transport.write(change, {
      requestHeaders: this.#raw.headers,
      response,
      isHttps: this.#isHttps,
      now: this.#source.now(),
    });
    keepFromSharedCaches(response);
  }
}

/** `request.session`: reading it makes the answer depend on the cookie, even if it is only to see whether it is there. */
const ACCESSOR = {
  configurable: true,
  enumerable: true,
  get(this: PlatformRequest): unknown {
    return RequestSession.known(this)?.shown;
  },
  set(this: PlatformRequest, value: unknown): void {
    Object.defineProperty(this, 'session', { configurable: true, enumerable: true, writable: true, value });
  },
};
/** Prototypes that have the accessor. */
const exposing = new WeakSet<object>();

/** Puts it on the prototype that the requests of a framework share: one of its own would cost each request its hidden class. */
function exposeOn(request: PlatformRequest): void {
  const prototype = Object.getPrototypeOf(request) as object;
  if (exposing.has(prototype) && !Object.hasOwn(request, 'session')) return;
  // Node's own prototype is everybody's, and what another library has put there is not ours to replace for all.
  const isShared =
    prototype !== IncomingMessage.prototype && !('session' in request) && rawOf(request) instanceof IncomingMessage;
  Object.defineProperty(isShared ? prototype : request, 'session', ACCESSOR);
  if (isShared) exposing.add(prototype);
}

function jsonError({ statusCode }: ServerResponse, message: string): string {
  return JSON.stringify({ statusCode, message });
}

function rawOf(request: PlatformRequest): IncomingMessage {
  return request.raw ?? (request as unknown as IncomingMessage);
}

function addVary(response: ServerResponse, name: string): void {
  const header = response.getHeader('Vary');
  if (header === undefined) {
    response.setHeader('Vary', name);
    return;
  }
  const known = [header].flat().join(', ');
  if (known.split(/[\s,]+/).some((one) => one === '*' || one.toLowerCase() === name.toLowerCase())) return;
  response.setHeader('Vary', known === '' ? name : `${known}, ${name}`);
}
