import { inspect } from 'node:util';
import { type SessionCallback, told } from '../session/callback.js';
import { isPlainObject } from '../session/json.js';
import type { LiveSession } from '../session/live-session.js';
import type { Session } from '../session/session.js';
import { SessionArgumentError } from '../session.errors.js';
import type { RequestView } from './request-session.js';

/**
 * `request.session` behind `sessionMiddleware()`: the visitor's session as code expects it that was written for
 * express-session (Passport, connect-flash). Every property that is no member of the session is a top-level key of its
 * `data`: `request.session.views = 1` is stored as `session.data.views`. Its members are there as well, and two differ
 * from those that `@Session()` gives:
 *
 * - `regenerate()` leaves nothing but a new credential: no data, nobody signed in. The object that was
 *   `request.session` until then keeps a copy of the data, and is connected with nothing any more.
 * - `flash` is a key of the data like any other, as connect-flash wants it; an empty one is not stored. For messages of
 *   this library's own call `flash()` on what `@Session()` gives.
 *
 * A member cannot be assigned: `request.session.userId = …` throws a `SessionArgumentError`. Use `login()`, or another key.
 */
export interface ExpressSession extends Omit<Session, 'flash' | 'regenerate'> {
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever libraries keep there
  [key: string]: any;
  /**
   * Starts over with a new credential: the old one is dead at once, the data is dropped and nobody is signed in. A
   * session that stays empty ends with the response. Not an error: the session has ended meanwhile.
   */
  regenerate(): Promise<void>;
  /** The same for code that takes no promises: the callback is given the error, if there is one. Never throws. */
  regenerate(callback: SessionCallback): void;
}

type Data = Record<PropertyKey, unknown>;

/** All of them, or it does not compile. */
const MEMBERS: Record<Exclude<keyof Session, 'flash'>, true> = {
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

const isMember = (key: PropertyKey): boolean => Object.hasOwn(MEMBERS, key);

/** Makes {@link ExpressSession}s of one request's session: one, and another after every `regenerate()`. */
export class ExpressSessionView implements RequestView {
  readonly #session: LiveSession;
  #shown: ExpressSession | null = null;

  constructor(session: LiveSession) {
    this.#session = session;
  }

  get shown(): ExpressSession {
    return (this.#shown ??= this.#show());
  }

  /** connect-flash leaves an empty object in the session of everybody whom it only asks for messages. */
  tidy(): void {
    if (this.#shown === null || !this.#session.has('flash')) return;
    const data: Data = this.#session.data;
    if (isPlainObject(data['flash']) && Object.keys(data['flash']).length === 0) delete data['flash'];
  }

  #show(): ExpressSession {
    const session = this.#session;
    let left: Data | null = null;
    const data = (): Data => left ?? session.data;

    const regenerate = (callback?: SessionCallback): Promise<void> | void => {
      const before: Data = Object.assign(Object.create(null), data());
      const restarted = session.restart().then(() => {
        left = before;
        this.#shown = null;
      });
      return told(restarted, callback);
    };

    const handler: ProxyHandler<object> = {
      get(target, key) {
        if (key === 'regenerate') return regenerate;
        if (!isMember(key)) return key in data() ? data()[key] : Reflect.get(target, key);
        const member: unknown = Reflect.get(session, key);
        return typeof member === 'function' ? member.bind(session) : member;
      },
      set(_target, key, value) {
        if (isMember(key)) throw memberError(String(key));
        return Reflect.set(data(), key, value);
      },
      has: (_target, key) => isMember(key) || key in data(),
      ownKeys: () => Reflect.ownKeys(data()),
      getOwnPropertyDescriptor: (_target, key) =>
        isMember(key) ? undefined : Reflect.getOwnPropertyDescriptor(data(), key),
      defineProperty: (_target, key, descriptor) => !isMember(key) && Reflect.defineProperty(data(), key, descriptor),
      deleteProperty: (_target, key) => !isMember(key) && Reflect.deleteProperty(data(), key),
      preventExtensions: () => false,
    };
    // Whoever prints a proxy sees its target.
    return new Proxy({ [inspect.custom]: data }, handler) as unknown as ExpressSession;
  }
}

function memberError(key: string): SessionArgumentError {
  return new SessionArgumentError(
    `request.session.${key} is a member of the session, and cannot be assigned. Keep your value under another key` +
      `${key === 'userId' ? ', or sign the user in with login().' : '.'}`,
  );
}
