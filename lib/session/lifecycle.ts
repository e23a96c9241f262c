import {
  SessionArgumentError,
  SessionDataError,
  SessionGoneError,
  SessionStoreUnavailableError,
} from '../session.errors.js';
import { type DataChanges, hasAdditions, NO_CHANGES } from './data/changes.js';
import { type Draft, draftOf } from './data/draft.js';
import { textOf } from './data/merge.js';
import type { LiveSessionData } from './data/paths.js';
import { LifecycleState } from './lifecycle-state.js';
import { changedLifetime, type LifetimeChange } from './lifetime.js';
import type { SigningIn } from './signing-in.js';
import type { StoredSession } from './stored-session.js';
import { type Credential, issueCredential } from './token.js';
import type { Leave, Written } from './written.js';

/** Of the cookies that a client brought: a browser has one, and anybody can make up a hundred, each a write in Redis. */
const MOST_CONFIRMED = 2;

/** Begins, stores, rotates and ends one visitor's session. Its operations must not overlap: `ActiveSession` queues them. */
export class Lifecycle extends LifecycleState {
  /**
   * @param data what has changed, where the caller knows
   * @param known the doubt that the application knew of when it called for this: additions are sent again then
   */
  async commit(
    written: Written,
    data = written.document.changes(),
    known: SessionStoreUnavailableError | null = null,
  ): Promise<void> {
    const { stored } = this;
    const { document, lifetime } = written;
    if (stored === null) return this.#begin(written, null, lifetime, lifetime, data);
    if (data === null && lifetime === null) return;
    if (this.state === 'gone') throw new SessionGoneError();
    if (written.doubt !== known) assertCertain(written, data);
    if (lifetime !== null) this.#assertKeepable(stored, lifetime);
    const takeBack = data === null ? null : document.sent(data);
    const renew = this.renews;
    let times;
    try {
      times = await this.env.store.commit(stored.id, stored.generation, { data, lifetime, renew });
    } catch (error) {
      takeBack?.(error);
      if (hasAdditions(data) && error instanceof SessionStoreUnavailableError) written.doubt = error;
      this.countFailure(error);
      throw error;
    }
    if (times === null) throw this.gone(written);
    written.doubt = null;
    this.env.commits.written += 1;
    // One that was set while the store was at work is still to be stored.
    if (written.lifetime === lifetime) written.lifetime = null;
    if (data !== null) this.isBlank = false;
    this.stored = { ...stored, ...times };
    if (renew) this.renewedInStore();
    if (lifetime !== null && this.credential !== null) this.cookie.reissue(this.credential.cookieValue, this.stored);
  }

  /** As {@link commit}, but what was refused once is dropped, where it cannot be stored, and the rest is stored. */
  async commitLast(written: Written, data?: DataChanges | null): Promise<void> {
    let known = data;
    while (this.state !== 'gone') {
      try {
        await this.commit(written, known);
        break;
      } catch (error) {
        // The store would not answer what the cookie stands for either.
        if (error instanceof SessionStoreUnavailableError) this.cookie.leaveUnconfirmed();
        if (!(error instanceof SessionDataError) || !written.document.dropRefused(error.path)) throw error;
        known = undefined;
      }
    }
    await this.endIfBlank(written);
    await this.payAnswer();
  }

  /**
   * Signs a user in, or starts over with no user. Where the session is gone, or another request has logged in to it, a new
   * one begins.
   *
   * @param leave where what was written before is another user's, or is to be dropped
   */
  async login(
    user: SigningIn | null,
    change: LifetimeChange | null,
    written: Written,
    leave: Leave | null,
  ): Promise<void> {
    const before = this.stored;
    const taken = leave === null ? written.lifetime : null;
    if (this.state === 'live' && (await this.#loginLive(user, change, written, taken, leave))) return;
    if (before !== null) {
      if (leave === null) {
        // A user's data ends with the session; what has come since belongs to what follows, as all that an anonymous visitor had.
        if (before.userId !== null) written.document.rebase(null);
        written.document.detach();
      }
      this.forget();
      this.cookie.forget();
      if (this.state === 'live') this.state = 'unsaved';
    }
    if (user === null) {
      this.newId = null;
      this.cookie.isOvertaken = false;
      if (this.state === 'gone') this.state = 'unsaved';
    }
    try {
      await this.#begin(written, user, change, taken);
    } catch (error) {
      // A session that has gone meanwhile does not come back.
      if (leave !== null) this.stay(before === null ? leave : { ...leave, before: leave.since.blank() }, error);
      throw error;
    }
    if (user !== null) await this.#loggedIn(user.userId);
  }

  async update<Result>(change: (data: LiveSessionData) => Result, written: Written): Promise<Result> {
    await this.commit(written);
    const { stored } = this;
    const { document, lifetime } = written;
    if (stored === null) {
      // No other request can know it yet; what has been written since the commit comes after this, as it does to one that is stored.
      const draft = draftOf('{}', change, () => {});
      if (this.#isToBegin(written, draft.changes)) {
        await this.#create(written, null, lifetime, lifetime, draft.changes);
        document.rebase({ data: draft.text });
      }
      return draft.result;
    }
    if (this.state === 'gone') throw new SessionGoneError();
    let draft: Draft<Result> | undefined;
    let updated;
    try {
      updated = await this.env.store.update(stored.id, stored.generation, ({ data }) => {
        draft = draftOf(data, change, (error) => this.env.unreadable(stored.id, 'data', error));
        return draft.changes && { data: draft.changes, lifetime: null, renew: this.renews };
      });
    } catch (error) {
      this.countFailure(error);
      throw error;
    }
    if (updated === null || draft === undefined) throw this.gone(written);
    if (draft.changes !== null) this.env.commits.written += 1;
    this.stored = updated;
    document.rebase({ data: draft.text });
    return draft.result;
  }

  /** Gives the session a new credential, unless the client is about to get one anyway. */
  async rotate(written: Written): Promise<void> {
    const { stored, cookie } = this;
    const known = this.credential;
    const isUndelivered = known !== null && known.secretHash !== cookie.broughtHash;
    if (stored === null || cookie.isOvertaken || isUndelivered) return;
    if (this.state === 'gone') throw new SessionGoneError();
    this.#assertOwn('regenerate');
    const { secretHash: knownHash } = known as Credential;
    const { id, generation } = stored;
    const credential = issueCredential(id);
    const { secretHash } = credential;
    const result = await this.env.store.rotate({ id, generation, knownHash, secretHash });
    if (result === 'gone') throw this.gone(written);
    if (result === 'overtaken') {
      cookie.isOvertaken = true;
      return;
    }
    this.credential = credential;
    cookie.issue(credential.cookieValue, stored);
    this.env.emit('rotated', id, this.userId);
  }

  /** Ends the session, and with `'logout'` says who was signed in. */
  async end(leave: Leave, event: 'logout' | null = null): Promise<void> {
    const { id, userId, stored } = this;
    let deleted = false;
    try {
      if (this.state === 'live') deleted = await this.env.store.delete(id, (stored as StoredSession).generation);
      else if (this.state === 'unsaved')
        await Promise.all(this.absent.slice(0, MOST_CONFIRMED).map((id) => this.env.store.confirmEnd(id)));
    } catch (error) {
      this.stay(leave, error);
      throw error;
    }
    if (this.state !== 'gone') this.state = 'ended';
    this.forget();
    if (deleted) this.cookie.end();
    else if (stored !== null) this.cookie.overtake();
    else this.cookie.removeEnded();
    if (!deleted) return;
    this.env.emit('destroyed', id, userId);
    if (event !== null && userId !== null) this.env.emit(event, id, userId);
  }

  /** An empty session that has started over is not worth a row, unless something else follows anyway. */
  async endIfBlank(written: Written): Promise<void> {
    if (!this.isBlank) return;
    this.isBlank = false;
    if (this.userId !== null || this.written !== written) return;
    if (written.document.text() === '{}') await this.end(this.leave());
  }

  /**
   * Reads the session anew.
   *
   * @param texts what the data said when the application called for it: what is written since stays
   */
  async reload(written: Written, texts: ReadonlyMap<string, string>, lifetime: LifetimeChange | null): Promise<void> {
    const { stored } = this;
    let found: StoredSession | null = null;
    if (stored !== null) {
      found = await this.findAgain();
      if (found === null) throw this.gone();
      this.stored = found;
    }
    if (written.lifetime === lifetime) written.lifetime = null;
    written.document.reread(found, texts);
    written.doubt = null;
    this.identityChanged();
  }

  /**
   * Stores the session for the first time, if there is anything to store.
   *
   * @param taken the lifetime that this stores, or replaces
   */
  async #begin(
    written: Written,
    user: SigningIn | null,
    change: LifetimeChange | null,
    taken: LifetimeChange | null,
    data = written.document.changes(),
  ): Promise<void> {
    if (user === null && !this.#isToBegin(written, data)) return;
    const takeBack = data === null ? null : written.document.sent(data);
    try {
      await this.#create(written, user, change, taken, data);
    } catch (error) {
      takeBack?.(error);
      throw error;
    }
  }

  /** Whether a session of no user has anything to be stored for. */
  #isToBegin(written: Written, data: DataChanges | null): boolean {
    if (data === null && !this.wantsRow) return false;
    if (this.cookie.isOvertaken || this.state === 'gone') throw this.gone(written);
    return true;
  }

  async #create(
    written: Written,
    user: SigningIn | null,
    change: LifetimeChange | null,
    taken: LifetimeChange | null,
    data: DataChanges | null,
  ): Promise<void> {
    this.#assertOwn(user === null ? null : 'login');
    const { trackDevice } = this.env;
    const credential = issueCredential(this.id);
    try {
      this.stored = await this.env.store.create({
        id: credential.id,
        secretHash: credential.secretHash,
        userId: user?.userId ?? null,
        auth: user?.auth ?? null,
        data: textOf(data ?? NO_CHANGES),
        lifetime: this.lifetimeAfter(change),
        persistent: user?.persistent ?? null,
        ip: trackDevice ? this.visitor.ip : null,
        userAgent: trackDevice ? this.visitor.userAgent : null,
      });
    } catch (error) {
      this.countFailure(error);
      // The row may be there all the same; another attempt must not meet it.
      this.newId = null;
      throw error;
    }
    this.begun(this.stored, credential, written, taken);
    this.env.emit('created', this.id, this.userId);
  }

  /** Returns whether the session was still there to be logged in to. */
  async #loginLive(
    user: SigningIn | null,
    change: LifetimeChange | null,
    written: Written,
    taken: LifetimeChange | null,
    leave: Leave | null,
  ): Promise<boolean> {
    const { document } = written;
    const { id, generation, userId: userBefore } = this.stored as StoredSession;
    const userId = user?.userId ?? null;
    const flush = leave !== null || (userBefore !== null && userBefore !== userId);
    const changes = flush ? null : document.changes();
    assertCertain(written, changes);
    const credential = issueCredential(id);
    const previousSecretHash = this.cookie.broughtHash;
    const takeBack = changes === null ? null : document.sent(changes);
    let loggedIn: StoredSession | null;
    try {
      this.#assertOwn(user === null ? 'regenerate' : 'login');
      loggedIn = await this.env.store.login({
        id,
        generation,
        secretHash: credential.secretHash,
        userId,
        auth: user?.auth ?? null,
        lifetime: changedLifetime(this.env.lifetime, change),
        persistent: user?.persistent ?? null,
        flush,
        changes,
        ...(previousSecretHash !== null && { previousSecretHash }),
      });
    } catch (error) {
      takeBack?.(error);
      this.countFailure(error);
      if (leave !== null) this.stay(leave, error);
      throw error;
    }
    if (loggedIn === null) {
      // What was sent for a user ends with the session.
      if (userBefore === null) takeBack?.();
      return false;
    }
    // Another user without a leave, as another request may have logged in.
    if (flush && leave === null) document.replace(null);
    this.begun(loggedIn, credential, written, taken);
    this.env.emit('rotated', id, userId);
    if (userId !== null) {
      await this.#loggedIn(userId);
      return true;
    }
    this.isBlank = !this.env.saveUninitialized;
    if (userBefore !== null) this.env.emit('logout', id, userBefore);
    return true;
  }

  async #loggedIn(userId: string): Promise<void> {
    const { maxSessionsPerUser, store } = this.env;
    this.env.emit('login', this.id, userId);
    if (maxSessionsPerUser === null) return;
    await this.env.revoked(store.keepNewest(userId, maxSessionsPerUser), userId);
  }

  /** What is to outlive the cookie that the client has needs another one. @throws {SessionHeadersSentError} when it is too late */
  #assertKeepable({ persistent }: StoredSession, lifetime: LifetimeChange): void {
    if (this.credential === null || !this.cookie.isCurrent || !this.env.dropsAtEnd(persistent)) return;
    const { absolute: before } = this.lifetimeAfter(null);
    const { absolute } = this.lifetimeAfter(lifetime);
    if (before !== null && (absolute === null || absolute > before)) this.visitor.assertReachable();
  }

  /**
   * A new credential goes out with a request of the client's own.
   *
   * @param method that was called for it; `null` for a session that begins by what is written
   */
  #assertOwn(method: 'login' | 'regenerate' | null): void {
    this.visitor.assertReachable();
    if (!this.isFoundById) return;
    throw new SessionArgumentError(
      method === null
        ? "A session that was found by its id has ended, and only a request of the visitor's own can begin another one."
        : `${method}() changes the visitor's cookie, so only a request of the visitor's own can call it. Revoke the session instead.`,
    );
  }
}

/** Additions whose outcome is not known are not sent again, which only the application can decide: it is the error of then. */
function assertCertain({ doubt }: Written, data: DataChanges | null): void {
  if (doubt !== null && hasAdditions(data)) throw doubt;
}
