import { type ResolvedAdoption, resolveAdoption, type SessionAdoptionOptions } from './options/adopt.options.js';
import { OptionReader } from './options/option-reader.js';
import type { Duration, Lifetime } from './session/lifetime.js';
import { SessionConfigurationError } from './session.errors.js';
import { type EncryptionKey, KeyRing } from './store/encryption.js';
import {
  type ResolvedOriginCheck,
  resolveOriginCheck,
  type SessionOriginCheckOptions,
} from './options/origin.options.js';
import {
  type ResolvedTransportOptions,
  resolveTransport,
  type SessionCookieOptions,
  type SessionHeaderOptions,
} from './options/transport.options.js';

/** How accesses are written back. */
export interface SessionRenewalOptions {
  /**
   * How often the renewals that came together are written, in one statement; 0 for each before its answer ends, where the
   * process may be frozen then (function platforms). @default '1s'
   */
  readonly flushEvery?: Duration;
  /** How long after a renewal the next one may be left out; shortens the idle timeout by as much at worst. @default 0 */
  readonly granularity?: Duration;
}

/** What is kept in memory. */
export interface SessionCacheSettings {
  /** How many sessions. @default 4096 */
  readonly max?: number;
  /** How long a copy is trusted, which bounds what a lost message can cost. @default '5s' */
  readonly ttl?: Duration;
  /** How many bytes of memory they may take, with all their texts: what was not used for longest goes. @default 67108864 */
  readonly maxBytes?: number;
}

/** How data and `auth` are kept secret from readers of the database. */
export interface SessionEncryptionOptions {
  /**
   * The keys: the first one seals, all of them open. To rotate, deploy twice: with the new key at the end of the list, so that
   * every process can open what it will seal, and then with it in front. Take the old one out once the sessions from before
   * have ended. Each is 32 random bytes, as a `Buffer` or `Uint8Array` or as base64, base64url or hex text.
   *
   * Make one: `node -e "console.log(require('node:crypto').randomBytes(32).toString('base64'))"`
   */
  readonly keys: readonly EncryptionKey[];
  /**
   * Whether what is not encrypted is believed: values from before encryption was switched on, and those that somebody has put
   * into the database. Set it to `false` once the sessions from before have ended: what is plain is then logged, and reads as
   * absent, as what cannot be decrypted does. @default true
   */
  readonly acceptPlain?: boolean;
  /**
   * Whether what was decrypted stays in the memory of the process for up to a minute, so that the next request need not decrypt
   * it again: 64 MB at most. With `false`, a dump of the memory shows the keys, but no values of requests that are answered
   * and are not in the `cache`; a GET costs about a third more. @default true
   */
  readonly keepOpened?: boolean;
  /**
   * Whether what is written is encrypted. With `false`, what others have encrypted is read, and what is written stays plain: for the
   * first of two deployments that switch encryption on, and the first of two that switch it off. Not with `acceptPlain: false`.
   * @default true
   */
  readonly seal?: boolean;
}

/** When expired sessions are removed. */
export interface SessionSweepOptions {
  /** @default '15m' */
  readonly every?: Duration;
}

/** What becomes of a request whose session cannot be looked up: see `onStoreError` of {@link SessionModuleOptions}. */
export type OnStoreErrorPolicy = 'fail' | 'anonymous';

export const ON_STORE_ERROR_POLICIES: readonly OnStoreErrorPolicy[] = ['fail', 'anonymous'];

/** What `SessionModule.forRoot()` takes. Durations are milliseconds, or strings such as `'30m'`. */
export interface SessionModuleOptions {
  /** How long a session lives without a request. @default '30m' */
  readonly idleTimeout?: Duration;
  /** How long it lives at most, from its start or the login; `false` for no such limit. @default '12h' */
  readonly absoluteTimeout?: Duration | false;
  /**
   * How the client keeps and sends what opens its session: in a cookie, or in a header of its own, for mobile and API
   * clients without cookies. @default 'cookie'
   */
  readonly transport?: 'cookie' | 'header';
  /** How the cookie is set. Not with `transport: 'header'`. */
  readonly cookie?: SessionCookieOptions;
  /** What the header is called. With `transport: 'header'` only. */
  readonly header?: SessionHeaderOptions;
  /**
   * Whether what pages of other origins send is refused, before any session is looked up: `SessionOriginError`, 403. `true`:
   * requests over HTTP that may change something (all methods but GET, HEAD, OPTIONS and TRACE), and all messages of a
   * WebSocket that such a page has opened. An object: the same, with the origins that may. `false`: neither. Requests of what
   * is no browser pass, and so does what has no session (`@SkipSession()`). Where sessions travel in cookies, WebSockets are
   * checked unless it is `false`. @default WebSockets alone; nothing with `transport: 'header'`
   */
  readonly originCheck?: boolean | SessionOriginCheckOptions;
  /** Whether visitors get a row and a cookie although nothing was written to their session. @default false */
  readonly saveUninitialized?: boolean;
  readonly renewal?: SessionRenewalOptions;
  /**
   * How long a credential that `regenerate()` replaced still reaches its session, for requests that are under way with
   * it. `login()` allows none. @default '10s'
   */
  readonly rotationGrace?: Duration;
  /** How many sessions a user may have at once; a login ends the oldest beyond that. No limit unless given. */
  readonly maxSessionsPerUser?: number;
  /**
   * How often the rows of expired sessions are removed, by one process of many; `false` to leave that to calls of
   * `SessionService.purgeExpired()`, as where processes come and go with the requests. @default { every: '15m' }
   */
  readonly sweep?: SessionSweepOptions | false;
  /**
   * Whether look-ups are answered from memory where possible. Processes tell each other of changes (PostgreSQL's
   * LISTEN/NOTIFY, on a connection of its own). @default false
   */
  readonly cache?: boolean | SessionCacheSettings;
  /**
   * Whether statements are prepared by name, once a connection, which is faster. Switch it off behind a pooler that
   * shares connections between transactions and does not know named statements (PgBouncer before 1.21).
   * @default true
   */
  readonly preparedStatements?: boolean;
  /**
   * Whether data (flash messages included) and `auth` are encrypted in the database: AES-256-GCM, each top-level value by
   * itself; the names of top-level keys stay readable. Values from before it was switched on stay readable, unless
   * `acceptPlain` is false, and are encrypted when they are next written; a value whose key is not there, as in a process
   * without this option, is logged, and reads as absent. So switch it on, and off, by two deployments: see `encryption.seal`.
   * `increment()` and `push()` then cost a look-up more. No encryption unless given.
   */
  readonly encryption?: SessionEncryptionOptions;
  /**
   * How big the data of one session may get, and the snapshot that `login()` is given, each by itself, in bytes of JSON.
   * What is encrypted counts as it is stored: 4/3 of the plain JSON, and 55 bytes for each top-level key, and for the
   * snapshot. @default 65536
   */
  readonly maxDataBytes?: number;
  /** How long a store operation may take, its waiting included. @default '1s' */
  readonly queryTimeout?: Duration;
  /**
   * What becomes of an HTTP request whose session cannot be looked up, as the store does not answer in time. `'fail'`: it is
   * answered 503. `'anonymous'`: the route goes on with a stand-in, which is empty, signed in to by nobody, and never stored;
   * `@OnStoreError()` says so for some routes only. What asks for a visitor who is signed in answers 503 all the same.
   * @default 'fail'
   */
  readonly onStoreError?: OnStoreErrorPolicy;
  /** When a client that was answered 503 may try again: the header `Retry-After`, in whole seconds, rounded up. @default '1s' */
  readonly retryAfter?: Duration;
  /** Whether IP address and user agent are kept for the list of a user's devices. @default true */
  readonly trackDevice?: boolean;
  /** Takes over the sessions of express-session, so that users stay signed in. No session is unless given. */
  readonly adopt?: SessionAdoptionOptions;
  /** Whether the table is created at start if it is missing. Prefer the shipped migration. @default false */
  readonly ensureSchema?: boolean;
}

/** {@link SessionModuleOptions}, checked, with every default filled in and durations in milliseconds. Frozen. */
export interface ResolvedSessionOptions extends ResolvedTransportOptions {
  /** What the module was registered with besides. */
  readonly extras: object;
  readonly lifetime: Lifetime;
  readonly originCheck: ResolvedOriginCheck;
  readonly saveUninitialized: boolean;
  readonly renewal: { readonly flushEvery: number; readonly granularity: number };
  readonly rotationGrace: number;
  /** How often, in milliseconds; `null` for never. */
  readonly sweepEvery: number | null;
  readonly cache: { readonly max: number; readonly ttl: number; readonly maxBytes: number } | null;
  /** What the keys came to, which shows none of them; `null` for no encryption. */
  readonly encryption: {
    readonly keys: KeyRing;
    readonly acceptPlain: boolean;
    readonly keepOpened: boolean;
    readonly seal: boolean;
  } | null;
  readonly preparedStatements: boolean;
  readonly maxSessionsPerUser: number | null;
  readonly maxDataBytes: number;
  readonly queryTimeout: number;
  readonly onStoreError: OnStoreErrorPolicy;
  /** Milliseconds. */
  readonly retryAfter: number;
  readonly trackDevice: boolean;
  /** `null` for none. */
  readonly adopt: ResolvedAdoption | null;
  readonly ensureSchema: boolean;
}

/** The token of the {@link ResolvedSessionOptions}, for a store of your own. */
export const SESSION_OPTIONS = Symbol('SESSION_OPTIONS');

/** What a timer of Node's can wait, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Of {@link SessionModuleOptions}. */
export const OPTION_NAMES: readonly string[] = [
  'idleTimeout',
  'absoluteTimeout',
  'transport',
  'cookie',
  'header',
  'originCheck',
  'saveUninitialized',
  'renewal',
  'rotationGrace',
  'sweep',
  'cache',
  'encryption',
  'preparedStatements',
  'maxSessionsPerUser',
  'maxDataBytes',
  'queryTimeout',
  'onStoreError',
  'retryAfter',
  'trackDevice',
  'adopt',
  'ensureSchema',
];
const KNOWN_ENCRYPTION = ['keys', 'acceptPlain', 'keepOpened', 'seal'];
const KNOWN_CACHE = ['max', 'ttl', 'maxBytes'];
const KNOWN_SWEEP = ['every'];
const KNOWN_RENEWAL = ['flushEvery', 'granularity'];

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {SessionConfigurationError} naming the option, what it was, and what it must be.
 */
export function resolveOptions(given: SessionModuleOptions = {}, extras: object = {}): ResolvedSessionOptions {
  const options = new OptionReader('', given, OPTION_NAMES, Object.keys(extras));
  const renewal = new OptionReader('renewal', options.object('renewal'), KNOWN_RENEWAL);
  const idle = options.duration('idleTimeout', '30m', 1);
  const absolute =
    options.value('absoluteTimeout') === false
      ? null
      : options.duration('absoluteTimeout', '12h', 1, Infinity, 'or false for none');
  if (absolute !== null && absolute < idle) {
    throw new SessionConfigurationError(
      `SessionModule option "absoluteTimeout" (${absolute} ms) is shorter than "idleTimeout" (${idle} ms), ` +
        'so no session would ever end by idling. Raise it, or lower "idleTimeout".',
    );
  }
  const granularity = renewal.duration('granularity', 0, 0);
  if (granularity >= idle) {
    throw new SessionConfigurationError(
      `SessionModule option "renewal.granularity" (${granularity} ms) is not shorter than "idleTimeout" (${idle} ms), ` +
        'so sessions that are in use would expire. Fix: lower it.',
    );
  }
  const transport = resolveTransport(options);
  return Object.freeze({
    extras,
    lifetime: Object.freeze({ ttl: idle, absolute }),
    ...transport,
    originCheck: resolveOriginCheck(options, transport.transport === 'cookie'),
    saveUninitialized: options.boolean('saveUninitialized', false),
    renewal: Object.freeze({
      flushEvery: renewal.duration('flushEvery', '1s', 0, LONGEST_TIMER),
      granularity,
    }),
    rotationGrace: options.duration('rotationGrace', '10s', 0),
    cache: resolveCache(options),
    encryption: resolveEncryption(options),
    preparedStatements: options.boolean('preparedStatements', true),
    sweepEvery:
      options.value('sweep') === false
        ? null
        : new OptionReader('sweep', options.object('sweep'), KNOWN_SWEEP).duration(
            'every',
            '15m',
            1,
            LONGEST_TIMER / 2,
          ),
    maxSessionsPerUser: options.has('maxSessionsPerUser') ? options.integer('maxSessionsPerUser', 1, 1, 1e6) : null,
    maxDataBytes: options.integer('maxDataBytes', 65_536, 2, 16 * 1024 * 1024),
    queryTimeout: options.duration('queryTimeout', '1s', 1, LONGEST_TIMER),
    onStoreError: options.oneOf('onStoreError', 'fail', ON_STORE_ERROR_POLICIES),
    retryAfter: options.duration('retryAfter', '1s', 1),
    trackDevice: options.boolean('trackDevice', true),
    adopt: resolveAdoption(options.value('adopt'), transport.transport === 'cookie' ? transport.cookie.name : null),
    ensureSchema: options.boolean('ensureSchema', false),
  });
}

function resolveCache(options: OptionReader): ResolvedSessionOptions['cache'] {
  const given = options.value('cache') ?? false;
  if (given === false) return null;
  const cache = new OptionReader('cache', given === true ? {} : given, KNOWN_CACHE);
  return Object.freeze({
    max: cache.integer('max', 4_096, 1, 10_000_000),
    ttl: cache.duration('ttl', '5s', 1, LONGEST_TIMER),
    maxBytes: cache.integer('maxBytes', 64 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER),
  });
}

function resolveEncryption(options: OptionReader): ResolvedSessionOptions['encryption'] {
  if (!options.has('encryption')) return null;
  const encryption = new OptionReader('encryption', options.value('encryption'), KNOWN_ENCRYPTION);
  const keys = new KeyRing(encryption.value('keys') as readonly EncryptionKey[]);
  const acceptPlain = encryption.boolean('acceptPlain', true);
  const seal = encryption.boolean('seal', true);
  if (!seal && !acceptPlain) {
    throw new SessionConfigurationError(
      'SessionModule options "encryption.seal" and "encryption.acceptPlain" are both false, so what is written would read as ' +
        'absent. Fix: leave one of them out.',
    );
  }
  return Object.freeze({ keys, acceptPlain, keepOpened: encryption.boolean('keepOpened', true), seal });
}
