import { stringifySetCookie } from 'cookie';
import { type Credential, parseCredential } from '../session/token.js';
import type { CookieChange } from '../session/cookie-intent.js';
import type { ResolvedCookieOptions } from '../options/transport.options.js';
import { trimmed } from './cookie-identity.js';

const NONE: readonly string[] = [];

/** RFC 6265bis, 5.5: user agents keep no cookie longer than 400 days. */
const LONGEST_SECONDS = 400 * 24 * 60 * 60;

/**
 * How many different credentials of one request are looked up: more than fit into the headers that Node takes (16 KiB unless
 * it is told otherwise), and than browsers keep for one host.
 */
const MOST_CREDENTIALS = 200;

/**
 * The well-formed credentials in a Cookie header under a name, each once. Usually there is one. Cookies set for another
 * path or domain may add more, and the header does not tell which is whose.
 *
 * @param malformed called for what is there under the name and is none, but for an empty value
 */
export function readCredentials(header: string | undefined, name: string, malformed = (): void => {}): Credential[] {
  const found = new Map<string, Credential>();
  for (const value of valuesOf(header, name)) {
    const credential = parseCredential(value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value);
    if (credential === null) {
      if (value !== '') malformed();
      continue;
    }
    found.set(credential.cookieValue, credential);
    if (found.size === MOST_CREDENTIALS) break;
  }
  return [...found.values()];
}

/** The values in a Cookie header under a name, as they came. */
export function valuesOf(header: string | undefined, name: string): readonly string[] {
  if (header === undefined || !header.includes(name)) return NONE;
  const values: string[] = [];
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals >= 0 && trimmed(pair.slice(0, equals)) === name) values.push(trimmed(pair.slice(equals + 1)));
  }
  return values;
}

/**
 * The Set-Cookie header for a change.
 *
 * @param now milliseconds on the store's clock
 * @param isHttps whether the request came over HTTPS, as far as the platform knows
 */
export function writeSetCookie(
  options: ResolvedCookieOptions,
  change: CookieChange,
  now: number,
  isHttps: boolean,
): string {
  const { name, path, domain, sameSite, partitioned } = options;
  const secure = options.secure === 'auto' ? isHttps : options.secure;
  const attributes = {
    name,
    path,
    httpOnly: true,
    secure,
    sameSite,
    partitioned,
    ...(domain !== undefined && { domain }),
  };
  if (change.kind === 'removed')
    return stringifySetCookie({ ...attributes, value: '', maxAge: 0, expires: new Date(0) });
  if (!(change.persistent ?? options.persistent)) return stringifySetCookie({ ...attributes, value: change.value });
  const seconds = change.endsAt === null ? LONGEST_SECONDS : Math.ceil((change.endsAt - now) / 1_000);
  return stringifySetCookie({
    ...attributes,
    value: change.value,
    maxAge: Math.max(0, Math.min(seconds, LONGEST_SECONDS)),
  });
}
