import { createHmac } from 'node:crypto';
import { unsign } from 'cookie-signature';
import { itemsOf, kindOf } from '../session/data/json.js';
import { type Credential, credentialOf } from '../session/token.js';
import { SessionConfigurationError } from '../session.errors.js';

// Keys for these purposes only: a signature of a cookie is never one of these, as it signs what is no such text.
const ID = 'nestjs-mikro-session adopted id v1\0';
const SECRET = 'nestjs-mikro-session adopted secret v1\0';

/** What no cookie that a browser keeps is longer than (RFC 6265bis, 5.6). */
const LONGEST = 4_096;

/** A SHA-256 in base64, without its padding. */
const SIGNED = /^s:([^\0]+\.[\dA-Za-z+/]{43})$/;

/** The secrets with which express-session signs its cookies. Printing it shows none of them. */
export class CookieSecrets {
  readonly #secrets: readonly string[];

  /** @throws {SessionConfigurationError} which shows no secret */
  constructor(given: unknown) {
    const secrets = itemsOf(given) ?? [given];
    const wrong = secrets.find((secret) => typeof secret !== 'string' || secret === '');
    if (secrets.length === 0 || secrets.includes(wrong)) {
      const found = wrong === '' ? 'an empty string' : secrets.length === 0 ? 'an empty list' : kindOf(wrong);
      throw new SessionConfigurationError(
        'SessionModule option "adopt.secret" must be the "secret" that express-session had, a string or a list of them, but ' +
          `was ${found}. Fix: give it the same secrets, in the same order.`,
      );
    }
    this.#secrets = secrets as string[];
  }

  /** What {@link sidOf} takes of a cookie's value: an id and its signature; `null` where it has another form. */
  signedIn(value: string): string | null {
    if (value.length > LONGEST) return null;
    return SIGNED.exec(decoded(value))?.[1] ?? null;
  }

  /** The id of express-session's that is signed; `null` where none of the secrets has done it. */
  sidOf(signed: string): string | null {
    for (const secret of this.#secrets) {
      const sid = unsign(signed, secret);
      if (sid !== false) return sid;
    }
    return null;
  }

  /**
   * What opens the session that takes the place of an old one: the same for all requests that come with the old cookie, in all
   * processes, and known to those alone who know the id and the first secret.
   */
  credentialOf(sid: string): Credential {
    const [key] = this.#secrets as readonly [string];
    const hmac = (purpose: string): Buffer => createHmac('sha256', key).update(purpose).update(sid).digest();
    return { ...credentialOf(hmac(ID), hmac(SECRET)), sid };
  }
}

/** As the package `cookie` reads it: what cannot be decoded stands for itself. */
function decoded(value: string): string {
  const bare = value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  try {
    return decodeURIComponent(bare);
  } catch {
    return bare;
  }
}
