import { addedTo, type DataChanges, hasAdditions, type SessionChanges } from '../session/data/changes.js';
import type { SessionId } from '../session/token.js';
import { SessionDataError } from '../session.errors.js';
import type { CommittedTimes, Login, NewSession, SessionStore } from '../session-store.js';
import type { SessionSecrets, StoredSession } from '../session/stored-session.js';
import {
  assertPlain,
  assertPlainData,
  mayBeSealed,
  present,
  SessionCipher,
  type UnreadableListener,
} from './encryption.js';
import { ForwardingSessionStore } from './forwarding.session-store.js';

/**
 * In front of any store, where this process has no encryption keys: what another process has sealed is as what a cipher cannot open,
 * reported, absent, and added to by nobody. Nothing is parsed where nothing is sealed. A text that would be taken for a sealed one is
 * refused (decision 17).
 */
export class KeylessSessionStore extends ForwardingSessionStore {
  readonly #cipher: SessionCipher;
  /** One function for all look-ups. */
  readonly #readable = <Found extends StoredSession | null>(stored: Found): Found =>
    stored !== null && mayBeSealed(stored) ? (present(stored, this.#cipher.open(stored)) as Found) : stored;

  /** @param onUnreadable called once for each value that is sealed */
  constructor(inner: SessionStore, onUnreadable: UnreadableListener) {
    super(inner);
    this.#cipher = new SessionCipher(null, onUnreadable);
  }

  override find(id: SessionId): Promise<StoredSession | null> {
    return this.inner.find(id).then(this.#readable);
  }

  override refind(found: StoredSession): Promise<StoredSession | null> {
    return this.inner.refind(found).then(this.#readable);
  }

  override findOneOf(
    ids: readonly SessionId[],
    choose: (live: readonly SessionSecrets[]) => SessionId | null,
  ): Promise<StoredSession | null> {
    return this.inner.findOneOf(ids, choose).then(this.#readable);
  }

  override async create(session: NewSession): Promise<StoredSession> {
    assertPlainData(session.data);
    return this.inner.create(session);
  }

  override async adopt(session: NewSession, sid: string | null): Promise<StoredSession | null> {
    assertPlainData(session.data);
    return this.inner.adopt(session, sid);
  }

  override async commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null> {
    if (changes.data !== null) assertPlain(changes.data.set);
    const committing = this.inner.commit(id, generation, changes);
    return hasAdditions(changes.data) ? this.#explained(committing, id, changes.data) : committing;
  }

  override async update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
    deadline?: number,
  ): Promise<StoredSession | null> {
    const changeReadable = (stored: StoredSession): SessionChanges | null => {
      const changes = change(this.#readable(stored));
      this.#assertFit(stored, changes?.data ?? null);
      return changes;
    };
    return this.#readable(await this.inner.update(id, generation, changeReadable, deadline));
  }

  override async login(
    login: Login,
    changesTo?: (stored: StoredSession) => DataChanges | null,
  ): Promise<StoredSession | null> {
    if (login.changes !== null) assertPlain(login.changes.set);
    const changesToReadable = (stored: StoredSession): DataChanges | null => {
      const changes = changesTo?.(this.#readable(stored)) ?? null;
      this.#assertFit(stored, changes);
      return changes;
    };
    const loggingIn = this.inner.login(login, changesTo && changesToReadable);
    return this.#readable(
      await (hasAdditions(login.changes) ? this.#explained(loggingIn, login.id, login.changes) : loggingIn),
    );
  }

  /** The store refuses to add to what is sealed, as to any text; why, is told here. */
  async #explained<Result>(adding: Promise<Result>, id: SessionId, changes: DataChanges | null): Promise<Result> {
    try {
      return await adding;
    } catch (error) {
      const stored = error instanceof SessionDataError ? await this.inner.find(id).catch(() => null) : null;
      if (stored !== null) this.#assertAddable(stored, changes);
      throw error;
    }
  }

  /** Refuses, under the lock, changes that cannot be made to what is stored. */
  #assertFit(stored: StoredSession, changes: DataChanges | null): void {
    if (changes !== null) assertPlain(changes.set);
    this.#assertAddable(stored, changes);
  }

  #assertAddable(stored: StoredSession, changes: DataChanges | null): void {
    if (!hasAdditions(changes) || !mayBeSealed(stored)) return;
    const document = this.#cipher.reader(stored.id, stored.data);
    for (const key of addedTo(changes)) document.value(key);
  }
}
