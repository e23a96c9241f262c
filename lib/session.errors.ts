import { escaped, inQuotes } from './shown.js';

/** The stable codes of {@link SessionError}; compare these, never messages. */
export type SessionErrorCode =
  | 'ERR_SESSION_CONFIGURATION'
  | 'ERR_SESSION_SETUP'
  | 'ERR_SESSION_DATA'
  | 'ERR_SESSION_ARGUMENT'
  | 'ERR_SESSION_GONE'
  | 'ERR_SESSION_HEADERS_SENT'
  | 'ERR_SESSION_ORIGIN'
  | 'ERR_SESSION_STORE_UNAVAILABLE';

/**
 * What every error of this library extends. The message says what happened and what to do about it; it names options,
 * paths and kinds of values, never a value that may be a secret. It is one line: control characters of what it names are shown as
 * escapes.
 *
 * `status`, `statusCode` and `expose` follow the convention of the `http-errors` package, so that Nest, Express and
 * Fastify answer with the right status even where no part of this library stands between the error and the response. An
 * error that is 500 has no status: Nest 11 would show its message to the client.
 */
export abstract class SessionError extends Error {
  abstract readonly code: SessionErrorCode;

  /** The HTTP status that answers this error, unless it is handled; `undefined` for 500. */
  readonly statusCode: number | undefined;

  /** The same as {@link statusCode}. */
  readonly status: number | undefined;

  /** Whether the message may be shown to the client: never for a 5xx. */
  readonly expose: boolean;

  protected constructor(message: string, statusCode: number | undefined, options?: ErrorOptions) {
    super(escaped(message), options);
    this.name = new.target.name;
    this.statusCode = statusCode;
    this.status = statusCode;
    this.expose = statusCode !== undefined && statusCode < 500;
  }
}

/** An option of the module, or what decorators say, is wrong. Thrown at start; names where, and the fix. */
export class SessionConfigurationError extends SessionError {
  readonly code = 'ERR_SESSION_CONFIGURATION';

  constructor(message: string, options?: ErrorOptions) {
    super(message, undefined, options);
  }
}

/**
 * The database is not ready for sessions: the entity is not registered, or the table is missing or not fit for them. Or the application
 * was closed while they were starting, as the message says then.
 */
export class SessionSetupError extends SessionError {
  readonly code = 'ERR_SESSION_SETUP';

  constructor(message: string, options?: ErrorOptions) {
    super(message, undefined, options);
  }
}

/**
 * A value cannot be kept in a session as it is. Thrown before any SQL is sent (or, when only the merged row turned out
 * too big, by the statement that then changed nothing): the stored session is untouched.
 */
export class SessionDataError extends SessionError {
  readonly code = 'ERR_SESSION_DATA';

  /** Where the value stands, as a dotted path, e.g. `cart.items.0.addedAt`; empty for the whole document. */
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super(message, undefined, options);
    this.path = path;
  }
}

/** A method of the session was called with an argument that has no meaning, such as an empty user id. */
export class SessionArgumentError extends SessionError {
  readonly code = 'ERR_SESSION_ARGUMENT';

  constructor(message: string) {
    super(message, undefined);
  }
}

/**
 * The session ended while this request was working on it: revoked, logged out, expired, or logged in anew elsewhere.
 * Nothing was written, and the response leaves the visitor's cookie alone. Answers 401 unless it is caught.
 */
export class SessionGoneError extends SessionError {
  readonly code = 'ERR_SESSION_GONE';

  constructor(message = 'The session has ended meanwhile; nothing was saved. Sign in again.') {
    super(message, 401);
  }
}

/**
 * A session was begun, rotated, or given a later absolute end after the response's headers had been sent, so its cookie cannot reach
 * the browser. Begin it before the first byte: read and write the session, then stream. So it is with a message on a socket,
 * which has no response: begin the session over HTTP.
 */
export class SessionHeadersSentError extends SessionError {
  readonly code = 'ERR_SESSION_HEADERS_SENT';

  constructor(
    message = 'The response had already begun, so the cookie or header of the session can no longer be sent. ' +
      'Start, log in or end the session before the first byte of the response.',
  ) {
    super(message, undefined);
  }
}

/**
 * A page of another origin sent a request, or a message, that the option `originCheck` keeps for the application's own
 * pages. No session was looked up. Answers 403.
 */
export class SessionOriginError extends SessionError {
  readonly code = 'ERR_SESSION_ORIGIN';

  /** The page's origin, or `'null'`, as its browser has it; `null` where the browser did not say, or what it said is malformed. */
  readonly origin: string | null;

  /** @param origin nothing but what has the form of an origin: the message quotes it */
  constructor(origin: string | null) {
    const which = origin === null ? '' : ` (${inQuotes(origin)})`;
    super(
      `Refused: it was sent by a page of another origin${which}. If pages of that origin may do this, name it in the ` +
        'option "originCheck.allow" of SessionModule.',
      403,
    );
    this.origin = origin;
  }
}

/**
 * The database did not answer within `queryTimeout`, or not at all. Never turned into an anonymous session: answers 503
 * with `Retry-After`. The driver's error is the `cause`.
 */
export class SessionStoreUnavailableError extends SessionError {
  readonly code = 'ERR_SESSION_STORE_UNAVAILABLE';

  constructor(operation: string, options?: ErrorOptions) {
    super(`The session store could not ${operation}. It recovers by itself once the database answers.`, 503, options);
  }
}
