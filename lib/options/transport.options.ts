import { CREDENTIAL_LENGTH } from '../session/token.js';
import { COOKIE_DOMAIN, COOKIE_PATH, TOKEN } from './forms.js';
import { OptionReader } from './option-reader.js';
import { SessionConfigurationError } from '../session.errors.js';

/** How the cookie is set. It is always HttpOnly. */
export interface SessionCookieOptions {
  /**
   * Its name. The prefixes `__Host-`, `__Secure-` and `__Http-` are honoured, in either case: what browsers demand of
   * such cookies is checked at start.
   * @default 'session_id'
   */
  readonly name?: string;
  /** @default '/' */
  readonly path?: string;
  /** Which hosts get it: none but the one that set it, unless given. */
  readonly domain?: string;
  /**
   * Whether browsers send it over HTTPS only; `'auto'`: when it was set over HTTPS. Behind a proxy that ends TLS, have
   * the platform trust it (`trust proxy` on Express, `trustProxy` on Fastify). A warning, once, says when browsers will
   * drop the cookie because it came over plain HTTP.
   * @default 'auto'
   */
  readonly secure?: boolean | 'auto';
  /** Which requests from other sites carry it. `'none'` demands `secure: true`. @default 'lax' */
  readonly sameSite?: 'strict' | 'lax' | 'none';
  /**
   * Whether it is kept apart for each site that embeds yours (CHIPS). Demands `secure: true`, and is of use with
   * `sameSite: 'none'`.
   * @default false
   */
  readonly partitioned?: boolean;
  /** Whether it outlives the browser's own session, until the session's absolute end. @default true */
  readonly persistent?: boolean;
}

/** The header that carries the credential with `transport: 'header'`, in requests and in responses. */
export interface SessionHeaderOptions {
  /** Its name: one that means nothing else in HTTP. @default 'X-Session-Token' */
  readonly name?: string;
}

/** {@link SessionCookieOptions} with every default filled in. */
export interface ResolvedCookieOptions {
  readonly name: string;
  readonly path: string;
  readonly domain: string | undefined;
  readonly secure: boolean | 'auto';
  readonly sameSite: 'strict' | 'lax' | 'none';
  readonly partitioned: boolean;
  readonly persistent: boolean;
}

/** {@link SessionHeaderOptions} with every default filled in. */
export interface ResolvedHeaderOptions {
  readonly name: string;
}

/** How credentials travel, with every default filled in; of `cookie` and `header`, only one is used. */
export interface ResolvedTransportOptions {
  readonly transport: 'cookie' | 'header';
  readonly cookie: ResolvedCookieOptions;
  readonly header: ResolvedHeaderOptions;
}

/** RFC 6265bis, 5.6: browsers drop a cookie whose name and value are longer together, in bytes. */
const LONGEST_COOKIE = 4_096;
/** RFC 6265bis, 5.6: browsers ignore an attribute whose value is longer, in bytes. */
const LONGEST_ATTRIBUTE = 1_024;
/** RFC 1035, 2.3.4, without the dot of the root. */
const LONGEST_HOST = 253;

const KNOWN_COOKIE = ['name', 'path', 'domain', 'secure', 'sameSite', 'partitioned', 'persistent'];
const KNOWN_HEADER = ['name'];

/** Headers that mean something else to browsers, proxies or Node. */
const TAKEN = new RegExp(
  '^((accept|access-control|content|if|proxy|sec|x-forwarded)-.*|accept|authorization|cache-control|connection|cookie|' +
    'date|etag|expect|expires|forwarded|from|host|keep-alive|last-modified|location|origin|pragma|range|referer|' +
    'retry-after|server|set-cookie|te|trailer|transfer-encoding|upgrade|user-agent|vary|via|www-authenticate)$',
  'i',
);

/**
 * Checks how credentials are to travel, and fills in the defaults.
 *
 * @throws {SessionConfigurationError} naming the option, what it was, and what it must be.
 */
export function resolveTransport(options: OptionReader): ResolvedTransportOptions {
  const transport = options.oneOf('transport', 'cookie', ['cookie', 'header'] as const);
  const other = transport === 'cookie' ? 'header' : 'cookie';
  if (options.has(other)) {
    throw new SessionConfigurationError(
      `SessionModule option "${other}" is given, but "transport" is "${transport}", which makes no use of it. ` +
        `Fix: remove "${other}", or set "transport" to "${other}".`,
    );
  }
  const cookie = new OptionReader('cookie', options.object('cookie'), KNOWN_COOKIE);
  const header = new OptionReader('header', options.object('header'), KNOWN_HEADER);
  return { transport, cookie: resolveCookie(cookie), header: resolveHeader(header) };
}

function resolveHeader(header: OptionReader): ResolvedHeaderOptions {
  const name = header.text('name', 'X-Session-Token', TOKEN, "the name of a header, such as 'X-Session-Token'");
  if (TAKEN.test(name)) {
    throw new SessionConfigurationError(
      `SessionModule option "header.name" is "${name}", but that header has a meaning of its own in HTTP. ` +
        'Fix: choose another name, or leave it out for "X-Session-Token".',
    );
  }
  return Object.freeze({ name });
}

function resolveCookie(cookie: OptionReader): ResolvedCookieOptions {
  const resolved = {
    name: cookie.text(
      'name',
      'session_id',
      TOKEN,
      "a cookie name such as 'session_id'",
      LONGEST_COOKIE - CREDENTIAL_LENGTH,
    ),
    path: cookie.text('path', '/', COOKIE_PATH, "a path that begins with '/'", LONGEST_ATTRIBUTE),
    // RFC 6265bis, 4.1.1: no dot in front, which older ones allowed.
    domain: cookie
      .text('domain', undefined, COOKIE_DOMAIN, "a host name such as 'example.com'", LONGEST_HOST)
      ?.replace(/^\./, ''),
    secure: cookie.oneOf('secure', 'auto', [true, false, 'auto'] as const),
    sameSite: cookie.oneOf('sameSite', 'lax', ['strict', 'lax', 'none'] as const),
    partitioned: cookie.boolean('partitioned', false),
    persistent: cookie.boolean('persistent', true),
  };
  const prefix = /^__(host|secure|http)-/i.exec(resolved.name)?.[0];
  const host = prefix?.toLowerCase() === '__host-';
  const demands: [boolean, string, string][] = [
    [prefix !== undefined, `its name begins with "${prefix}"`, 'name'],
    [resolved.sameSite === 'none', 'sameSite is "none"', 'sameSite'],
    [resolved.partitioned, 'partitioned is true', 'partitioned'],
  ];
  for (const [applies, because, option] of demands) {
    if (applies && resolved.secure !== true) {
      throw new SessionConfigurationError(
        `SessionModule option "cookie.secure" is ${String(resolved.secure)}, but ${because}, and browsers drop such a ` +
          `cookie unless it is secure. Set "cookie.secure" to true, or change "cookie.${option}".`,
      );
    }
  }
  if (host && (resolved.path !== '/' || resolved.domain !== undefined)) {
    throw new SessionConfigurationError(
      'SessionModule option "cookie.name" begins with "__Host-", which demands "cookie.path" to be "/" and no ' +
        '"cookie.domain". Remove them, or use the prefix "__Secure-".',
    );
  }
  return Object.freeze(resolved);
}
