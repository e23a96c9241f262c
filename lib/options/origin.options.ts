import type { IncomingMessage } from 'node:http';
import { itemsOf, kindOf } from '../session/data/json.js';
import { SessionConfigurationError } from '../session.errors.js';
import { OptionReader } from './option-reader.js';

/** As much of a request as `originCheck.allow` may decide by: its method, its URL as the client sent it, its headers. */
export type OriginRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers'>;

/** Decides whether pages of an origin may send a request. Called where the origin is not the application's own. */
export type AllowsOrigin = (origin: string, request: OriginRequest) => boolean;

/** What pages of other origins may do: see `originCheck` of {@link SessionModuleOptions}. */
export interface SessionOriginCheckOptions {
  /**
   * The other origins whose pages may send what is checked, as browsers write them: `'https://app.example'`. Or a function
   * that says `true` for them, which is also given `'null'` (a sandboxed frame, a form of a page with
   * `Referrer-Policy: no-referrer`) and is not asked where a request names no origin, or a malformed one. It is asked with
   * every request and message that is not the application's own; an error that it throws fails the request. None unless given.
   */
  readonly allow?: readonly string[] | AllowsOrigin;
}

/** {@link SessionOriginCheckOptions} with every default filled in. */
export interface ResolvedOriginCheck {
  /** Whether requests over HTTP are checked that may change something. */
  readonly requests: boolean;
  /** Whether handshakes of WebSockets are checked, and so the messages that follow. */
  readonly handshakes: boolean;
  readonly allow: ReadonlySet<string> | AllowsOrigin;
}

const KNOWN = ['allow'];
/** An origin that is not HTTP's, such as `capacitor://localhost`. */
const OTHER_SCHEME = /^(?!(?:http|ws)s?:)[a-z][a-z\d+.-]*:\/\/[a-z\d._-]*(:\d+)?$/;

/**
 * Checks which origins are allowed, and fills in the defaults.
 *
 * @param usesCookies whether what opens a session comes by itself with what other pages send
 * @throws {SessionConfigurationError} naming the option, what it was, and what it must be.
 */
export function resolveOriginCheck(options: OptionReader, usesCookies: boolean): ResolvedOriginCheck {
  const given = options.object('originCheck');
  const isGiven = options.has('originCheck');
  if (typeof given === 'boolean') return resolved(given, given, new Set());
  const check = new OptionReader('originCheck', given, KNOWN);
  const allow = check.has('allow') ? allowed(check.object('allow')) : new Set<string>();
  return resolved(isGiven, isGiven || usesCookies, allow);
}

function resolved(requests: boolean, handshakes: boolean, allow: ResolvedOriginCheck['allow']): ResolvedOriginCheck {
  return Object.freeze({ requests, handshakes, allow });
}

function allowed(allow: unknown): ResolvedOriginCheck['allow'] {
  if (typeof allow === 'function') return allow as AllowsOrigin;
  const origins = itemsOf(allow);
  if (origins !== null) return new Set(origins.map(checked));
  throw wrong(`must be a list of origins, or a function, but was ${kindOf(allow)}. Fix: ['https://app.example'].`);
}

function checked(entry: unknown): string {
  if (typeof entry !== 'string')
    throw wrong(`holds ${kindOf(entry)}. Fix: a list of texts, as ['https://app.example'].`);
  if (entry === 'null') {
    throw wrong(
      'holds "null", which a page of any site can be, in a sandboxed frame. Fix: a function that looks at the request ' +
        "too, as (origin, { url }) => origin === 'null' && url === '/saml/callback'.",
    );
  }
  // A page has an origin of HTTP, also where it opens a WebSocket.
  const origin = (URL.parse(entry)?.origin ?? 'null').replace(/^ws/, 'http');
  const isPattern = entry.includes('*');
  if (!isPattern && (origin === entry || OTHER_SCHEME.test(entry))) return entry;
  const fix = isPattern || origin === 'null' ? "'https://app.example', or a function for many" : `"${origin}"`;
  throw wrong(`holds ${JSON.stringify(entry)}, which no browser sends as an origin. Fix: ${fix}.`);
}

function wrong(what: string): SessionConfigurationError {
  return new SessionConfigurationError(`SessionModule option "originCheck.allow" ${what}`);
}
