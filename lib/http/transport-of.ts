import type { ResolvedTransportOptions } from '../options/transport.options.js';
import { CookieTransport } from './cookie.transport.js';
import { HeaderTransport } from './header.transport.js';
import type { SessionTransport } from './session-transport.js';

/**
 * The transport that the options ask for.
 *
 * @param warn tells the operator, once, of what keeps browsers from keeping the cookie, or from keeping it safe
 * @param malformed called for each value that a request has in the place of a token, and that is none
 */
export function transportOf(
  { transport, cookie, header }: ResolvedTransportOptions,
  warn: (message: string) => void,
  malformed: () => void,
): SessionTransport {
  return transport === 'header' ? new HeaderTransport(header, malformed) : new CookieTransport(cookie, warn, malformed);
}
