import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Credential } from '../session/token.js';
import type { CookieChange } from '../session/cookie-intent.js';

/** The request and the response that a credential is given out with. */
export interface Exchange {
  /** What the client asked for: a path and a query, as it came. */
  readonly url: string;
  readonly requestHeaders: IncomingHttpHeaders;
  readonly response: ServerResponse;
  /** Whether the request came over HTTPS, as far as the platform knows. */
  readonly isHttps: boolean;
  /** Milliseconds on the store's clock. */
  readonly now: number;
}

/** How credentials travel between a client and the application. One serves all requests. */
export interface SessionTransport {
  /** The request header that answers depend on, as `Vary` names it. */
  readonly requestHeader: string;
  /**
   * The well-formed credentials that a request came with, each once; those that were derived from cookies of express-session
   * last. Not an error: anything else in their place.
   *
   * @param method of the request; absent where it is no request of its own, such as a message
   */
  read(headers: IncomingHttpHeaders, method?: string): readonly Credential[];
  /** Puts a change on the response, in place of what it says of the same cookie, or header, already. */
  write(change: CookieChange, exchange: Exchange): void;
}
