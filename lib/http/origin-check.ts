import type { IncomingHttpHeaders } from 'node:http';
import type { OriginRequest, ResolvedOriginCheck } from '../options/origin.options.js';

/** A page that may not send what it has sent. */
export interface ForeignPage {
  /** Its origin, or `'null'`, as the browser has written it; `null` where it is malformed, or the browser did not say. */
  readonly origin: string | null;
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** An origin as browsers write it: in lower case, no longer than a host name and its port. */
const ORIGIN = /^(?=.{1,300}$)(?:null|[a-z][a-z\d+.-]*:\/\/(?:[a-z\d._-]*|\[[\da-f:.]+\])(?::\d{1,5})?)$/;

/**
 * Tells requests of foreign pages by what browsers say and scripts cannot: `Sec-Fetch-Site`, and where that is missing (plain
 * HTTP, older browsers, WebSockets), `Origin` beside the host that the request was sent to. A request with neither comes from
 * no browser, or from a page of the same origin, and passes. Schemes are not compared: behind a proxy that ends TLS, the
 * server's own is not known for sure.
 *
 * As Go's `http.CrossOriginProtection` does, and the cheat sheet of OWASP on CSRF says; for WebSockets, RFC 6455, section 10.2.
 */
export class OriginCheck {
  readonly #options: ResolvedOriginCheck;

  constructor(options: ResolvedOriginCheck) {
    this.#options = options;
  }

  /**
   * What page a request over HTTP comes from, if it may not; `null`: it may.
   *
   * @param hostOf the host that the request was sent to, with its port, as the platform has it
   */
  ofRequest(request: OriginRequest, hostOf: () => string | undefined): ForeignPage | null {
    if (!this.#options.requests || isSafe(request.method)) return null;
    return this.#of(request, () => [hostOf()]);
  }

  /** The same of a request that a socket begins with. */
  ofHandshake(request: OriginRequest): ForeignPage | null {
    return this.#options.handshakes ? this.#of(request, () => hostsOf(request.headers)) : null;
  }

  #of(request: OriginRequest, hosts: () => readonly (string | undefined)[]): ForeignPage | null {
    const { origin, 'sec-fetch-site': site } = request.headers;
    if (site === 'same-origin' || site === 'none') return null;
    if (origin === undefined) return site === undefined ? null : { origin: null };
    if (!ORIGIN.test(origin)) return { origin: null };
    if (site === undefined && hosts().some((host) => isOf(origin, host))) return null;
    return this.#allows(origin, request) ? null : { origin };
  }

  #allows(origin: string, request: OriginRequest): boolean {
    const { allow } = this.#options;
    // What a function returns may be a promise, which is not to be taken for yes.
    return typeof allow === 'function' ? allow(origin, request) === true : allow.has(origin);
  }
}

/** Whether a method changes nothing: RFC 9110, section 9.2.1. */
export function isSafe(method = ''): boolean {
  return SAFE.has(method);
}

/** A WebSocket's request knows no platform. But scripts cannot add headers to it, so what it was forwarded for is a proxy's word. */
function hostsOf(headers: IncomingHttpHeaders): readonly (string | undefined)[] {
  return [headers.host, ...(isUpgrade(headers) ? forwardedHostsOf(headers) : [])];
}

/** Which hosts a request was sent to, as proxies say it. */
export function forwardedHostsOf({ 'x-forwarded-host': hosts = '' }: IncomingHttpHeaders): string[] {
  return String(hosts)
    .split(',')
    .map((host) => host.trim());
}

function isUpgrade({ upgrade }: IncomingHttpHeaders): boolean {
  return upgrade?.toLowerCase() === 'websocket';
}

/** Whether an origin of HTTP is that of a host, with its port. */
export function isOf(origin: string, host = ''): boolean {
  const [, scheme, own] = /^(https?):\/\/(.+)$/.exec(origin) ?? [];
  if (own === undefined) return false;
  const known = host.toLowerCase();
  return known === own || known === `${own}:${scheme === 'http' ? 80 : 443}`;
}
