import { SessionDataError, SessionGoneError, SessionStoreUnavailableError } from '../session.errors.js';
import { CookieIntent } from './cookie-intent.js';
import type { DataChanges } from './data/changes.js';
import { TrackedData } from './data/tracked-data.js';
import { Identity } from './identity.js';
import { changedLifetime, expiryOf, type Lifetime, type LifetimeChange } from './lifetime.js';
import type { FoundSession, SessionEnvironment, Visitor } from './session-environment.js';
import { isLive, recognise } from './recognition.js';
import type { StoredSession } from './stored-session.js';
import { createSessionId, type Credential, type SessionId } from './token.js';
import { type Leave, Written } from './written.js';

/**
 * - `unsaved`: nothing is stored, and writing begins a session.
 * - `live`: stored, as far as this request knows.
 * - `gone`: ended or logged in to elsewhere, and an operation has failed with `SessionGoneError`.
 * - `ended`: by this request; writing begins another session.
 */
export type SessionState = 'unsaved' | 'live' | 'gone' | 'ended';

const NONE: readonly SessionId[] = [];

/** What a request knows of its session. The operations on it are those of `Lifecycle`. */
export class LifecycleState {
  state: SessionState = 'unsaved';
  /** Set while the session is live; of one that is gone, what was known of it. */
  stored: StoredSession | null = null;
  isNew = true;
  /** Whether what the request does counts as an access; `touch()` always does. */
  renews: boolean;
  /** Whether it started over in this request, and ends with it unless something is written. */
  isBlank = false;
  /** Another one from the moment on that an operation is called which ends the session, or gives it to another user. */
  written: Written;
  readonly cookie: CookieIntent;

  protected readonly env: SessionEnvironment;
  protected readonly visitor: Visitor;
  /** The ids that the client came with, and of which there is no session. */
  protected readonly absent: readonly SessionId[];
  protected credential: Credential | null = null;
  /** Whether no client is there that a credential could be given to. */
  protected readonly isFoundById: boolean;
  /** Whether this request has moved the expiry forward. */
  #isRenewed = false;
  /** Whether the store was told so, and may not have written it yet. */
  #isUnwritten = false;
  /** The id of a session that is not stored. */
  protected newId: SessionId | null = null;
  /** The id of the session that was found, or begun, last. */
  #namedId: SessionId | null;
  #bornAt: number | null = null;
  #identity: Identity | null = null;

  constructor(
    env: SessionEnvironment,
    visitor: Visitor,
    found: FoundSession | null,
    absent: readonly SessionId[] = NONE,
  ) {
    this.env = env;
    this.visitor = visitor;
    this.absent = absent;
    this.isFoundById = found !== null && found.credential === null;
    this.renews = !this.isFoundById;
    this.cookie = new CookieIntent(found);
    this.#namedId = found?.stored.id ?? null;
    if (found !== null && isLive(found.recognition)) {
      this.state = 'live';
      this.stored = found.stored;
      this.credential = found.credential;
      this.isNew = false;
    }
    // What is new cannot be unreadable. The function must not keep this object, and its request with it.
    const id = found?.stored.id ?? '';
    this.written = new Written(new TrackedData(this.stored, (error) => env.unreadable(id, 'data', error)));
  }

  get id(): SessionId {
    return this.stored?.id ?? (this.newId ??= createSessionId());
  }

  get userId(): string | null {
    return this.stored?.userId ?? null;
  }

  get identity(): Identity {
    return (this.#identity ??= new Identity(this.stored, (error) => this.env.unreadable(this.id, 'auth', error)));
  }

  /** When a session that is not stored began, as far as this request knows. */
  get bornAt(): number {
    return (this.#bornAt ??= this.env.store.now());
  }

  /** Whether the session is stored even if it is empty. */
  get wantsRow(): boolean {
    if (this.state !== 'unsaved' || !this.env.saveUninitialized) return false;
    return this.visitor.takesNoCookies !== true && !this.cookie.isOvertaken;
  }

  /** Whether a lifetime is to be stored. */
  get hasNewLifetime(): boolean {
    return this.stored !== null && this.written.lifetime !== null;
  }

  /** Whether the response has to wait for the renewal, or for a look-up of what its cookie stands for. */
  get owesAnswer(): boolean {
    return this.#owesRenewal || this.#owesCookie;
  }

  get #owesRenewal(): boolean {
    if (!this.env.renewsAtOnce || this.state !== 'live') return false;
    return this.#isUnwritten || (this.renews && !this.#isRenewed);
  }

  get #owesCookie(): boolean {
    return this.cookie.isToConfirm && this.#isReachable;
  }

  /**
   * The session as it is stored now; `null` where it has ended, is of another login, or is not opened any more by the credential
   * that the client came with, or was given since.
   */
  async findAgain(store = this.env.store): Promise<StoredSession | null> {
    const { stored, state, env } = this;
    if (stored === null || state === 'gone') return null;
    const found = env.usable(await store.find(stored.id));
    if (found === null || this.#isStill(found)) return found;
    // A copy may not know the newest credential yet.
    const newer = env.usable(await store.refind(found));
    return newer !== null && this.#isStill(newer) ? newer : null;
  }

  /** Whether the end of the request has anything to do where the data has not changed. */
  get owesMoreThanData(): boolean {
    return this.isBlank || this.wantsRow || this.owesAnswer || (this.hasNewLifetime && this.state !== 'gone');
  }

  lifetimeAfter(change: LifetimeChange | null, stored = this.stored): Lifetime {
    if (stored === null) return changedLifetime(this.env.lifetime, change);
    const start = stored.authenticatedAt ?? stored.createdAt;
    const known = { ttl: stored.ttl, absolute: stored.endsAt === null ? null : stored.endsAt - start };
    return changedLifetime(known, change);
  }

  /** What has changed of the data and is still to be stored; `undefined` when it cannot be, which the commit reports. */
  storableChanges(): DataChanges | null | undefined {
    if (this.state === 'gone') return null;
    try {
      return this.written.document.changes();
    } catch {
      return undefined;
    }
  }

  /** What is written from now on belongs to what comes after this session, or after its user. */
  leave(): Leave {
    const before = this.written;
    this.written = before.successor();
    return { before, since: this.written };
  }

  /** All that the answer brings is known. */
  answered(): void {
    this.visitor.answered?.();
  }

  /** Moves the expiry forward, once a request. */
  renew(): void {
    if (this.state !== 'live' || !this.renews || this.#isRenewed) return;
    this.#renew(this.stored as StoredSession);
  }

  /** Does what the response has to wait for. */
  async payAnswer(): Promise<void> {
    if (this.#owesRenewal) {
      this.renew();
      this.#isUnwritten = false;
      await this.env.store.flush();
    }
    if (this.#owesCookie) await this.#confirmCookie();
  }

  touch(): void {
    if (this.state !== 'live') return;
    const stored = this.stored as StoredSession;
    const lastAccessAt = this.env.store.now();
    this.#renew(stored);
    const expiresAt = Math.max(stored.expiresAt, expiryOf(lastAccessAt, stored.ttl, stored.endsAt));
    this.stored = { ...stored, lastAccessAt, expiresAt };
  }

  #renew(stored: StoredSession): void {
    this.#isRenewed = true;
    this.#isUnwritten = true;
    this.env.renew(stored);
  }

  /** What was stored has moved the expiry forward as well. */
  protected renewedInStore(): void {
    this.#isRenewed = true;
    this.#isUnwritten = false;
  }

  /** The session could not be left: what has been written since is written to it. */
  protected stay({ before, since }: Leave, error: unknown): void {
    since.undone = { error, before };
    // Left again meanwhile: if that fails as well, it comes to the same.
    if (this.written !== since) return;
    let written = since;
    while (written.undone !== null) {
      written.undone.before.resume(written);
      written = written.undone.before;
    }
    this.written = written;
  }

  /** The session is another one now, or the same with another credential. */
  protected begun(stored: StoredSession, credential: Credential, written: Written, taken: LifetimeChange | null): void {
    this.state = 'live';
    this.stored = stored;
    this.#namedId = stored.id;
    this.credential = credential;
    // One that was set while the store was at work is still to be stored.
    if (written.lifetime === taken) written.lifetime = null;
    written.doubt = null;
    this.renewedInStore();
    this.identityChanged();
    this.cookie.isOvertaken = false;
    this.cookie.begin(credential.cookieValue, stored);
  }

  /** There is no stored session any more. */
  protected forget(): void {
    this.stored = null;
    this.credential = null;
    this.isNew = true;
    this.newId = null;
    this.#bornAt = null;
    this.identityChanged();
  }

  /** Whether what is stored is what this request works on. One that was found by its id has no client. */
  #isStill(found: StoredSession): boolean {
    const { credential, stored } = this;
    if (found.generation !== stored?.generation) return false;
    return credential === null || isLive(recognise(credential, found, this.env.rotationGrace));
  }

  /** The cookie is to be that of the session as it is stored now; none, where another request has replaced it meanwhile. */
  async #confirmCookie(): Promise<void> {
    const { env, cookie } = this;
    let newest: StoredSession | null;
    try {
      const found = await env.store.find(this.id);
      newest = env.usable(found && (await env.store.refind(found)));
    } catch (error) {
      cookie.leaveUnconfirmed();
      throw error;
    }
    const credential = this.credential as Credential;
    if (newest !== null && recognise(credential, newest, env.rotationGrace) === 'current') cookie.confirm(newest);
    else cookie.deny();
  }

  get #isReachable(): boolean {
    try {
      this.visitor.assertReachable();
      return true;
    } catch {
      return false;
    }
  }

  protected identityChanged(): void {
    this.#identity = null;
  }

  /** An operation has failed. Counts what the store could not do, or refuses; not what the application throws. */
  protected countFailure(error: unknown): void {
    if (error instanceof SessionStoreUnavailableError || error instanceof SessionDataError)
      this.env.commits.failed += 1;
  }

  /** An operation finds that the session is gone: what it was to store is dropped. */
  protected gone(written?: Written): SessionGoneError {
    this.state = 'gone';
    this.cookie.change = null;
    written?.discard();
    this.env.commits.conflicts += 1;
    this.env.refused(this.stored?.id ?? this.#namedId ?? this.id, this.userId, this.visitor);
    return new SessionGoneError();
  }
}
