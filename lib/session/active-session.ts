import { SessionArgumentError, SessionDataError, SessionGoneError } from '../session.errors.js';
import { type AuthSnapshot, Avatar } from './avatar.js';
import { type SessionCallback, tell } from './callback.js';
import { NO_CHANGES } from './data/changes.js';
import { textOf } from './data/merge.js';
import { createSessionId, type Credential, issueCredential, type SessionId } from './token.js';
import type { FlashMessage } from './data/flash.js';
import { type Draft, draftOf } from './data/draft.js';
import { encodeJson, isPlainObject, kindOf } from './data/json.js';
import {
  absoluteOf,
  changedLifetime,
  type Duration,
  durationOf,
  expiryOf,
  type Lifetime,
  type LifetimeChange,
} from './lifetime.js';
import type { LiveSessionData } from './data/paths.js';
import type { Login } from './persistence.js';
import type { LoginOptions, Session } from './session.js';
import { sealedSession } from './sealed-session.js';
import { TrackedData } from './data/tracked-data.js';
import type { CookieChange, FoundSession, SessionEnvironment, Visitor } from './session-environment.js';
import type { StoredSession } from './stored-session.js';

/** What the application has in hand of a session and has written to it, as far as it is not stored. */
interface Written {
  readonly document: TrackedData;
  lifetime: LifetimeChange | null;
}

/** Where a session is left for what comes after it, which is another's or nobody's. */
interface Leave {
  /** What was written before. */
  readonly before: Written;
  /** What is written since. */
  readonly since: Written;
}

/** The one implementation of {@link Session}, with what the request's side of the library needs besides. */
export class ActiveSession implements Session {
  /** Whether what the request does counts as an access; `touch()` always does. */
  renews: boolean;

  readonly #env: SessionEnvironment;
  readonly #visitor: Visitor;
  /** Another one from the moment on that the session is to be ended, or given to another user: see {@link #leave}. */
  #written: Written;
  /** Who will be signed in when all that is under way has been done; `undefined`: who is now. */
  #userAfter: string | null | undefined = undefined;
  #stored: StoredSession | null = null;
  #credential: Credential | null = null;
  #isNew = true;
  /** Whether the visitor's browser holds the cookie of {@link #stored}. */
  #browserKnows = false;
  /** Whether it holds the cookie of a session that was ended in this request. */
  #browserKnewOne = false;
  /** What the browser came with: the secret that is the previous one however often it is replaced in this request. */
  readonly #broughtHash: Buffer | null = null;
  /** Came with the previous secret: never sets a cookie of its own accord. */
  #superseded = false;
  /** May not begin a session: a newer cookie is on its way to the browser, or there already. */
  #outsider = false;
  #goneReported = false;
  #ended = false;
  #renewed = false;
  /** Whether it started over in this request, and is not worth a row unless something comes. */
  #isBlank = false;
  #newId: SessionId | null = null;
  #bornAt: number | null = null;
  #cookieChange: CookieChange | null = null;
  #avatar: Avatar | null = null;
  #sealed: Session | null = null;
  #auth: AuthSnapshot | null | undefined = undefined;
  /** What is under way, and settles without an error. */
  #busy: Promise<void> | null = null;

  constructor(env: SessionEnvironment, visitor: Visitor, found: FoundSession | null) {
    this.#env = env;
    this.#visitor = visitor;
    this.renews = found === null || found.credential !== null;
    if (found?.recognition === 'current' || found?.recognition === 'previous') {
      this.#stored = found.stored;
      this.#credential = found.credential;
      this.#isNew = false;
      this.#browserKnows = found.credential !== null;
      this.#broughtHash = found.credential?.secretHash ?? null;
      this.#superseded = found.recognition === 'previous';
    } else {
      this.#outsider = found?.recognition === 'outsider';
    }
    const document = new TrackedData(this.#stored, (error) => this.#env.unreadable(this.id, 'data', error));
    this.#written = { document, lifetime: null };
  }

  /** What applications are given of it. */
  get sealed(): Session {
    return (this.#sealed ??= sealedSession(this));
  }

  /** Raised by every login, and by starting over; 0 before the first. */
  get generation(): number {
    return this.#stored?.generation ?? 0;
  }

  get id(): SessionId {
    return this.#stored?.id ?? (this.#newId ??= createSessionId());
  }

  get isNew(): boolean {
    return this.#isNew;
  }

  get isModified(): boolean {
    if (this.#stored !== null && this.#written.lifetime !== null) return true;
    return this.#document.isChanged;
  }

  get isDestroyed(): boolean {
    return this.#ended && this.#stored === null && !this.isModified;
  }

  get isAuthenticated(): boolean {
    return this.userId !== null;
  }

  get createdAt(): Date {
    return new Date(this.#stored?.createdAt ?? this.#birth);
  }

  get lastAccessAt(): Date {
    return new Date(this.#stored?.lastAccessAt ?? this.#birth);
  }

  get expiresAt(): Date {
    const stored = this.#stored;
    const change = this.#written.lifetime;
    if (stored !== null && change === null) return new Date(stored.expiresAt);
    const start = stored?.authenticatedAt ?? stored?.createdAt ?? this.#birth;
    const lifetime = this.#lifetimeAfter(change);
    const endsAt = lifetime.absolute === null ? null : start + lifetime.absolute;
    return new Date(expiryOf(stored?.lastAccessAt ?? this.#birth, lifetime.ttl, endsAt));
  }

  get ttl(): number {
    return this.#written.lifetime?.ttl ?? this.#stored?.ttl ?? this.#env.lifetime.ttl;
  }

  isExpired(): boolean {
    return this.ttl <= 0 || this.#env.persistence.now() >= this.expiresAt.getTime();
  }

  /** The store's clock, in milliseconds since the epoch. */
  now(): number {
    return this.#env.persistence.now();
  }

  /** Has a top-level key of the data stored leniently: see the document. */
  makeLenient(key: string, isOptional: boolean): void {
    this.#document.makeLenient(key, isOptional);
  }

  get data(): LiveSessionData {
    return this.#document.data;
  }

  // The typed signatures are the interface's; here a path is a string and a value is whatever stands there.
  // oxlint-disable-next-line typescript/no-explicit-any
  get(path: string, fallback?: unknown): any {
    const value = this.#document.get(path);
    return fallback === undefined ? value : (value ?? fallback);
  }

  set(path: string, value: unknown): this {
    this.#document.set(path, value);
    return this;
  }

  has(path: string): boolean {
    return this.#document.has(path);
  }

  delete(path: string): boolean {
    return this.#document.delete(path);
  }

  // oxlint-disable-next-line typescript/no-explicit-any
  pull(path: string, fallback?: unknown): any {
    const value = this.get(path, fallback);
    this.delete(path);
    return value;
  }

  clear(): this {
    this.#document.clear();
    return this;
  }

  keys(): string[] {
    return this.#document.keys();
  }

  toJSON(): Record<string, unknown> {
    return { ...this.#document.data };
  }

  increment(key: string, by = 1): number {
    return this.#document.increment(key, by);
  }

  push(key: string, ...items: unknown[]): number {
    return this.#document.push(key, items);
  }

  flash(category: string, message: unknown): this {
    this.#document.flash(category, message);
    return this;
  }

  flashes(category?: string): FlashMessage[] {
    return this.#document.flashes(category);
  }

  get userId(): string | null {
    return this.#stored?.userId ?? null;
  }

  get authenticatedAt(): Date | null {
    const { userId = null, authenticatedAt = null } = this.#stored ?? {};
    return userId === null || authenticatedAt === null ? null : new Date(authenticatedAt);
  }

  get auth(): AuthSnapshot | null {
    if (this.#auth === undefined) this.#auth = this.#readAuth();
    return this.#auth;
  }

  get avatar(): Avatar {
    return (this.#avatar ??= new Avatar(this.userId, this.auth));
  }

  setTtl(ttl: Duration, options: { readonly absolute?: Duration | false } = {}): this {
    this.#written.lifetime = { ttl: durationOf('ttl', ttl), absolute: absoluteOf(options.absolute) };
    return this;
  }

  touch(): this {
    if (this.#stored === null || this.#goneReported) return this;
    const lastAccessAt = this.#env.persistence.now();
    const { ttl, endsAt, expiresAt } = this.#stored;
    this.#renewed = true;
    this.#env.renew(this.#stored);
    this.#stored = {
      ...this.#stored,
      lastAccessAt,
      expiresAt: Math.max(expiresAt, expiryOf(lastAccessAt, ttl, endsAt)),
    };
    return this;
  }

  async login(userId: string, auth?: AuthSnapshot, options: LoginOptions = {}): Promise<void> {
    if (typeof userId !== 'string' || userId === '') {
      const found = userId === '' ? 'an empty one' : kindOf(userId);
      throw new SessionArgumentError(`login() needs the user's id as a non-empty string, but got ${found}.`);
    }
    encodeJson(userId, 'userId');
    if (auth !== undefined && !isPlainObject(auth)) {
      throw new SessionDataError('auth', `login() takes a plain object as snapshot of the user, not ${kindOf(auth)}.`);
    }
    const snapshot = auth === undefined ? null : encodeJson(auth, 'auth');
    const change: LifetimeChange | null =
      options.ttl === undefined && options.absolute === undefined
        ? null
        : {
            ttl: options.ttl === undefined ? this.#env.lifetime.ttl : durationOf('ttl', options.ttl),
            absolute: absoluteOf(options.absolute),
          };
    const user = this.#userAfter === undefined ? this.userId : this.#userAfter;
    const leave = user !== null && user !== userId ? this.#leave() : null;
    this.#userAfter = userId;
    const written = this.#written;
    const lifetime = (): LifetimeChange | null => change ?? (leave?.before ?? written).lifetime;
    await this.#exclusively(() => this.#noting(written, this.#login(userId, snapshot, lifetime(), written, leave)));
  }

  async logout(): Promise<void> {
    const leave = this.#leave();
    await this.#exclusively(async () => {
      const { id, userId } = this;
      if ((await this.#destroy(leave)) && userId !== null) this.#env.emit('logout', id, userId);
    });
  }

  regenerate(): Promise<void>;
  regenerate(callback: SessionCallback): void;
  regenerate(callback?: SessionCallback): Promise<void> | void {
    const written = this.#written;
    return this.#called(() => this.#regenerate(written), callback);
  }

  /**
   * What `regenerate()` means to express-session: a new credential, no data, nobody signed in, and the lifetime that the
   * options give. The old credential is dead at once, as after a login. If nothing comes until the response, the session ends.
   */
  restart(): Promise<void>;
  restart(callback?: SessionCallback): Promise<void> | void;
  restart(callback?: SessionCallback): Promise<void> | void {
    const leave = this.#leave();
    return this.#called(() => this.#login(null, null, null, leave.since, leave), callback);
  }

  destroy(): Promise<void>;
  destroy(callback: SessionCallback): void;
  destroy(callback?: SessionCallback): Promise<void> | void {
    const leave = this.#leave();
    return this.#called(async () => void (await this.#destroy(leave)), callback);
  }

  save(): Promise<void>;
  save(callback: SessionCallback): void;
  save(callback?: SessionCallback): Promise<void> | void {
    const written = this.#written;
    return this.#called(() => this.#noting(written, this.#commit(written)), callback);
  }

  async update<Result>(change: (data: LiveSessionData) => Result): Promise<Result> {
    const written = this.#written;
    return this.#exclusively(() => this.#noting(written, this.#update(change, written)));
  }

  reload(): Promise<void>;
  reload(callback: SessionCallback): void;
  reload(callback?: SessionCallback): Promise<void> | void {
    const written = this.#written;
    const texts = written.document.texts();
    const { lifetime } = written;
    return this.#called(() => this.#reload(written, texts, lifetime), callback);
  }

  /** Whether {@link commitPending} has anything to do. */
  get isPending(): boolean {
    return this.#busy !== null || this.#isBlank || this.#wantsRow || (this.isModified && !this.#goneReported);
  }

  /**
   * The commit at the end of a request: as `save()`, but what was refused once is not refused again. Of data, what the
   * application knows not to be storable is dropped, and the rest is stored.
   */
  commitPending(): Promise<void> {
    return this.#exclusively(async () => {
      const written = this.#written;
      while (!this.#goneReported) {
        try {
          await this.#commit(written);
          break;
        } catch (error) {
          if (!(error instanceof SessionDataError) || !written.document.dropRefused(error.path)) throw error;
        }
      }
      if (this.#isBlank) await this.#endIfBlank();
    });
  }

  /** The same where the response is to report a failure: what is under way comes to its end, the rest is dropped. */
  discardPending(): Promise<void> {
    return this.#exclusively(async () => {
      this.discard();
      if (this.#isBlank) await this.#endIfBlank();
    });
  }

  /** Drops what has not been stored. */
  discard(): void {
    this.#document.discard();
    this.#written.lifetime = null;
  }

  /** Has the expiry moved forward by this access, once a request. */
  renew(): void {
    if (!this.renews || this.#renewed || this.#stored === null || this.#goneReported) return;
    this.#renewed = true;
    this.#env.renew(this.#stored);
  }

  /** What has to happen to the visitor's cookie, as of now. */
  get cookieChange(): CookieChange | null {
    return this.#cookieChange;
  }

  get #document(): TrackedData {
    return this.#written.document;
  }

  get #birth(): number {
    return (this.#bornAt ??= this.#env.persistence.now());
  }

  get #wantsRow(): boolean {
    if (!this.#env.saveUninitialized || this.#visitor.takesNoCookies) return false;
    return this.#stored === null && !this.#ended && !this.#outsider;
  }

  /** What is written from now on belongs to what comes after this session, or after its user, whether or not that is awaited. */
  #leave(): Leave {
    const before = this.#written;
    const since: Written = { document: before.document.successor(), lifetime: null };
    this.#written = since;
    this.#userAfter = null;
    return { before, since };
  }

  /** The session could not be left: what has been written since is written to it. */
  #stay({ before, since }: Leave): void {
    // Unless it has been left again meanwhile.
    if (this.#written !== since) return;
    before.document.resume(since.document);
    this.#written = { document: before.document, lifetime: since.lifetime ?? before.lifetime };
  }

  /** Remembers, of an operation that fails, what of the data the application was told not to be storable. */
  async #noting<Result>({ document }: Written, operation: Promise<Result>): Promise<Result> {
    try {
      return await operation;
    } catch (error) {
      if (error instanceof SessionDataError) document.noteRefusal();
      throw error;
    }
  }

  async #commit(written: Written): Promise<void> {
    const stored = this.#stored;
    const { document, lifetime } = written;
    if (stored === null) return this.#begin(null, null, lifetime, written);
    const data = document.changes();
    if (data === null && lifetime === null) return;
    if (this.#goneReported) throw new SessionGoneError();
    const takeBack = data === null ? null : document.sent(data);
    let times;
    try {
      times = await this.#env.persistence.commit(stored.id, stored.generation, {
        data,
        lifetime,
        renew: this.renews,
      });
    } catch (error) {
      takeBack?.();
      throw error;
    }
    if (times === null) throw this.#gone(written);
    // One that came while the store was at work is still to be sent.
    if (written.lifetime === lifetime) written.lifetime = null;
    if (data !== null) this.#isBlank = false;
    this.#stored = { ...stored, ...times };
    this.#renewed ||= this.renews;
    if (lifetime !== null && !this.#superseded && this.#browserKnows) this.#issueCookie();
  }

  /** Stores the session for the first time, if there is anything to store. */
  async #begin(
    userId: string | null,
    auth: string | null,
    change: LifetimeChange | null,
    written: Written,
    taken = written.lifetime,
  ): Promise<void> {
    const data = written.document.changes();
    if (userId === null) {
      if (data === null && !this.#wantsRow) return;
      if (this.#outsider || this.#goneReported) throw this.#gone(written);
    }
    this.#visitor.assertReachable();
    const { trackDevice } = this.#env;
    const credential = issueCredential(this.id);
    const takeBack = data === null ? null : written.document.sent(data);
    try {
      this.#stored = await this.#env.persistence.create({
        id: credential.id,
        secretHash: credential.secretHash,
        userId,
        auth,
        data: textOf(data ?? NO_CHANGES),
        lifetime: this.#lifetimeAfter(change),
        ip: trackDevice ? this.#visitor.ip : null,
        userAgent: trackDevice ? this.#visitor.userAgent : null,
      });
    } catch (error) {
      takeBack?.();
      // Nobody knows whether the row is there; another attempt must not meet it.
      this.#newId = null;
      throw error;
    }
    this.#browserKnows = false;
    this.#begun(credential, written, taken);
    this.#env.emit('created', this.id, userId);
  }

  /**
   * @param userId `null` to start over with nobody signed in
   * @param leave where nothing is to be seen any more of what was written before
   */
  async #login(
    userId: string | null,
    auth: string | null,
    change: LifetimeChange | null,
    written: Written,
    leave: Leave | null,
  ): Promise<void> {
    const stored = this.#stored;
    const { document } = written;
    const taken = leave === null ? written.lifetime : null;
    if (stored !== null && !this.#goneReported) {
      this.#assertOwnCookie(userId === null ? 'regenerate' : 'login');
      const flush = leave !== null || (stored.userId !== null && stored.userId !== userId);
      const changes = flush ? null : document.changes();
      const credential = issueCredential(stored.id);
      const login: Login = {
        id: stored.id,
        generation: stored.generation,
        secretHash: credential.secretHash,
        userId,
        auth,
        lifetime: changedLifetime(this.#env.lifetime, change),
        flush,
        changes,
        ...(this.#broughtHash !== null && this.#browserKnows && { previousSecretHash: this.#broughtHash }),
      };
      const takeBack = changes === null ? null : document.sent(changes);
      let loggedIn: StoredSession | null;
      try {
        loggedIn = await this.#env.persistence.login(login);
      } catch (error) {
        takeBack?.();
        if (leave !== null) this.#stay(leave);
        throw error;
      }
      if (loggedIn !== null) {
        this.#stored = loggedIn;
        // Somebody whom nobody expected: an operation before this one has failed.
        if (flush && leave === null) document.replace(null);
        this.#begun(credential, written, taken);
        this.#env.emit('rotated', this.id, userId);
        if (userId !== null) return this.#loggedIn(userId);
        this.#isBlank = !this.#env.saveUninitialized;
        if (stored.userId !== null) this.#env.emit('logout', this.id, stored.userId);
        return;
      }
      // Its user's data ends with it; what has come since belongs to what follows.
      if (stored.userId === null) takeBack?.();
      else if (leave === null) document.rebase(null);
    }
    // The session is gone, or somebody logged in to it meanwhile: a new one begins, with what an anonymous visitor had.
    if (stored !== null) {
      if (leave === null) document.detach();
      this.#forget();
    }
    if (userId === null) {
      this.#newId = null;
      this.#outsider = false;
      this.#goneReported = false;
    }
    await this.#begin(userId, auth, change, written, taken);
    if (userId !== null) await this.#loggedIn(userId);
  }

  /** An empty session is not worth a row. */
  async #endIfBlank(): Promise<void> {
    this.#isBlank = false;
    if (this.userId === null && this.#document.text() === '{}') await this.#destroy(this.#leave());
  }

  async #loggedIn(userId: string): Promise<void> {
    const { maxSessionsPerUser, persistence } = this.#env;
    this.#env.emit('login', this.id, userId);
    if (maxSessionsPerUser === null) return;
    for (const id of await persistence.keepNewest(userId, maxSessionsPerUser)) this.#env.emit('revoked', id, userId);
  }

  async #update<Result>(change: (data: LiveSessionData) => Result, written: Written): Promise<Result> {
    await this.#commit(written);
    const stored = this.#stored;
    const { document } = written;
    if (stored === null) {
      // Nobody else can know it yet.
      const draft = draftOf(document.text(), change, () => {});
      document.fillWith(draft.text);
      await this.#begin(null, null, written.lifetime, written);
      return draft.result;
    }
    if (this.#goneReported) throw new SessionGoneError();
    let draft: Draft<Result> | undefined;
    const updated = await this.#env.persistence.update(stored.id, stored.generation, ({ data }) => {
      draft = draftOf(data, change, (error) => this.#env.unreadable(stored.id, 'data', error));
      return draft.changes && { data: draft.changes, lifetime: null, renew: this.renews };
    });
    if (updated === null || draft === undefined) throw this.#gone(written);
    this.#stored = updated;
    document.rebase({ data: draft.text });
    return draft.result;
  }

  async #regenerate(written: Written): Promise<void> {
    const stored = this.#stored;
    // A credential that the browser has not got yet is as good as a new one.
    const isUndelivered = this.#credential !== null && this.#credential.secretHash !== this.#broughtHash;
    if (stored === null || this.#superseded || isUndelivered) return;
    if (this.#goneReported) throw new SessionGoneError();
    this.#assertOwnCookie('regenerate');
    const credential = issueCredential(stored.id);
    const result = await this.#env.persistence.rotate({
      id: stored.id,
      generation: stored.generation,
      knownHash: (this.#credential as Credential).secretHash,
      secretHash: credential.secretHash,
    });
    if (result === 'gone') throw this.#gone(written);
    if (result === 'superseded') {
      this.#superseded = true;
      return;
    }
    this.#credential = credential;
    this.#issueCookie();
    this.#env.emit('rotated', this.id, this.userId);
  }

  /** Returns whether there was a session to end. */
  async #destroy(leave: Leave): Promise<boolean> {
    const { id, userId } = this;
    const stored = this.#stored;
    let deleted = false;
    try {
      if (stored !== null && !this.#goneReported) deleted = await this.#env.persistence.delete(id, stored.generation);
    } catch (error) {
      this.#stay(leave);
      throw error;
    }
    const browserKnew = this.#browserKnows || this.#browserKnewOne;
    this.#forget();
    this.#ended = true;
    if (deleted) {
      this.#cookieChange = browserKnew ? { kind: 'removed' } : null;
      this.#browserKnewOne = browserKnew;
      this.#env.emit('destroyed', id, userId);
    } else if (stored !== null) {
      // Somebody else ended it, or logged in to it: the browser may hold a newer cookie, which must stay.
      this.#outsider = true;
    } else if (this.#browserKnewOne) {
      // Ended by this request before, and not begun anew since.
      this.#cookieChange = { kind: 'removed' };
    }
    return deleted;
  }

  async #reload(written: Written, texts: ReadonlyMap<string, string>, lifetime: LifetimeChange | null): Promise<void> {
    const stored = this.#stored;
    let found: StoredSession | null = null;
    if (stored !== null) {
      found = this.#goneReported ? null : await this.#env.persistence.find(stored.id);
      if (found === null || found.generation !== stored.generation) throw this.#gone(written);
      this.#stored = found;
    }
    if (written.lifetime === lifetime) written.lifetime = null;
    written.document.reread(found, texts);
    this.#forgetUser();
  }

  /** The session is another one now, or the same with another credential. */
  #begun(credential: Credential, written: Written, taken: LifetimeChange | null): void {
    this.#credential = credential;
    // One that came while the store was at work is still to be sent.
    if (written.lifetime === taken) written.lifetime = null;
    this.#superseded = false;
    this.#outsider = false;
    this.#goneReported = false;
    this.#ended = false;
    this.#renewed = true;
    this.#forgetUser();
    this.#issueCookie();
  }

  /** There is no stored session any more. */
  #forget(): void {
    this.#stored = null;
    this.#credential = null;
    this.#isNew = true;
    this.#browserKnows = false;
    this.#newId = null;
    this.#bornAt = null;
    this.#cookieChange = null;
    this.#forgetUser();
  }

  #forgetUser(): void {
    this.#auth = undefined;
    this.#avatar = null;
  }

  #gone(written: Written): SessionGoneError {
    this.#goneReported = true;
    this.#cookieChange = null;
    written.document.discard();
    written.lifetime = null;
    this.#env.emit('rejected', this.id, this.userId);
    return new SessionGoneError();
  }

  #assertOwnCookie(method: string): void {
    this.#visitor.assertReachable();
    if (this.#credential !== null) return;
    throw new SessionArgumentError(
      `${method}() changes the visitor's cookie, so only a request of the visitor's own can call it. Revoke the session instead.`,
    );
  }

  #issueCookie(): void {
    const value = (this.#credential as Credential).cookieValue;
    this.#cookieChange = { kind: 'issued', value, endsAt: (this.#stored as StoredSession).endsAt };
  }

  #lifetimeAfter(change: LifetimeChange | null): Lifetime {
    const stored = this.#stored;
    if (stored === null) return changedLifetime(this.#env.lifetime, change);
    const start = stored.authenticatedAt ?? stored.createdAt;
    const known = { ttl: stored.ttl, absolute: stored.endsAt === null ? null : stored.endsAt - start };
    return changedLifetime(known, change);
  }

  #readAuth(): AuthSnapshot | null {
    const text = this.#stored?.auth ?? null;
    if (text === null) return null;
    try {
      const parsed: unknown = JSON.parse(text);
      if (!isPlainObject(parsed)) throw new TypeError(`expected a JSON object, found ${kindOf(parsed)}`);
      return parsed;
    } catch (error) {
      this.#env.unreadable(this.id, 'auth', error);
      return null;
    }
  }

  /** The same, told to a callback if there is one: what waits for this operation waits for its callback, too. */
  #called(operation: () => Promise<void>, callback: SessionCallback | undefined): Promise<void> | void {
    if (typeof callback !== 'function') return this.#exclusively(operation);
    void this.#exclusively(() => tell(operation(), callback));
  }

  /** One operation after the other, in the order of the calls. */
  #exclusively<Result>(operation: () => Promise<Result>): Promise<Result> {
    const running = this.#busy === null ? operation() : this.#busy.then(operation);
    const settled = (): void => {
      if (this.#busy !== busy) return;
      this.#busy = null;
      this.#userAfter = undefined;
    };
    const busy = running.then(settled, settled);
    this.#busy = busy;
    return running;
  }
}
