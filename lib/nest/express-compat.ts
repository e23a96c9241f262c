import { inspect } from 'node:util';
import type { SessionCallback } from '../session/callback.js';
import type { ActiveSession } from '../session/active-session.js';
import { SessionArgumentError, SessionGoneError } from '../session.errors.js';
import { type CookieSettings, type ExpressSessionCookie, SessionCookie } from './express-compat-cookie.js';
import { membersOf } from '../session/data/live-document.js';
import type { SessionData } from '../session/data/paths.js';
import type { RequestView } from './context/request-context.js';

/**
 * `request.session` behind `sessionMiddleware()`: the visitor's session as code expects it that was written for
 * express-session (Passport, connect-flash). It has the members of express-session, which are these; every other property
 * is a top-level key of the session's `data`: `request.session.views = 1` is stored as `session.data.views`, as what JSON
 * makes of it (a Date becomes text), and has the type that {@link SessionData} gives it; what is not there is `any`. The members of our own session are on what `@Session()` and `SessionService.of()` give.
 *
 * An empty `flash`, as connect-flash leaves it in every session, is not stored. A member cannot be assigned:
 * `request.session.save = …` throws a `SessionArgumentError`.
 */
export interface ExpressSession extends Omit<Partial<SessionData>, MemberName> {
  /**
   * The id that `@Session('id')` gives, until somebody signs in; then that id with a suffix, which every login and
   * `regenerate()` change: what is kept under it is not the next user's. `revoke()` takes either.
   */
  readonly id: string;
  readonly cookie: ExpressSessionCookie;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever libraries keep there
  [key: string]: any;
  /**
   * Starts over with a new credential: the old one is dead at once, the data is dropped and no user is signed in. The object
   * that was `request.session` keeps a copy of its data, and is connected with nothing any more. A session that stays empty
   * ends with the response. Not an error: the session has ended meanwhile.
   */
  regenerate(): Promise<void>;
  /** The same for code that takes no promises: the callback is given the error, if there is one. Never throws. */
  regenerate(callback: SessionCallback): void;
  /** Ends the session; what is written afterwards begins a new one, unless another request was first. See `destroy()` of the session. */
  destroy(): Promise<void>;
  destroy(callback: SessionCallback): void;
  /** Stores the session now. See `save()` of the session. */
  save(): Promise<void>;
  save(callback: SessionCallback): void;
  /** Reads the session anew. See `reload()` of the session. */
  reload(): Promise<void>;
  reload(callback: SessionCallback): void;
  /** Counts as an access now. */
  touch(): this;
  /** The same. */
  resetMaxAge(): this;
}

type MemberName = 'id' | 'cookie' | 'regenerate' | 'destroy' | 'save' | 'reload' | 'touch' | 'resetMaxAge';

type Data = Record<PropertyKey, unknown>;

/** What a view works with: the session, or what it kept of it when it was replaced. */
interface Behind {
  readonly session: ActiveSession;
  readonly cookie: SessionCookie;
  /** Puts a fresh view in the place of this one, which keeps the data. */
  replace(): void;
  left: Data | null;
}

const behind = new WeakMap<object, Behind>();
const MEMBERS: ReadonlySet<PropertyKey> = new Set<MemberName>([
  'id',
  'cookie',
  'regenerate',
  'destroy',
  'save',
  'reload',
  'touch',
  'resetMaxAge',
]);

/** What views inherit from: libraries look for the methods of express-session there. */
class Members {
  regenerate(callback?: SessionCallback): Promise<void> | void {
    const view = viewOf(this);
    if (view.left !== null) return gone(view.session, callback);
    view.replace();
    return view.session.restart(callback);
  }

  destroy(callback?: SessionCallback): Promise<void> | void {
    return act(this, callback, (session) => session.destroy(callback as SessionCallback));
  }

  save(callback?: SessionCallback): Promise<void> | void {
    return act(this, callback, (session) => session.save(callback as SessionCallback));
  }

  reload(callback?: SessionCallback): Promise<void> | void {
    return act(this, callback, (session) => session.reload(callback as SessionCallback));
  }

  touch(): this {
    const { session, left } = viewOf(this);
    if (left === null) session.touch();
    return this;
  }

  resetMaxAge(): this {
    return this.touch();
  }
}

// One for all visitors: `request.session[a][b] = value` with what a client has sent must not get to others.
for (const one of Object.values(Object.getOwnPropertyDescriptors(Members.prototype))) Object.freeze(one.value);
Object.freeze(Members.prototype);

const HANDLER: ProxyHandler<object> = {
  get(target, key, receiver) {
    const { session, cookie } = viewOf(target);
    if (key === 'id') return idOf(session);
    if (key === 'cookie') return cookie;
    if (MEMBERS.has(key)) return Reflect.get(Members.prototype, key, receiver);
    const data = dataOf(target);
    if (!(key in data)) return Reflect.get(target, key, receiver);
    // It may be changed in place.
    if (typeof data[key] === 'object') makeLenient(target, key);
    return data[key];
  },
  set(target, key, value) {
    if (MEMBERS.has(key)) throw memberError(String(key));
    makeLenient(target, key);
    return Reflect.set(dataOf(target), key, value);
  },
  has: (target, key) => MEMBERS.has(key) || key in dataOf(target),
  ownKeys: (target) => Reflect.ownKeys(dataOf(target)),
  getOwnPropertyDescriptor: (target, key) =>
    MEMBERS.has(key) ? undefined : Reflect.getOwnPropertyDescriptor(dataOf(target), key),
  defineProperty: (target, key, descriptor) =>
    !MEMBERS.has(key) && makeLenient(target, key) && Reflect.defineProperty(dataOf(target), key, descriptor),
  deleteProperty: (target, key) => !MEMBERS.has(key) && Reflect.deleteProperty(dataOf(target), key),
  preventExtensions: () => false,
  setPrototypeOf: () => false,
};

/** Makes {@link ExpressSession}s of one request's session: one, and another after every `regenerate()`. */
export class ExpressSessionView implements RequestView {
  readonly #session: ActiveSession;
  readonly #settings: CookieSettings;
  #shown: ExpressSession | null = null;

  constructor(session: ActiveSession, settings: CookieSettings) {
    this.#session = session;
    this.#settings = settings;
  }

  get shown(): ExpressSession {
    return (this.#shown ??= this.#show());
  }

  get id(): string {
    return idOf(this.#session);
  }

  #show(): ExpressSession {
    const session = this.#session;
    const target = Object.create(Members.prototype, {
      // What prints a proxy shows its target.
      [inspect.custom]: { configurable: true, value: () => dataOf(target) },
    }) as object;
    const view: Behind = {
      session,
      cookie: new SessionCookie(session, this.#settings),
      left: null,
      replace: () => {
        view.left = membersOf(session.data);
        this.#shown = null;
      },
    };
    const shown = new Proxy(target, HANDLER) as ExpressSession;
    behind.set(target, view);
    behind.set(shown, view);
    return shown;
  }
}

/** @param view the proxy or its target */
function viewOf(view: object): Behind {
  const found = behind.get(view);
  if (found === undefined) throw new SessionArgumentError('This method belongs to request.session: call it there.');
  return found;
}

function dataOf(target: object): Data {
  const { left, session } = viewOf(target);
  return left ?? session.data;
}

function makeLenient(target: object, key: PropertyKey): true {
  const { left, session } = viewOf(target);
  // connect-flash leaves an empty object in every session that it only asks for messages.
  if (left === null && typeof key === 'string') session.makeLenient(key, key === 'flash');
  return true;
}

function act(
  view: object,
  callback: SessionCallback | undefined,
  action: (session: ActiveSession) => Promise<void> | void,
): Promise<void> | void {
  const { session, left } = viewOf(view);
  return left === null ? action(session) : gone(session, callback);
}

/** What a view says that is connected with nothing any more. */
function gone(session: ActiveSession, callback: SessionCallback | undefined): Promise<void> | void {
  const error = new SessionGoneError(
    'This request.session was replaced by regenerate(). Use the one that is there now.',
  );
  if (typeof callback !== 'function') return session.watched(Promise.reject(error));
  process.nextTick(callback, error);
}

function idOf({ id, generation }: ActiveSession): string {
  return generation === null ? id : `${id}.${generation}`;
}

function memberError(key: string): SessionArgumentError {
  return new SessionArgumentError(
    `request.session.${key} is a member of the session, and cannot be assigned. ` +
      (key === 'cookie' ? 'Set its maxAge, or expires.' : 'Keep your value under another key.'),
  );
}
