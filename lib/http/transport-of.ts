import type { ResolvedTransportOptions } from '../options/transport.options.js';
import { CookieTransport } from './cookie.transport.js';
import { HeaderTransport } from './header.transport.js';
import type { SessionTransport } from './session-transport.js';

/**
 * The transport that the options ask for.
 *
 * @param warn tells the operator, once, of what keeps browsers from keeping the cookie, or from keeping it safe
 */
export function transportOf(
  { transport, cookie, header }: ResolvedTransportOptions,
  warn: (message: string) => void,
): SessionTransport {
  return transport === 'header' ? new HeaderTransport(header) : new CookieTransport(cookie, warn);
}
