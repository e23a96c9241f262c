import { SessionArgumentError } from '../session.errors.js';
import type { Lifetime } from '../session/lifetime.js';
import type { ActiveSession } from '../session/active-session.js';

/** What the module's options say of all sessions' cookies, and of how long sessions live. */
export interface CookieSettings {
  readonly path: string;
  readonly domain?: string | undefined;
  readonly secure?: boolean | 'auto';
  readonly sameSite?: string;
  readonly partitioned?: boolean;
  /** Of sessions that ask for no other. */
  readonly lifetime: Lifetime;
}

/**
 * `request.session.cookie`, as express-session has it. How long the session lives is told and set here; what is the same for
 * all sessions is told, and setting it throws a `SessionArgumentError`: it is an option of the module.
 */
export interface ExpressSessionCookie {
  /**
   * In how many milliseconds the session ends without another request. Setting it is `setTtl()`; `null`, `false` and `undefined` go
   * back to the module's `idleTimeout`.
   */
  maxAge: number;
  /** The idle timeout in milliseconds. */
  readonly originalMaxAge: number;
  /** When the session ends without another request. May be set as `maxAge` may. */
  expires: Date;
  readonly path: string;
  readonly domain: string | undefined;
  readonly httpOnly: true;
  readonly secure: boolean | 'auto';
  readonly sameSite: string | undefined;
  readonly partitioned: boolean;
  readonly signed: false;
}

export class SessionCookie {
  readonly #session: ActiveSession;
  readonly #settings: CookieSettings;

  constructor(session: ActiveSession, settings: CookieSettings) {
    this.#session = session;
    this.#settings = settings;
    // What is set under any other name would be lost.
    Object.preventExtensions(this);
  }

  get maxAge(): number {
    return this.#session.expiresAt.getTime() - this.#session.now();
  }

  set maxAge(value: unknown) {
    if (value === null || value === undefined || value === false) {
      this.#session.setTtl(this.#settings.lifetime.ttl, { absolute: this.#settings.lifetime.absolute ?? false });
    } else if (value instanceof Date) {
      this.expires = value;
    } else if (typeof value === 'number') {
      this.#session.setTtl(value);
    } else {
      throw new SessionArgumentError('request.session.cookie.maxAge takes a number of milliseconds, or null.');
    }
  }

  get originalMaxAge(): number {
    return this.#session.ttl;
  }

  get expires(): Date {
    return this.#session.expiresAt;
  }

  set expires(value: unknown) {
    // The application's clock made this date.
    this.maxAge = value instanceof Date ? value.getTime() - Date.now() : value;
  }

  get path(): string {
    return this.#settings.path;
  }

  get domain(): string | undefined {
    return this.#settings.domain;
  }

  get httpOnly(): true {
    return true;
  }

  get secure(): boolean | 'auto' {
    return this.#settings.secure ?? 'auto';
  }

  get sameSite(): string | undefined {
    return this.#settings.sameSite;
  }

  get partitioned(): boolean {
    return this.#settings.partitioned ?? false;
  }

  get signed(): false {
    return false;
  }

  toJSON(): Record<string, unknown> {
    const { originalMaxAge, expires, path, domain, httpOnly, secure, sameSite } = this;
    return { originalMaxAge, expires, path, domain, httpOnly, secure, sameSite };
  }
}

// In code that is not strict, setting what has only a getter would do nothing, and say nothing.
for (const name of ['path', 'domain', 'httpOnly', 'secure', 'sameSite', 'partitioned', 'signed', 'originalMaxAge']) {
  Object.defineProperty(SessionCookie.prototype, name, {
    ...Object.getOwnPropertyDescriptor(SessionCookie.prototype, name),
    set: () => {
      throw new SessionArgumentError(
        `request.session.cookie.${name} cannot be set for one session. ` +
          (name === 'originalMaxAge' ? 'Set maxAge.' : `It is an option of SessionModule: "cookie.${name}".`),
      );
    },
  });
}
