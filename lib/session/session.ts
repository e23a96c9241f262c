import type { AuthSnapshot, Avatar } from './avatar.js';
import type { SessionCallback } from './callback.js';
import type { SessionId } from './token.js';
import type { FlashMessage } from './data/flash.js';
import type { Duration } from './lifetime.js';
import type { LiveSessionData, SessionKey, SessionPath, SessionValue } from './data/paths.js';

/** How long a session lives and its cookie stays, where it differs from the module's options. */
export interface LoginOptions {
  /** This session's idle timeout; the module's `idleTimeout` unless given. */
  readonly ttl?: Duration;
  /** Its absolute timeout, counted from the login; at least as long as `ttl` unless given, `false` for none. */
  readonly absolute?: Duration | false;
  /**
   * Whether its cookie outlives the browser ("remember me"), until the session's absolute end. The session keeps this until
   * the next login. `cookie.persistent` of the module unless given.
   */
  readonly persistent?: boolean;
}

/**
 * The session of one visitor, as a handler holds it. Changes are collected and stored before the response is sent;
 * methods that return a promise act at once. One that fails, and that nobody waits for, fails the request; but a `save()` or
 * `reload()` for which the store was not available does not: what there is to store is stored, or refused, at the end.
 */
export interface Session {
  /**
   * The public id, a UUID. Safe in logs, lists and links; it opens nothing. Kept across `regenerate()` and `login()`; a
   * session that begins after `destroy()` has another one.
   */
  readonly id: SessionId;

  /** Whether this session did not exist when the request came. */
  readonly isNew: boolean;
  /** Whether there is something that has not been stored yet. */
  readonly isModified: boolean;
  /** Whether the session was ended in this request, and nothing was written since. */
  readonly isDestroyed: boolean;
  /** Whether a user is signed in. */
  readonly isAuthenticated: boolean;

  readonly createdAt: Date;
  /** The access before this request's. */
  readonly lastAccessAt: Date;
  /**
   * When the session ends without another request: as stored, which this request is about to move forward; with a lifetime that
   * is yet to be stored, as counted from now.
   */
  readonly expiresAt: Date;
  /** The idle timeout in milliseconds. */
  readonly ttl: number;

  /** Whether the session's time is over, on the database's clock. A `ttl` of zero or less is over at once. */
  isExpired(): boolean;

  /**
   * The data itself. Change it in place, at any depth: what differs at the end is stored, key by key. Holds plain
   * objects, arrays, strings, finite numbers, booleans and null; anything else is refused when it is to be stored, with
   * a `SessionDataError` that names the path.
   */
  readonly data: LiveSessionData;

  /** What stands at a dotted path; `fallback` (`undefined` unless given) when there is nothing. */
  get<P extends SessionPath>(path: P): SessionValue<P> | undefined;
  get<P extends SessionPath>(path: P, fallback: NonNullable<SessionValue<P>>): NonNullable<SessionValue<P>>;
  /**
   * Writes at a dotted path, making the objects that lead there. Adds to an array at its end, and leaves no holes in it.
   *
   * An object that you set is part of the data from then on: what is written below it, or pushed to it, changes it in place. Of one that
   * others hold as well, such as a constant, set a copy (`structuredClone()`): it would carry what is one user's to the next.
   */
  set<P extends SessionPath>(path: P, value: SessionValue<P>): this;
  /** Whether something other than `undefined` stands at a dotted path. */
  has(path: SessionPath): boolean;
  /** Removes what stands at a dotted path (an array's item closes up) and returns whether there was anything. */
  delete(path: SessionPath): boolean;
  /** Reads and removes. Parallel requests may both read it: what must be taken once is read in `update()`. */
  pull<P extends SessionPath>(path: P): SessionValue<P> | undefined;
  pull<P extends SessionPath>(path: P, fallback: NonNullable<SessionValue<P>>): NonNullable<SessionValue<P>>;
  /**
   * Removes all data and flash messages that are there now; what a parallel request adds meanwhile stays. The session
   * itself goes on: to end it, call `destroy()`.
   */
  clear(): this;
  /** The top-level keys of the data. */
  keys(): string[];
  /** The data under its top-level keys, which are copied; it holds nothing secret. */
  toJSON(): Record<string, unknown>;

  /**
   * Adds to a number under a top-level key, counting from zero, and returns what it is here and now. The database does
   * the sum, so that parallel requests all count. It adds in double precision, as JavaScript does: past 2 ** 53, rounding
   * may swallow a small step, there as here; a step that it swallows here is sent all the same.
   */
  increment(key: SessionKey, by?: number): number;
  /**
   * Appends to an array under a top-level key and returns its length here and now. The database appends, so that
   * parallel requests all count.
   */
  push(key: SessionKey, ...items: unknown[]): number;

  /** Leaves a message for the next request that reads `flashes()`. Those of parallel requests all arrive. */
  flash(category: string, message: unknown): this;
  /** Takes out the messages, oldest first: all, or those of one category. Requests that do so in parallel may show one twice. */
  flashes(category?: string): FlashMessage[];

  /** The user who is signed in; `null` for none. */
  readonly userId: string | null;
  /** When the user signed in to this session; `null` without a user. */
  readonly authenticatedAt: Date | null;
  /** The snapshot given at login; `null` when there is none. */
  readonly auth: AuthSnapshot | null;
  /** The snapshot with methods to check roles and permissions; anonymous without a user. */
  readonly avatar: Avatar;

  /**
   * Gives this session an idle timeout of its own ("remember me"); zero or less ends it. Its absolute end moves to
   * `absolute` from its start (`false` for none), or at least as far as the ttl. Where that is later than the cookie's, and no cookie
   * reaches the client any more, storing it fails with a `SessionHeadersSentError`.
   *
   * @throws {SessionArgumentError} for what is no duration, and for other options.
   */
  setTtl(ttl: Duration, options?: { readonly absolute?: Duration | false }): this;
  /** Counts as an access now, even where the route does not renew sessions. */
  touch(): this;

  /**
   * Signs a user in, at once: the credential changes and the old one is dead (no session fixation), the absolute
   * timeout starts anew. An anonymous visitor's data stays; another user's is dropped first. Where the session ended or
   * was logged in elsewhere meanwhile, a new one begins, without the data of a user.
   *
   * @throws {SessionArgumentError} unless the user id is a string of 1 to 512 characters, and for options that there are not.
   * @throws {SessionDataError} for a snapshot that is not plain data.
   * @throws what a `logout()`, `destroy()` or `login()` of somebody else has failed by that was still under way at the call: as do
   *   all operations that were called for behind it, but for those that leave the session as well.
   */
  login(userId: string, auth?: AuthSnapshot, options?: LoginOptions): Promise<void>;
  /** Signs the user out: ends the session, as `destroy()` does. */
  logout(): Promise<void>;
  /**
   * Gives the session a new credential and keeps everything else. Requests under way with the old one still reach it
   * for ten seconds. Not an error: a parallel `regenerate()` was faster, or nothing is stored yet.
   *
   * @throws {SessionGoneError} when the session has ended meanwhile.
   */
  regenerate(): Promise<void>;
  /** The same for code that takes no promises: the callback is given the error, if there is one. Never throws. */
  regenerate(callback: SessionCallback): void;
  /**
   * Ends the session, at once: its row is deleted and its cookie removed. Later writes begin a new session in the same
   * response; but where another request has ended this one first, they are a `SessionGoneError`, as the client may have a newer cookie.
   * Not an error: there is nothing to end.
   */
  destroy(): Promise<void>;
  /** The same for code that takes no promises: the callback is given the error, if there is one. Never throws. */
  destroy(callback: SessionCallback): void;
  /**
   * Stores now what would be stored before the response. Not an error: there is nothing to store.
   *
   * @throws {SessionGoneError} when the session has ended meanwhile.
   * @throws {SessionDataError} when the data cannot be stored.
   * @throws {SessionStoreUnavailableError} when the database does not answer.
   */
  save(): Promise<void>;
  /** The same for code that takes no promises: the callback is given the error, if there is one. Never throws. */
  save(callback: SessionCallback): void;
  /**
   * Changes the data under the lock of the session's row, as it is in the database then: what parallel requests do to it
   * comes before or after, in whichever process they run. For what `increment()`, `push()` and keys of their own cannot
   * express, such as "only if there is one left". What is not stored yet is stored first. Objects that you have got from the
   * session say afterwards what is stored under their keys; an item of a list stays part of it as long as nobody has changed it.
   * An object of your own that you have put there is not changed: it stays part of the data if it says what is stored, and is replaced
   * otherwise.
   *
   * @param change is given the data and changes it in place. It must not be asynchronous: fetch what it needs before, so
   * that no other request waits for it with the lock held. An error it throws reaches the caller, and nothing is changed. It may be called
   * again, with the data as it is then, where nothing of the attempt before has lasted.
   * @returns what `change` returns. It is a copy where it is of the data: to go on changing that, get it from the session.
   * @throws {SessionGoneError} when the session has ended meanwhile.
   * @throws {SessionStoreUnavailableError} when the lock is not to be had within `queryTimeout`; and what a `save()` has failed by of whose
   *   additions nobody knows whether they are stored: they are not sent again.
   */
  update<Result>(change: (data: LiveSessionData) => Result): Promise<Result>;
  /**
   * Reads the session anew and drops what is not stored.
   *
   * @throws {SessionGoneError} when it has ended meanwhile, or is not opened any more by what the client came with: another request
   * has logged in, or has called `regenerate()` longer than `rotationGrace` ago.
   */
  reload(): Promise<void>;
  /** The same for code that takes no promises: the callback is given the error, if there is one. Never throws. */
  reload(callback: SessionCallback): void;
}
