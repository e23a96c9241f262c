import { setImmediate as turn } from 'node:timers/promises';
import type { AuthSnapshot, Avatar } from './avatar.js';
import { argumentsOf } from './arguments.js';
import type { SessionCallback } from './callback.js';
import type { DataChanges } from './data/changes.js';
import { assertChange } from './data/draft.js';
import type { FlashMessage } from './data/flash.js';
import type { LiveSessionData } from './data/paths.js';
import type { TrackedData } from './data/tracked-data.js';
import { Lifecycle } from './lifecycle.js';
import { absoluteOf, type Duration, durationOf, expiryOf, type LifetimeChange, ownLifetime } from './lifetime.js';
import { begun, OneAtATime } from './one-at-a-time.js';
import { Unsettled } from './operation.js';
import { sealedSession } from './sealed-session.js';
import type { LoginOptions, Session } from './session.js';
import type { CookieChange } from './cookie-intent.js';
import { type FoundSession, NO_VISITOR, type SessionEnvironment, type Visitor } from './session-environment.js';
import { signingIn } from './signing-in.js';
import type { SessionId } from './token.js';
import { SessionDataError, SessionGoneError } from '../session.errors.js';
import type { SessionStore } from '../session-store.js';
import type { StoredSession } from './stored-session.js';
import type { Written } from './written.js';

/** How often what was called is waited for, and what has followed on it meanwhile: who saves without end keeps no guard waiting. */
const MOST_ROUNDS = 10;

/**
 * The one implementation of {@link Session}, with what a context needs besides. Reads and writes happen at once; operations
 * that need the store are queued. What is written after the call of an operation that ends the session, or gives it to
 * another user, belongs to what comes after it, whether or not the operation is awaited.
 */
export class ActiveSession implements Session {
  readonly #env: SessionEnvironment;
  readonly #lifecycle: Lifecycle;
  /** How many sessions this process had ended when this one was read. */
  readonly #endings: number;
  #queue: OneAtATime | null = null;
  #unsettled: Unsettled | null = null;
  #sealed: Session | null = null;
  /** How many operations have been called, and of how many the last {@link settle} knows; `null` as long as it waits for all. */
  #calls = 0;
  #settledCalls: number | null = null;
  /** Whether it is yet to take what it stores; and the lifetime that it has taken. */
  #isToTake = false;
  #taken: LifetimeChange | null = null;
  /** Whether no request is there that will end with {@link settle}. */
  isOnItsOwn: boolean;
  /** Called whenever the data or the lifetime is used, once nothing stores them by itself any more. */
  onUse: (() => void) | null = null;

  /** @param absent the ids that the client came with, and of which there is no session */
  constructor(env: SessionEnvironment, visitor: Visitor, found: FoundSession | null, absent?: readonly SessionId[]) {
    this.#env = env;
    this.#endings = env.endings.count;
    this.isOnItsOwn = visitor === NO_VISITOR;
    this.#lifecycle = new Lifecycle(env, visitor, found, absent);
  }

  /** What applications are given of it. */
  get sealed(): Session {
    return (this.#sealed ??= sealedSession(this));
  }

  /** Of which login the session is: another number after each, and after starting over; `null` before the first, whatever the store begins with. */
  get generation(): number | null {
    const { stored } = this.#lifecycle;
    return stored === null || stored.authenticatedAt === null ? null : stored.generation;
  }

  get id(): SessionId {
    return this.#lifecycle.id;
  }

  get isNew(): boolean {
    return this.#lifecycle.isNew;
  }

  /** Whether the client is about to get a newer cookie than the one it came with, from another request. */
  get isOvertaken(): boolean {
    return this.#lifecycle.cookie.isOvertaken;
  }

  get isModified(): boolean {
    return this.#lifecycle.hasNewLifetime || this.#data.isChanged;
  }

  /** When it was read, in milliseconds of the store's clock; `null` where it is not stored. */
  get readAt(): number | null {
    return this.#lifecycle.stored?.readAt ?? null;
  }

  /** Whether it is live in the store, of the same login, and open to what the client has; and not about to end by {@link setTtl}. */
  async isStillOpen(store: SessionStore): Promise<boolean> {
    let found: StoredSession | null;
    let calls: number;
    do {
      // An operation of its own may give it another login, or another credential, which is no end.
      await this.#queue?.idle();
      calls = this.#calls;
      found = await this.#lifecycle.findAgain(store);
    } while (found === null && calls !== this.#calls);
    return found !== null && (this.#lifecycle.written.lifetime === null || !this.#isOver(found));
  }

  /** Whether this process has ended any session since this one was read: it may have been this one. */
  get mayHaveEnded(): boolean {
    return this.#env.endings.count !== this.#endings;
  }

  /** Whether an operation has found that it has ended, or is of another login. */
  get isGone(): boolean {
    return this.#lifecycle.state === 'gone';
  }

  /**
   * Settles when all operations that were called are done, and those that follow on them; rejects where one has failed that nobody
   * waits for, and by which the end of the request is to fail. `null`: none is under way, and none has failed so.
   */
  called(): Promise<void> | null {
    if (!this.#isBusy && (this.#unsettled === null || this.#unsettled.isEmpty)) return null;
    return this.#assertCalled();
  }

  async #assertCalled(): Promise<void> {
    for (let round = 0; this.#isBusy && round < MOST_ROUNDS; round++) {
      await this.#queue?.idle();
      // By then what goes on from there has called the next: Passport saves a session, and then ends it.
      await turn();
    }
    await this.#unsettled?.assertSeen();
  }

  /** Whether something is not stored that could be. Is no use. */
  get isUnsaved(): boolean {
    const { state, stored, written } = this.#lifecycle;
    return state !== 'gone' && written.isUnsaved(stored !== null);
  }

  /** Whether something is to be stored that came too late for the last {@link settle}. Is no use. */
  get owesMore(): boolean {
    if (this.#settledCalls === null) return false;
    if (this.#settledCalls !== this.#calls) return true;
    const { document, lifetime } = this.#lifecycle.written;
    return !this.#isToTake && (document.isChanged || (lifetime !== null && lifetime !== this.#taken));
  }

  /** What is written, without the session around it. Is no use. */
  get written(): Written {
    return this.#lifecycle.written;
  }

  get isDestroyed(): boolean {
    const { state, stored } = this.#lifecycle;
    return (state === 'ended' || (state === 'gone' && stored === null)) && !this.isModified;
  }

  get isAuthenticated(): boolean {
    return this.userId !== null;
  }

  get createdAt(): Date {
    return new Date(this.#lifecycle.stored?.createdAt ?? this.#lifecycle.bornAt);
  }

  get lastAccessAt(): Date {
    return new Date(this.#lifecycle.stored?.lastAccessAt ?? this.#lifecycle.bornAt);
  }

  get expiresAt(): Date {
    return new Date(this.#expiryOf(this.#lifecycle.stored));
  }

  get ttl(): number {
    return this.#ttlOf(this.#lifecycle.stored);
  }

  isExpired(): boolean {
    return this.#isOver(this.#lifecycle.stored);
  }

  /** The store's clock, in milliseconds since the epoch. */
  now(): number {
    return this.#env.store.now();
  }

  /** Has a top-level key of the data stored leniently: see {@link TrackedData.makeLenient}. */
  makeLenient(key: string, isOptional: boolean): void {
    this.#data.makeLenient(key, isOptional);
  }

  get data(): LiveSessionData {
    return this.#data.data;
  }

  // The typed signatures are the interface's; here a path is a string and a value is whatever stands there.
  // oxlint-disable-next-line typescript/no-explicit-any
  get(path: string, fallback?: unknown): any {
    const value = this.#data.get(path);
    return fallback === undefined ? value : (value ?? fallback);
  }

  set(path: string, value: unknown): this {
    this.#data.set(path, value);
    return this;
  }

  has(path: string): boolean {
    return this.#data.has(path);
  }

  delete(path: string): boolean {
    return this.#data.delete(path);
  }

  // oxlint-disable-next-line typescript/no-explicit-any
  pull(path: string, fallback?: unknown): any {
    const value = this.get(path, fallback);
    this.delete(path);
    return value;
  }

  clear(): this {
    this.#data.clear();
    return this;
  }

  keys(): string[] {
    return this.#data.keys();
  }

  toJSON(): Record<string, unknown> {
    return { ...this.#data.data };
  }

  increment(key: string, by = 1): number {
    return this.#data.increment(key, by);
  }

  push(key: string, ...items: unknown[]): number {
    return this.#data.push(key, items);
  }

  flash(category: string, message: unknown): this {
    this.#data.flash(category, message);
    return this;
  }

  flashes(category?: string): FlashMessage[] {
    return this.#data.flashes(category);
  }

  get userId(): string | null {
    return this.#lifecycle.userId;
  }

  get authenticatedAt(): Date | null {
    const { stored } = this.#lifecycle;
    return stored === null || stored.userId === null || stored.authenticatedAt === null
      ? null
      : new Date(stored.authenticatedAt);
  }

  get auth(): AuthSnapshot | null {
    return this.#lifecycle.identity.auth;
  }

  get avatar(): Avatar {
    return this.#lifecycle.identity.avatar;
  }

  setTtl(ttl: Duration, options: { readonly absolute?: Duration | false } = {}): this {
    const { absolute } = argumentsOf('setTtl', options, ['absolute']);
    const change = { ttl: durationOf('ttl', ttl), absolute: absoluteOf(absolute) };
    this.onUse?.();
    this.#lifecycle.written.lifetime = change;
    return this;
  }

  touch(): this {
    this.#lifecycle.touch();
    return this;
  }

  login(userId: string, auth?: AuthSnapshot, options: LoginOptions = {}): Promise<void> {
    return this.watched(begun(() => this.#login(userId, auth, options)));
  }

  #login(userId: string, auth: AuthSnapshot | undefined, options: LoginOptions): Promise<void> {
    const { ttl, absolute, persistent } = argumentsOf('login', options, ['ttl', 'absolute', 'persistent']);
    const user = signingIn(userId, auth, persistent);
    const change = ownLifetime({ ttl, absolute }, this.#env.lifetime.ttl);
    const { userAfter: userBefore = this.userId } = this.#lifecycle.written;
    const leave = userBefore !== null && userBefore !== userId ? this.#lifecycle.leave() : null;
    const { written } = this.#lifecycle;
    written.userAfter = userId;
    // When it is its turn: an operation before it may store the lifetime that is set now.
    const login = (): Promise<void> =>
      this.#lifecycle.login(user, change ?? (leave?.before ?? written).lifetime, written, leave);
    const loggingIn = this.#operations.run(() => written.during(login));
    const failed = (): void => {
      if (written.userAfter === userId) written.userAfter = undefined;
    };
    loggingIn.catch(failed);
    return loggingIn;
  }

  logout(): Promise<void> {
    const leave = this.#lifecycle.leave();
    return this.watched(this.#operations.run(() => this.#lifecycle.end(leave, 'logout')));
  }

  regenerate(): Promise<void>;
  regenerate(callback: SessionCallback): void;
  regenerate(callback?: SessionCallback): Promise<void> | void {
    const { written } = this.#lifecycle;
    return this.#runFor(callback, () => written.during(() => this.#lifecycle.rotate(written)));
  }

  /**
   * What `regenerate()` means to express-session: a new credential, no data, no user, and the lifetime that the options
   * give. The old credential is dead at once, as after a login. If nothing is written until the response, the session ends.
   */
  restart(): Promise<void>;
  restart(callback?: SessionCallback): Promise<void> | void;
  restart(callback?: SessionCallback): Promise<void> | void {
    const leave = this.#lifecycle.leave();
    return this.#runFor(callback, () => this.#lifecycle.login(null, null, leave.since, leave));
  }

  destroy(): Promise<void>;
  destroy(callback: SessionCallback): void;
  destroy(callback?: SessionCallback): Promise<void> | void {
    const leave = this.#lifecycle.leave();
    return this.#runFor(callback, () => this.#lifecycle.end(leave));
  }

  save(): Promise<void>;
  save(callback: SessionCallback): void;
  save(callback?: SessionCallback): Promise<void> | void {
    const { written } = this.#lifecycle;
    const { doubt } = written;
    // Additions are sent again for who knows of the doubt.
    const known = this.#unsettled?.isUnseen(doubt) === true ? null : doubt;
    const save = (): Promise<void> => written.during(() => this.#lifecycle.commit(written, undefined, known));
    return this.#runFor(callback, save, isRefusal);
  }

  update<Result>(change: (data: LiveSessionData) => Result): Promise<Result> {
    const update = (): Promise<Result> => {
      assertChange(change);
      const { written } = this.#lifecycle;
      return this.#operations.run(() => written.during(() => this.#lifecycle.update(change, written)));
    };
    return this.watched(begun(update));
  }

  reload(): Promise<void>;
  reload(callback: SessionCallback): void;
  reload(callback?: SessionCallback): Promise<void> | void {
    const { written } = this.#lifecycle;
    const texts = written.document.texts();
    const { lifetime } = written;
    const reload = (): Promise<void> => written.during(() => this.#lifecycle.reload(written, texts, lifetime));
    // A request that only reads is answered, though its session is gone.
    const counts = (error: unknown): boolean => isRefusal(error) && this.#lifecycle.written.isUnsaved(true);
    return this.#runFor(callback, reload, counts);
  }

  /** Whether what the request does counts as an access; `touch()` always does. */
  get renews(): boolean {
    return this.#lifecycle.renews;
  }

  set renews(value: boolean) {
    this.#lifecycle.renews = value;
  }

  /** Whether more than half of its idle timeout is over: a handler may take longer than what is left. */
  get mayExpireSoon(): boolean {
    const { stored } = this.#lifecycle;
    return stored !== null && stored.expiresAt - this.now() < stored.ttl / 2;
  }

  /** Moves the expiry forward by this access, once a request. */
  renew(): void {
    this.#lifecycle.renew();
  }

  /** What the response has to do to the client's cookie, as of now. No property of the session, which may be printed with all of them. */
  static cookieChangeOf(session: ActiveSession): CookieChange | null {
    return session.#lifecycle.cookie.change;
  }

  /**
   * The end of a request: commits as `save()` does, but for data that was refused before, which is dropped; or drops all
   * that is not stored, where the response reports a failure. Waits for what is under way, and stores nothing but fails where
   * an operation has failed that nobody else waits for. `null`: nothing to wait for.
   *
   * @param isAnswered whether the handler has answered already, so that it is too late to wait
   */
  settle(commits: boolean, isAnswered = false): Promise<void> | null {
    this.#settledCalls = null;
    try {
      if (!commits) {
        this.forgetUnseen();
        return this.#discardPending();
      }
      const unseen = this.unseenFailures(isAnswered);
      if (unseen === null) return this.#commitPending(isAnswered);
      return unseen.then(async () => {
        const committing = this.#commitPending(isAnswered);
        if (committing !== null) await committing;
        else if (isAnswered) this.#lifecycle.answered();
        this.#unsettled?.throwUnseen();
      });
    } catch (error) {
      // Whoever ends a request has nobody to catch it.
      return Promise.reject(error as Error);
    }
  }

  /** Waits for what is under way; rejects, and drops all that is not stored, where nobody else waits for what fails. */
  protected unseenFailures(isAnswered: boolean): Promise<void> | null {
    if (this.#unsettled === null || this.#unsettled.isEmpty) return null;
    return this.#unsettled.settled(isAnswered).catch((error: unknown) => {
      this.discard();
      throw error;
    });
  }

  /** The response reports a failure already. */
  protected forgetUnseen(): void {
    this.#unsettled?.clear();
  }

  /**
   * Has the end of the request wait for an operation, and fail where it fails and nobody else waits for it.
   *
   * @param counts whether it is to fail by that; by default by anything
   */
  watched<Result>(outcome: Promise<Result>, counts?: (error: unknown) => boolean): Promise<Result> {
    this.#unsettled ??= new Unsettled((error) => {
      if (this.isOnItsOwn) this.#env.notAwaited(error);
      return this.isOnItsOwn;
    });
    this.#calls += 1;
    return this.#unsettled.add(outcome, counts);
  }

  #runFor(
    callback: SessionCallback | undefined,
    operation: () => Promise<void>,
    counts?: (error: unknown) => boolean,
  ): Promise<void> | void {
    if (typeof callback === 'function') {
      this.#calls += 1;
      return this.#operations.runFor(callback, operation);
    }
    return this.watched(this.#operations.run(operation), counts);
  }

  /** The data is compared once, here. What is queued behind it begins when the answer is as good as sent, where there is one. */
  #commitPending(isAnswered: boolean): Promise<void> | null {
    const { written } = this.#lifecycle;
    // What is written behind what is under way may be another user's by then.
    if (this.#isBusy) return this.#runLast(() => this.#commitLast(written.current), isAnswered);
    const data = this.#lifecycle.storableChanges();
    if (data === null && !this.#lifecycle.owesMoreThanData) {
      this.#take(written);
      this.#settledCalls = this.#calls;
      return null;
    }
    return this.#runLast(() => this.#commitLast(written, data), isAnswered);
  }

  #commitLast(written: Written, data?: DataChanges | null): Promise<void> {
    this.#take(written);
    return this.#lifecycle.commitLast(written, data);
  }

  #take({ lifetime }: Written): void {
    this.#isToTake = false;
    this.#taken = lifetime;
  }

  #runLast(commit: () => Promise<void>, isAnswered: boolean): Promise<void> {
    this.#isToTake = true;
    this.#settledCalls = this.#calls;
    return this.#operations.run(isAnswered ? () => commit().then(() => this.#lifecycle.answered()) : commit);
  }

  #discardPending(): Promise<void> | null {
    if (!this.#isBusy && !this.#lifecycle.isBlank && !this.#lifecycle.owesAnswer) {
      this.discard();
      return null;
    }
    const { written } = this.#lifecycle;
    return this.#operations.run(async () => {
      const { current } = written;
      current.discard();
      await this.#lifecycle.endIfBlank(current);
      await this.#lifecycle.payAnswer();
    });
  }

  /** Drops what has not been stored, and a cookie that is not known to be the newest. */
  discard(): void {
    this.#lifecycle.written.discard();
    this.#lifecycle.cookie.leaveUnconfirmed();
  }

  /** By what is stored, and what is to be. */
  #isOver(stored: StoredSession | null): boolean {
    return this.#ttlOf(stored) <= 0 || this.now() >= this.#expiryOf(stored);
  }

  #ttlOf(stored: StoredSession | null): number {
    return this.#lifecycle.written.lifetime?.ttl ?? stored?.ttl ?? this.#env.lifetime.ttl;
  }

  #expiryOf(stored: StoredSession | null): number {
    const change = this.#lifecycle.written.lifetime;
    if (stored !== null && change === null) return stored.expiresAt;
    const { ttl, absolute } = this.#lifecycle.lifetimeAfter(change, stored);
    const start = stored?.authenticatedAt ?? stored?.createdAt ?? this.#lifecycle.bornAt;
    // A new lifetime counts from when it is stored, whether or not that is an access.
    return expiryOf(stored === null ? start : this.now(), ttl, absolute === null ? null : start + absolute);
  }

  get #data(): TrackedData {
    this.onUse?.();
    return this.#lifecycle.written.document;
  }

  get #isBusy(): boolean {
    return this.#queue !== null && this.#queue.isBusy;
  }

  get #operations(): OneAtATime {
    return (this.#queue ??= new OneAtATime(() => {
      this.#lifecycle.written.userAfter = undefined;
    }));
  }
}

/** What the end of the request will not try again: what is refused is dropped then, and so is what was written to a session that is gone. */
function isRefusal(error: unknown): boolean {
  return error instanceof SessionDataError || error instanceof SessionGoneError;
}
