import { CookieSecrets } from '../adoption/cookie-secrets.js';
import type { OldSessionSource, ToSession } from '../adoption/old-session.js';
import { kindOf } from '../session/data/json.js';
import { SessionConfigurationError } from '../session.errors.js';
import { OptionReader } from './option-reader.js';
import { COOKIE_DOMAIN, COOKIE_PATH, TOKEN } from './forms.js';

/** The cookie of express-session, as far as browsers tell cookies apart by it: where it was set to other than the default. */
export interface OldCookieOptions {
  /** @default '/' */
  readonly path?: string;
  readonly domain?: string;
  /** @default false */
  readonly partitioned?: boolean;
}

/**
 * Sessions of express-session that are taken over, so that a user who is signed in stays so. A request that comes without a live
 * cookie of ours, and with a cookie that express-session has signed, has its session exchanged: ours is stored, the old one
 * and its cookie are removed. Not with `transport: 'header'`. docs/migrating-from-express-session.md says more.
 */
export interface SessionAdoptionOptions {
  /** The `secret` that express-session had: the same ones in the same order, for as long as sessions are adopted. */
  readonly secret: string | readonly string[];
  /** The `name` that its cookie had. @default 'connect.sid' */
  readonly name?: string;
  /** How its cookie was set, as browsers need it to remove the cookie. */
  readonly cookie?: OldCookieOptions;
  /**
   * The table of connect-pg-simple, in the database of our own sessions: its `tableName`. Reached through MikroORM's
   * connection; the role needs SELECT, UPDATE and DELETE on it.
   */
  readonly table?: string;
  /** Its `schemaName`; as the search path has it, unless given. */
  readonly schema?: string;
  /** Where the old sessions are found instead, such as in Redis. With neither this nor `table`, only what was imported is found. */
  readonly sessions?: OldSessionSource;
  /** What becomes of an old session: `passportSession`, or a function of yours. Needed with `table` and `sessions`. */
  readonly toSession?: ToSession;
}

/** {@link SessionAdoptionOptions}, checked, with every default filled in. */
export interface ResolvedAdoption {
  readonly secrets: CookieSecrets;
  readonly cookie: {
    readonly name: string;
    readonly path: string;
    readonly domain: string | undefined;
    readonly partitioned: boolean;
  };
  readonly table: { readonly schema: string | undefined; readonly name: string } | null;
  readonly sessions: OldSessionSource | null;
  readonly toSession: ToSession | null;
}

const KNOWN = ['secret', 'name', 'cookie', 'table', 'schema', 'sessions', 'toSession'];
const KNOWN_COOKIE = ['path', 'domain', 'partitioned'];
/** PostgreSQL cuts a longer name. */
const NAME = /^[^\0]{1,63}$/;

/**
 * @param ownCookie `null` where credentials travel in a header
 * @throws {SessionConfigurationError} naming the option, what it was, and what it must be.
 */
export function resolveAdoption(given: unknown, ownCookie: string | null): ResolvedAdoption | null {
  if ((given ?? null) === null) return null;
  if (ownCookie === null) {
    throw new SessionConfigurationError(
      'SessionModule option "adopt" is given, but "transport" is "header". Browsers send the old cookie by themselves, with what ' +
        'pages of other sites ask for, too, and keep no header that would take its place. Fix: remove "adopt", or set "transport" ' +
        'to "cookie".',
    );
  }
  const options = new OptionReader('adopt', given, KNOWN);
  const sessions = (options.value('sessions') ?? null) as OldSessionSource | null;
  const toSession = (options.value('toSession') ?? null) as ToSession | null;
  const cookie = new OptionReader('adopt.cookie', options.object('cookie'), KNOWN_COOKIE);
  const name = options.text('name', 'connect.sid', TOKEN, 'the name of the old cookie');
  const table = options.text('table', undefined, NAME, 'the name of a table');
  const schema = options.text('schema', undefined, NAME, 'the name of a schema');
  if (name === ownCookie) {
    throw wrong('name', `is "${name}", as "cookie.name" is. Fix: give our cookie another name than the old one has`);
  }
  if (table !== undefined && sessions !== null) {
    throw wrong('sessions', 'is given, and "adopt.table" as well. Fix: say in one way where the old sessions are');
  }
  if (table === undefined && schema !== undefined) {
    throw wrong('schema', 'is given without "adopt.table". Fix: name the table, or remove it');
  }
  for (const method of ['find', 'remove'] as const) {
    if (sessions === null || hasFunction(sessions, method)) continue;
    throw wrong('sessions', `must be { find(sid), remove(sid) }, but has no function "${method}"`);
  }
  const isSomewhere = table !== undefined || sessions !== null;
  if (toSession === null ? isSomewhere : typeof toSession !== 'function') {
    throw wrong(
      'toSession',
      `must be a function that makes our session of an old one, but was ${kindOf(toSession ?? undefined)}. Fix: passportSession, or one of yours`,
    );
  }
  return Object.freeze({
    secrets: new CookieSecrets(options.value('secret')),
    cookie: Object.freeze({
      name,
      path: cookie.text('path', '/', COOKIE_PATH, "a path that begins with '/'"),
      domain: cookie.text('domain', undefined, COOKIE_DOMAIN, "a host name such as 'example.com'")?.replace(/^\./, ''),
      partitioned: cookie.boolean('partitioned', false),
    }),
    table: table === undefined ? null : { schema, name: table },
    sessions,
    toSession,
  });
}

function hasFunction(value: object, name: string): boolean {
  try {
    return typeof (value as Record<string, unknown>)[name] === 'function';
  } catch {
    // A getter or a proxy that throws.
    return false;
  }
}

function wrong(option: string, problem: string): SessionConfigurationError {
  return new SessionConfigurationError(`SessionModule option "adopt.${option}" ${problem}.`);
}
