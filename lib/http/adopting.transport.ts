import type { IncomingHttpHeaders } from 'node:http';
import { stringifySetCookie } from 'cookie';
import type { ResolvedAdoption } from '../options/adopt.options.js';
import type { ResolvedCookieOptions } from '../options/transport.options.js';
import type { CookieChange } from '../session/cookie-intent.js';
import type { Credential } from '../session/token.js';
import { forwardedHostsOf, isOf, isSafe } from './origin-check.js';
import { valuesOf } from './session-cookie.js';
import type { Exchange, SessionTransport } from './session-transport.js';

/** How many different sessions of express-session one request may name: cookies of other paths and domains. */
const MOST = 5;
/** How many signatures are looked at for one request: each costs as much as all else that is done to its cookies. */
const MOST_SIGNED = 50;

/**
 * Reads the cookie of express-session besides our own credentials, and removes it with each response that changes what the
 * client holds of ours. One that our secrets have not signed is another application's, and is left alone.
 */
export class AdoptingTransport implements SessionTransport {
  readonly requestHeader = 'Cookie';
  readonly #own: SessionTransport;
  readonly #adoption: ResolvedAdoption;
  readonly #sameSite: ResolvedCookieOptions['sameSite'];

  /** By the headers of requests, which may be changed on the way. */
  readonly #found = new WeakMap<IncomingHttpHeaders, { readonly header: string; readonly sids: ReadonlySet<string> }>();

  /** @param sameSite that of our own cookie */
  constructor(own: SessionTransport, adoption: ResolvedAdoption, sameSite: ResolvedCookieOptions['sameSite']) {
    this.#own = own;
    this.#adoption = adoption;
    this.#sameSite = sameSite;
  }

  /** Those that were derived from old cookies come last. */
  read(headers: IncomingHttpHeaders, method?: string): readonly Credential[] {
    const own = this.#own.read(headers);
    const sids = this.#sidsOf(headers);
    if (sids.size === 0 || this.#keepsBack(headers, method)) return own;
    return [...own, ...[...sids].map((sid) => this.#adoption.secrets.credentialOf(sid))];
  }

  write(change: CookieChange, exchange: Exchange): void {
    this.#own.write(change, exchange);
    if (this.#sidsOf(exchange.requestHeaders).size === 0) return;
    const { name, path, domain, partitioned } = this.#adoption.cookie;
    const { response, isHttps } = exchange;
    const removal = stringifySetCookie({
      name,
      value: '',
      path,
      ...(domain !== undefined && { domain }),
      maxAge: 0,
      expires: new Date(0),
      httpOnly: true,
      // Browsers keep what was set with it from being changed without it.
      secure: isHttps,
      partitioned,
    });
    const lines = [response.getHeader('Set-Cookie') ?? []].flat().map(String);
    if (!lines.includes(removal)) response.setHeader('Set-Cookie', [...lines, removal]);
  }

  /** Whether browsers would not send our own cookie along. That of express-session has no `SameSite` unless it was given one. */
  #keepsBack(headers: IncomingHttpHeaders, method = ''): boolean {
    if (this.#sameSite === 'none' || !isCrossSite(headers)) return false;
    return this.#sameSite === 'strict' || !isSafe(method) || headers['sec-fetch-dest'] !== 'document';
  }

  /** Looked for once for each request: a response may be amended many times. */
  #sidsOf(headers: IncomingHttpHeaders): ReadonlySet<string> {
    const header = headers.cookie ?? '';
    const found = this.#found.get(headers);
    if (found?.header === header) return found.sids;
    const sids = this.#sidsIn(header);
    this.#found.set(headers, { header, sids });
    return sids;
  }

  #sidsIn(header: string): ReadonlySet<string> {
    const { cookie, secrets } = this.#adoption;
    const sids = new Set<string>();
    let left = MOST_SIGNED;
    for (const value of valuesOf(header, cookie.name)) {
      const signed = secrets.signedIn(value);
      if (signed === null) continue;
      const sid = secrets.sidOf(signed);
      if (sid !== null) sids.add(sid);
      if (sids.size === MOST || --left === 0) break;
    }
    return sids;
  }
}

/** As the browser says it; where it does not, an origin of another host is of another site, which siblings are not to be told from. */
function isCrossSite({ 'sec-fetch-site': site, origin, ...headers }: IncomingHttpHeaders): boolean {
  if (site !== undefined || origin === undefined) return site === 'cross-site';
  // A proxy's word: no page can add it to a form, and scripts only where CORS allows that.
  const hosts = [headers.host, headers[':authority'] as string | undefined, ...forwardedHostsOf(headers)];
  return !hosts.some((host) => isOf(origin, host));
}
