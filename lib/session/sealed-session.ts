import type { Session } from './session.js';

/** A session that can be sealed, and gives what it is then. */
interface Sealable extends Session {
  readonly sealed: Session;
}

/** All of them, or it does not compile. */
const MEMBERS: Record<keyof Session, true> = {
  id: true,
  isNew: true,
  isModified: true,
  isDestroyed: true,
  isAuthenticated: true,
  createdAt: true,
  lastAccessAt: true,
  expiresAt: true,
  ttl: true,
  isExpired: true,
  data: true,
  get: true,
  set: true,
  has: true,
  delete: true,
  pull: true,
  clear: true,
  keys: true,
  toJSON: true,
  increment: true,
  push: true,
  flash: true,
  flashes: true,
  userId: true,
  authenticatedAt: true,
  auth: true,
  avatar: true,
  setTtl: true,
  touch: true,
  login: true,
  logout: true,
  regenerate: true,
  destroy: true,
  save: true,
  update: true,
  reload: true,
};
const KEYS: ReadonlySet<PropertyKey> = new Set(Object.keys(MEMBERS));

/** The target is the session itself: one handler serves all. */
const HANDLER: ProxyHandler<Sealable> = {
  get(session, key) {
    if (!KEYS.has(key)) return isShown(session, key) ? session.data[key] : Reflect.get(Object.prototype, key);
    const member: unknown = Reflect.get(session, key);
    if (typeof member !== 'function') return member;
    return (...args: unknown[]): unknown => {
      const result: unknown = Reflect.apply(member, session, args);
      return result === session ? session.sealed : result;
    };
  },
  has: (session, key) => KEYS.has(key) || isShown(session, key),
  ownKeys: (session) => session.keys().filter((key) => !KEYS.has(key)),
  getOwnPropertyDescriptor: (session, key) =>
    isShown(session, key)
      ? { value: session.data[key], enumerable: true, configurable: true, writable: false }
      : undefined,
  set: (_session, key) => refuse(key),
  defineProperty: (_session, key) => refuse(key),
  deleteProperty: (_session, key) => refuse(key),
  setPrototypeOf: () => false,
  preventExtensions: () => false,
};

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
 * this request and gone in the next; it is refused.
 */
export function sealedSession(session: Sealable): Session {
  return new Proxy(session, HANDLER);
}

function refuse(key: PropertyKey): never {
  const name = String(key);
  if (KEYS.has(key)) throw new TypeError(`session.${name} is a member of the session, and cannot be changed so.`);
  throw new TypeError(
    `A session keeps nothing in properties of its own: use session.data.${name}, or session.set('${name}', …) and ` +
      `session.delete('${name}').`,
  );
}
