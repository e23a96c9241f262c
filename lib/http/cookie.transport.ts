import type { IncomingHttpHeaders } from 'node:http';
import type { Credential } from '../session/token.js';
import type { CookieChange } from '../session/cookie-intent.js';
import type { ResolvedCookieOptions } from '../options/transport.options.js';
import { identityOf, isSameCookie } from './cookie-identity.js';
import { readCredentials, writeSetCookie } from './session-cookie.js';
import type { Exchange, SessionTransport } from './session-transport.js';

const TRUST =
  "app.set('trust proxy', its address) on Express, new FastifyAdapter({ trustProxy: its address }) on Fastify. " +
  'This is said once.';

const DROPPED =
  'The session cookie was sent with Secure in answer to a request over plain HTTP. Browsers drop it then (most make an ' +
  'exception for localhost), and the visitor has no session. Serve HTTPS. Where plain HTTP is meant, as in development, ' +
  'set "cookie.secure" to \'auto\'. If a proxy ends TLS, have it send X-Forwarded-Proto, and have the platform trust ' +
  `it: ${TRUST}`;

const UNTRUSTED =
  'The session cookie was sent without Secure: its request came over plain HTTP, and said "X-Forwarded-Proto: https", ' +
  `but the platform was not set up to believe that. If a proxy of yours ends TLS, have the platform trust it: ${TRUST}`;

/** Credentials in a cookie. Warns, once, of what keeps browsers from keeping it, or from keeping it safe. */
export class CookieTransport implements SessionTransport {
  readonly requestHeader = 'Cookie';
  readonly #options: ResolvedCookieOptions;
  readonly #warn: (message: string) => void;
  readonly #malformed: () => void;
  #hasWarned = false;

  constructor(options: ResolvedCookieOptions, warn: (message: string) => void, malformed: () => void) {
    this.#options = options;
    this.#warn = warn;
    this.#malformed = malformed;
  }

  read(headers: IncomingHttpHeaders): readonly Credential[] {
    return readCredentials(headers.cookie, this.#options.name, this.#malformed);
  }

  write(change: CookieChange, { url, requestHeaders, response, isHttps, now }: Exchange): void {
    const lines = [response.getHeader('Set-Cookie') ?? []].flat().map(String);
    const others = lines.filter((line) => !isSameCookie(identityOf(line, url), this.#options));
    // Last: of two lines that a browser takes for the same cookie all the same, that one counts.
    response.setHeader('Set-Cookie', [...others, writeSetCookie(this.#options, change, now, isHttps)]);
    if (!isHttps && change.kind === 'issued') this.#warnOfPlainHttp(requestHeaders);
  }

  #warnOfPlainHttp(headers: IncomingHttpHeaders): void {
    if (this.#hasWarned) return;
    // Any client can send this header: it is believed for a warning, and no further.
    const saysHttps = /^\s*https\s*(,\s*https\s*)*$/i.test(String(headers['x-forwarded-proto']));
    const { secure } = this.#options;
    if (secure === false || (secure === 'auto') !== saysHttps) return;
    this.#hasWarned = true;
    this.#warn(secure === 'auto' ? UNTRUSTED : DROPPED);
  }
}
