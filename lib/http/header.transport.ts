import type { IncomingHttpHeaders } from 'node:http';
import { type Credential, parseCredential } from '../session/token.js';
import type { CookieChange } from '../session/cookie-intent.js';
import type { ResolvedHeaderOptions } from '../options/transport.options.js';
import type { Exchange, SessionTransport } from './session-transport.js';

const NONE: readonly Credential[] = [];

/**
 * Credentials in a header of their own, for clients without cookies: they send it with every request, and keep what a
 * response brings under the same name; an empty value means that the session has ended.
 */
export class HeaderTransport implements SessionTransport {
  readonly requestHeader: string;
  readonly #key: string;
  readonly #malformed: () => void;

  constructor({ name }: ResolvedHeaderOptions, malformed: () => void) {
    this.#malformed = malformed;
    this.requestHeader = name;
    this.#key = name.toLowerCase();
  }

  read(headers: IncomingHttpHeaders): readonly Credential[] {
    const value = headers[this.#key];
    // Node joins what is sent twice with a comma: two credentials are none.
    const credential = typeof value === 'string' ? parseCredential(value) : null;
    if (credential !== null) return [credential];
    if ((value ?? '') !== '') this.#malformed();
    return NONE;
  }

  write(change: CookieChange, { response }: Exchange): void {
    response.setHeader(this.requestHeader, change.kind === 'issued' ? change.value : '');
  }
}
