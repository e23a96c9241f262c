import { shown } from '../shown.js';
import type { Session } from './session.js';

/** A session that can be sealed, and gives what it is then. */
interface Sealable extends Session {
  readonly sealed: Session;
}

/** The names of all of them, or it does not compile. */
const MEMBERS: Record<keyof Session, null> = {
  id: null,
  isNew: null,
  isModified: null,
  isDestroyed: null,
  isAuthenticated: null,
  createdAt: null,
  lastAccessAt: null,
  expiresAt: null,
  ttl: null,
  isExpired: null,
  data: null,
  get: null,
  set: null,
  has: null,
  delete: null,
  pull: null,
  clear: null,
  keys: null,
  toJSON: null,
  increment: null,
  push: null,
  flash: null,
  flashes: null,
  userId: null,
  authenticatedAt: null,
  auth: null,
  avatar: null,
  setTtl: null,
  touch: null,
  login: null,
  logout: null,
  regenerate: null,
  destroy: null,
  save: null,
  update: null,
  reload: null,
};
const KEYS: ReadonlySet<PropertyKey> = new Set(Object.keys(MEMBERS));

/** Node's `util.inspect.custom`. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** What all sessions as applications hold them are proxies of: `util.inspect()` can be told to print it, so it holds nothing. */
const TARGET: object = Object.defineProperty({}, INSPECT, {
  configurable: true,
  value(this: Session): object {
    // With `showProxy` it is printed by itself.
    return this === TARGET ? {} : { id: this.id, userId: this.userId, data: this.toJSON() };
  },
});

/** What a session answers as applications hold it. Can be printed, too. */
class Seal implements ProxyHandler<object> {
  readonly #session: Sealable;

  constructor(session: Sealable) {
    this.#session = session;
  }

  get(_target: object, key: PropertyKey): unknown {
    const session = this.#session;
    if (!KEYS.has(key)) return isShown(session, key) ? session.data[key] : Reflect.get(Object.prototype, key);
    const member: unknown = Reflect.get(session, key);
    if (typeof member !== 'function') return member;
    return (...args: unknown[]): unknown => {
      const result: unknown = Reflect.apply(member, session, args);
      return result === session ? session.sealed : result;
    };
  }

  has(_target: object, key: PropertyKey): boolean {
    return KEYS.has(key) || isShown(this.#session, key);
  }

  ownKeys(): string[] {
    return this.#session.keys().filter((key) => !KEYS.has(key));
  }

  getOwnPropertyDescriptor(_target: object, key: PropertyKey): PropertyDescriptor | undefined {
    if (!isShown(this.#session, key)) return undefined;
    return { value: this.#session.data[key], enumerable: true, configurable: true, writable: false };
  }

  set(_target: object, key: PropertyKey): never {
    return refuse(key);
  }

  defineProperty(_target: object, key: PropertyKey): never {
    return refuse(key);
  }

  deleteProperty(_target: object, key: PropertyKey): never {
    return refuse(key);
  }

  setPrototypeOf(): boolean {
    return false;
  }

  preventExtensions(): boolean {
    return false;
  }
}

/**
 * Whether a property shows the data under its key, to what copies or serialises the session by its properties (a spread,
 * `ClassSerializerInterceptor`). Members come first. A promise that resolves to a session asks for `then`: that is no
 * reason to parse the data.
 */
function isShown(session: Session, key: PropertyKey): key is keyof Session['data'] {
  return typeof key === 'string' && key !== 'then' && !KEYS.has(key) && Object.hasOwn(session.data, key);
}

/**
 * A session as applications hold it: its members, and its data to be copied. A property that is set on it would be there in
 * this request and gone in the next; it is refused. Nothing leads from it to the credential, however it is inspected.
 */
export function sealedSession(session: Sealable): Session {
  return new Proxy(TARGET, new Seal(session)) as Session;
}

function refuse(key: PropertyKey): never {
  const name = shown(String(key));
  if (KEYS.has(key)) throw new TypeError(`session.${name} is a member of the session, and cannot be changed so.`);
  throw new TypeError(
    `A session keeps nothing in properties of its own: use session.data.${name}, or session.set('${name}', …) and ` +
      `session.delete('${name}').`,
  );
}
