import type { ResolvedTransportOptions } from '../options/transport.options.js';
import type { ResolvedAdoption } from '../options/adopt.options.js';
import { AdoptingTransport } from './adopting.transport.js';
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
  { transport, cookie, header, adopt }: ResolvedTransportOptions & { readonly adopt?: ResolvedAdoption | null },
  warn: (message: string) => void,
  malformed: () => void,
): SessionTransport {
  if (transport === 'header') return new HeaderTransport(header, malformed);
  const own = new CookieTransport(cookie, warn, malformed);
  return (adopt ?? null) === null ? own : new AdoptingTransport(own, adopt as ResolvedAdoption, cookie.sameSite);
}
