import { durationText } from './session/lifetime.js';
import type { SessionId } from './session/token.js';
import { type SessionOriginError, SessionStoreUnavailableError } from './session.errors.js';
import type { ResolvedSessionOptions } from './session.options.js';
import { shown, shownError, shownMessage, shownStack } from './shown.js';
import { Reported } from './store/reported.js';
import { type OperatorLog, Troubles } from './troubles.js';

/** For how long no operation must have failed, in milliseconds, until one that succeeds shows that the store answers again. */
const CALM = 5_000;

/**
 * What the operator is told, line by line: docs/operations.md lists them all. Names ids, options and causes; never a secret, and
 * never a stored value.
 */
export class OperatorReports {
  readonly #log: OperatorLog;
  readonly #troubles: Troubles;
  /** Sessions whose renewal was refused. */
  readonly #refused = new Reported();
  /** Columns of sessions that cannot be read, or have a value that none of ours has. */
  readonly #corrupt = new Reported();
  #hasWarnedOfTwoCookies = false;

  /** @param now a clock that never goes back, in milliseconds */
  constructor(log: OperatorLog, now?: () => number) {
    this.#log = log;
    this.#troubles = new Troubles(log, now);
  }

  /** The start: what is in force. */
  started(options: ResolvedSessionOptions, store: string): void {
    this.#log.log(inForce(options, store));
  }

  /** How the store is set up loses what it should keep. */
  storeWarned(warning: string): void {
    this.#log.warn(warning);
  }

  /** A request, or a message, was answered with a failure of the server. */
  requestFailed(error: unknown): void {
    if (isOutage(error)) this.#troubles.error('store', withCause(error));
    else this.#failure('', error);
  }

  /** The store has answered. */
  storeAnswered(): void {
    this.#troubles.over('store', 'The session store answers again.', CALM);
  }

  /** A response had begun, and what came after its first byte could not be stored. */
  cutOff(error: unknown): void {
    this.#failure('A response was cut off, for what came after its first byte could not be stored. ', error);
    if (isOutage(error)) this.requestFailed(error);
  }

  /** Nobody waited for it, and no request could fail with it. */
  notAwaited(error: unknown): void {
    this.#failure(NOT_AWAITED, error);
  }

  renewalsFailed(error: unknown): void {
    this.#troubles.warn(
      'renewals',
      `Expiries are not renewed for the moment; they will be tried again. ${withCause(error)}`,
    );
  }

  renewed(): void {
    this.#troubles.over('renewals', 'Expiries are renewed again.');
    this.storeAnswered();
  }

  renewalRefused(id: SessionId, error: unknown): void {
    // Once for each session, as far as can be remembered: it is refused again at every access.
    if (!this.#refused.isFirst(id)) return;
    const line = `The expiry of session ${id} cannot be moved, so the session will end. ${withCause(error)}`;
    this.#troubles.error('renewal refused', line);
  }

  feedConnected(isConnected: boolean): void {
    if (isConnected) this.#troubles.over('feed', 'Changes of other processes are received again, and sessions cached.');
    else this.#troubles.warn('feed', FEED_LOST);
  }

  sweepFailed(error: unknown): void {
    this.#troubles.warn('sweep', `Expired sessions were not removed; the next sweep tries again. ${withCause(error)}`);
  }

  swept(): void {
    this.#troubles.over('sweep', 'Expired sessions are removed again.');
  }

  sweepTakenOver(): void {
    this.#log.log(
      'This process removes expired sessions now: the one that did so far has gone, has lost its connection, or is frozen.',
    );
  }

  sweepLost(): void {
    this.#log.log('Another process removes expired sessions now: this one has lost its connection, or was frozen.');
  }

  /** A login was one too many for its user, and the sessions before it could not be ended. */
  limitFailed(error: unknown): void {
    this.#troubles.warn('limit', `${TOO_MANY} ${withCause(error)}`);
  }

  unreadable(id: SessionId, what: string, error: unknown): void {
    const line = `The stored ${what} of session ${id} cannot be read, and counts as empty. ${reasonOf(error)}`;
    this.#ofRow(id, what, line);
  }

  rowCorrupt(id: SessionId, column: string): void {
    this.#ofRow(id, column, `The row of session ${id} has a "${column}" ${CORRUPT}`);
  }

  notASession(id: SessionId, error: unknown): void {
    this.#ofRow(
      id,
      '',
      `What is stored as session ${id} is none, and counts as absent. ${withCause(error)} ${WHOSE_HAND}`,
    );
  }

  /** Called once for each value, as far as it is remembered by what calls it. */
  undecipherable(id: SessionId, what: string): void {
    this.#log.error(`The stored ${what} of session ${id} cannot be decrypted, and counts as absent: ${LOST_KEY}`);
  }

  /** A session of express-session could not be made one of ours. */
  adoptionFailed(error: unknown): void {
    this.#failure(
      'A session of express-session was not taken over; it stays, and its visitor is an ordinary one. ',
      error,
    );
  }

  /** A subscriber of the events has thrown. */
  subscriberFailed(error: unknown): void {
    this.#failure('A subscriber of SessionService.events failed, and the others were told all the same. ', error);
  }

  /** What a page of another origin has sent was refused, or its WebSocket given no session. */
  originRefused(error: SessionOriginError): void {
    this.#troubles.warn('origin', `${error.message} ${OWN_ORIGIN}`);
  }

  /** A route that goes on without its session wrote to the stand-in. */
  writesDropped(): void {
    this.#troubles.warn('dropped', DROPPED);
  }

  /** Once: the names do not change while the process runs. */
  twoCookies(name: string): void {
    if (this.#hasWarnedOfTwoCookies) return;
    this.#hasWarnedOfTwoCookies = true;
    this.#log.warn(
      `A request carried two live sessions in cookies of the name "${name}", and neither was used. ` +
        'Another host of your domain, or another path, sets the same name: rename one, or use the prefix "__Host-".',
    );
  }

  /** Once for each, as far as can be remembered: it is met at every request, and another row is another trouble. */
  #ofRow(id: SessionId, column: string, line: string): void {
    if (this.#corrupt.isFirst(`${id} ${column}`)) this.#log.error(line);
  }

  /** What an application throws may be anything, also what cannot be looked at. */
  #failure(before: string, error: unknown): void {
    try {
      this.#tell(before, error);
    } catch {
      this.#troubles.error('unreadable', `${before}${UNREADABLE}`);
    }
  }

  #tell(before: string, error: unknown): void {
    const failure = error instanceof Error ? error : new Error(String(error));
    const message = failure instanceof SyntaxError ? NO_JSON : shownMessage(failure);
    const title = `${shown(String(failure.name))}: ${message}`;
    const kind = `${before}${title}`;
    this.#troubles.error(kind, before === '' ? message : kind, shownStack(failure, title));
  }
}

/** `instanceof` throws for a proxy that is revoked. */
function isOutage(error: unknown): error is SessionStoreUnavailableError {
  try {
    return error instanceof SessionStoreUnavailableError;
  } catch {
    return false;
  }
}

const UNREADABLE = 'What was thrown is no error, and cannot be looked at.';

/** In the place of what a parser says, which may quote what it parsed. */
const NO_JSON = 'It is not JSON.';

const NOT_AWAITED =
  'An operation of a session failed after its request was over, or outside of all requests, and nobody waited for it. ';

const FEED_LOST =
  'Changes of other processes are not received for the moment, so no session is cached: look-ups go to the database. It ' +
  'connects again by itself; behind a pooler that shares connections it never does: take "cache" out.';

const OWN_ORIGIN =
  'If it is the origin of the application itself, a proxy has changed the header "Host": have the proxy leave it, or send ' +
  '"X-Forwarded-Host" and have the platform trust it.';

const TOO_MANY = 'A user has more sessions than "maxSessionsPerUser" for the moment; the next login tries again.';

const CORRUPT =
  'that sessions never have, and counts as absent. Who has changed it? Only SessionService should write to the table. Correct ' +
  'it, or revoke the session.';

const WHOSE_HAND = 'Who has changed it? Only SessionService should write there. Revoke the session.';

const LOST_KEY =
  'its key is not among "encryption.keys" of this process, it was tampered with or moved, or it is plain where "encryption.acceptPlain" is false.';

const DROPPED =
  'What was written to a session is dropped: the session could not be looked up, and its route goes on without it ' +
  '("onStoreError": \'anonymous\').';

/** An error's message, and its cause's. */
function withCause(error: unknown): string {
  if (!(error instanceof SessionStoreUnavailableError)) return shownError(error);
  const message = shownMessage(error);
  return error.cause instanceof Error ? `${message} Cause: ${reasonOf(error.cause)}` : message;
}

function reasonOf(error: unknown): string {
  return error instanceof SyntaxError ? NO_JSON : shownError(error);
}

function inForce(options: ResolvedSessionOptions, store: string): string {
  const { lifetime, renewal, cache, encryption, sweepEvery, queryTimeout, onStoreError, adopt, originCheck } = options;
  const absolute = lifetime.absolute === null ? 'none' : durationText(lifetime.absolute);
  const { flushEvery, granularity } = renewal;
  const renewals = flushEvery === 0 ? 'before each answer' : `every ${durationText(flushEvery)}`;
  const parts = [
    `store: ${shown(store)}`,
    `idle timeout ${durationText(lifetime.ttl)}, absolute timeout ${absolute}`,
    carrier(options),
    `cache: ${cache === null ? 'off' : `${cache.max} sessions, each for ${durationText(cache.ttl)}`}`,
    `encryption: ${encryption === null ? 'off' : encryption.seal ? 'on' : 'opens what is encrypted, and encrypts nothing'}`,
    `renewals written ${renewals}${granularity > 0 ? `, ${durationText(granularity)} apart at least` : ''}`,
    `pages of other origins refused: ${refusedOrigins(originCheck)}`,
    ...(adopt === null ? [] : [adopting(adopt)]),
    `sweep: ${sweepEvery === null ? 'off' : `every ${durationText(sweepEvery)}`}`,
    `store operations: ${durationText(queryTimeout)} at most, then ${onStoreError === 'fail' ? '503' : 'an anonymous stand-in'}`,
  ];
  return `Sessions are ready. ${parts.join('; ')}.`;
}

function refusedOrigins({ requests, handshakes, allow }: ResolvedSessionOptions['originCheck']): string {
  if (!handshakes) return 'never';
  const allowed = typeof allow === 'function' ? 'those of a function' : [...allow].join(', ') || 'none';
  return `${requests ? 'over HTTP and WebSockets' : 'over WebSockets alone'} (allowed: ${allowed})`;
}

function adopting({ cookie, table, sessions }: NonNullable<ResolvedSessionOptions['adopt']>): string {
  const imported = sessions === null ? 'those imported' : 'functions of the application';
  const from =
    table === null ? imported : `table ${[table.schema, table.name].filter((name) => name !== undefined).join('.')}`;
  return `adopts sessions of express-session: cookie ${cookie.name}, ${from}`;
}

function carrier({ transport, cookie, header }: ResolvedSessionOptions): string {
  if (transport === 'header') return `header: ${header.name}`;
  const { name, path, domain, secure, sameSite, partitioned, persistent } = cookie;
  const attributes = [
    `Path=${path}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    'HttpOnly',
    ...(secure === false ? [] : [secure === 'auto' ? 'Secure over HTTPS' : 'Secure']),
    `SameSite=${sameSite}`,
    ...(partitioned ? ['Partitioned'] : []),
    persistent ? 'persistent' : 'until the browser is closed',
  ];
  return `cookie: ${name} (${attributes.join(', ')})`;
}
