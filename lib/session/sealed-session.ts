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
    if (!KEYS.has(key)) return Reflect.get(Object.prototype, key);
    const member: unknown = Reflect.get(session, key);
    if (typeof member !== 'function') return member;
    return (...args: unknown[]): unknown => {
      const result: unknown = Reflect.apply(member, session, args);
      return result === session ? session.sealed : result;
    };
  },
  has: (_session, key) => KEYS.has(key),
  ownKeys: () => [],
  getOwnPropertyDescriptor: () => undefined,
  set: (_session, key) => refuse(key),
  defineProperty: (_session, key) => refuse(key),
  deleteProperty: (_session, key) => refuse(key),
  setPrototypeOf: () => false,
  preventExtensions: () => false,
};

/**
 * A session as applications hold it: its members, and nothing else. A property that is set on it would be there in this
 * request and gone in the next; it is refused.
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
