import { LRUCache } from 'lru-cache';
import { addedTo, type DataChanges, hasAdditions, type SessionChanges } from '../session/data/changes.js';
import type { SessionId } from '../session/token.js';
import { SessionDataError, SessionStoreUnavailableError } from '../session.errors.js';
import { incremented, pushed } from '../session/data/merge.js';
import type { CommittedTimes, Login, NewSession, SessionStore, StoreListener } from '../session-store.js';
import type { ResolvedSessionOptions } from '../session.options.js';
import type { SessionSecrets, StoredSession } from '../session/stored-session.js';
import { type CommitRequest, foldCommits } from './batching/commit-request.js';
import {
  type DocumentReader,
  type KeyRing,
  type PlainText,
  present,
  SessionCipher,
  type UnreadableListener,
} from './encryption.js';
import { ForwardingSessionStore } from './forwarding.session-store.js';
import { KeylessSessionStore } from './keyless.session-store.js';
import { LostTime } from './lost-time.js';
import { OpenedTexts } from './opened-texts.js';
import { untilDeadline } from './until-deadline.js';
import { WriteBatcher, type WriteTarget } from './batching/write-batcher.js';
import { QueueMeter } from '../stats/queue-meter.js';

/** Of how many sessions it is remembered what was found last, and how many characters in all. */
const MOST_SEEN = 4_096;
const MOST_SEEN_TEXT = 8 * 1024 * 1024;
/** What additions are for, to follow "the session store could not …". */
const ADDING = 'save a session';

/** How a store encrypts. */
export interface EncryptionSettings {
  /** How long an addition may take, its waiting for others included, in milliseconds. @default 1,000 */
  readonly queryTimeout?: number;
  /** Whether what is not sealed is believed. @default true */
  readonly acceptPlain?: boolean;
  /** Whether what was opened stays in memory for a while. @default true */
  readonly keepOpened?: boolean;
  /** Whether what is written is sealed. @default true */
  readonly seal?: boolean;
}

/**
 * Encryption at rest, in front of any store. What is kept there are sealed texts: one for each top-level value of the
 * data (reserved ones such as flash messages, too), and one for `auth`. Each opens in its own session and under its own
 * key of the data, nowhere else. The names of those keys stay readable, so that the store can merge changes key by key;
 * so do ids, user ids, addresses and times.
 *
 * - What cannot be opened (its encryption key was lost, or it was tampered with or moved) is reported, and reads as
 *   absent. It stays where it is until it is written anew: another process may still be able to read it. So additions to it are
 *   refused, as a {@link SessionDataError}.
 * - What is not sealed reads as it is, and is sealed when it is next written: so encryption can be switched on while there are
 *   sessions. Processes without keys find what is sealed absent ({@link KeylessSessionStore}); with `seal: false`, what is written
 *   stays plain for them. Hence a value put into the database by hand is believed, unless `acceptPlain` is false: then it is as what
 *   cannot be opened. Decision 17 says how the two are told apart, and what is not noticed.
 * - `auth` opens under the generation of its login only.
 * - What an older key has sealed is sealed under the newest when it is next written. Nothing is written for being read.
 * - `increment` and `push` are done here: they are added to what the request has found, or to what is found for them, and
 *   written if it is still the same by then; if not, they are done under the lock of the inner store's `update`. So they are
 *   as exact as ever, one at a time for each session. Those that wait meanwhile share the next. All other changes take the
 *   inner store's own way.
 * - The inner store's `maxDataBytes` counts what is sealed: 4/3 of the plain JSON, and 55 bytes for each top-level key.
 */
export class EncryptingSessionStore extends ForwardingSessionStore {
  readonly #cipher: SessionCipher;
  readonly #opened: OpenedTexts | null;
  readonly #queryTimeout: number;
  /** The clock of deadlines. */
  readonly #lost = new LostTime();
  /** Data as it was found, sealed, where it was not known, until this process adds to it: what additions of the same request are to. */
  readonly #seen = new LRUCache<SessionId, string>({
    max: MOST_SEEN,
    maxSize: MOST_SEEN_TEXT,
    sizeCalculation: (data) => data.length,
  });
  /** One for all additions, as what it counts is not read. */
  readonly #meter = new QueueMeter('commit');
  /** Additions under way, for each session by itself: they wait for none of another session. */
  readonly #additions = new Map<SessionId, { readonly batcher: AdditionBatcher; waiting: number }>();

  /** @param onUnreadable called once for each value that cannot be opened */
  constructor(
    inner: SessionStore,
    keys: KeyRing,
    onUnreadable: UnreadableListener,
    { queryTimeout = 1_000, acceptPlain = true, keepOpened = true, seal = true }: EncryptionSettings = {},
  ) {
    super(inner);
    this.#queryTimeout = queryTimeout;
    this.#opened = keepOpened ? new OpenedTexts() : null;
    this.#cipher = new SessionCipher(keys, onUnreadable, acceptPlain, this.#opened, seal);
  }

  override async open(listener: StoreListener): Promise<void> {
    await this.inner.open(listener);
    this.#lost.start();
  }

  override async close(): Promise<void> {
    this.#lost.stop();
    await this.inner.close();
  }

  override async find(id: SessionId): Promise<StoredSession | null> {
    return this.#found(await this.inner.find(id));
  }

  override async findOneOf(
    ids: readonly SessionId[],
    choose: (live: readonly SessionSecrets[]) => SessionId | null,
  ): Promise<StoredSession | null> {
    return this.#found(await this.inner.findOneOf(ids, choose));
  }

  override async create(session: NewSession): Promise<StoredSession> {
    return present(await this.inner.create(this.#sealed(session)), session);
  }

  override async adopt(session: NewSession, sid: string | null): Promise<StoredSession | null> {
    const adopted = await this.inner.adopt(this.#sealed(session), sid);
    return adopted && present(adopted, session);
  }

  override async commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null> {
    if (!hasAdditions(changes.data)) return this.inner.commit(id, generation, this.#seal(id, changes, null));
    let additions = this.#additions.get(id);
    if (additions === undefined) {
      additions = { batcher: this.#batcher(), waiting: 0 };
      this.#additions.set(id, additions);
    }
    additions.waiting += 1;
    try {
      const deadline = this.#lost.time() + this.#queryTimeout;
      return await additions.batcher.write({ id, generation, changes, found: null, deadline });
    } finally {
      additions.waiting -= 1;
      if (additions.waiting === 0) this.#additions.delete(id);
    }
  }

  override async update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
    deadline?: number,
  ): Promise<StoredSession | null> {
    let plain: PlainText | undefined;
    const sealed = (stored: StoredSession): SessionChanges | null => {
      plain = this.#cipher.open(stored);
      const changes = change(present(stored, plain));
      return changes && this.#seal(stored.id, changes, this.#cipher.reader(stored.id, stored.data));
    };
    const updated = await this.inner.update(id, generation, sealed, deadline);
    return updated && present(updated, plain ?? this.#cipher.open(updated));
  }

  /** Additions to what is stored are found out under the lock, as part of the login: all of it is done, or nothing. */
  override async login(
    login: Login,
    changesTo?: (stored: StoredSession) => DataChanges | null,
  ): Promise<StoredSession | null> {
    const { id, auth, changes, flush } = login;
    const generation = this.inner.generationOf(login.secretHash, login.generation);
    const sealed = { ...login, auth: this.#cipher.sealAuth(id, generation, auth) };
    const sealedChangesTo = (stored: StoredSession): DataChanges | null => {
      const made = changesTo === undefined ? changes : changesTo(present(stored, this.#cipher.open(stored)));
      return made && this.#sealChanges(id, made, this.#cipher.reader(id, stored.data));
    };
    const loggedIn =
      changesTo !== undefined || (hasAdditions(changes) && !flush)
        ? await this.inner.login({ ...sealed, changes: null }, sealedChangesTo)
        : await this.inner.login({ ...sealed, changes: changes && this.#sealChanges(id, changes, null) });
    return loggedIn && present(loggedIn, this.#cipher.open(loggedIn));
  }

  override async delete(id: SessionId, generation: number | null, userId?: string): Promise<boolean> {
    this.#forget([id]);
    return this.inner.delete(id, generation, userId);
  }

  override deleteByUser(userId: string, except: SessionId | null): AsyncIterable<readonly SessionId[]> {
    return this.#forgetting(super.deleteByUser(userId, except));
  }

  override keepNewest(userId: string, count: number): AsyncIterable<readonly SessionId[]> {
    return this.#forgetting(super.keepNewest(userId, count));
  }

  override deleteAll(): AsyncIterable<readonly SessionId[]> {
    return this.#forgetting(super.deleteAll());
  }

  #forget(ids: readonly SessionId[]): void {
    for (const id of ids) {
      this.#opened?.forget(id);
      this.#seen.delete(id);
    }
  }

  async *#forgetting(pieces: AsyncIterable<readonly SessionId[]>): AsyncGenerator<readonly SessionId[]> {
    for await (const ids of pieces) {
      this.#forget(ids);
      yield ids;
    }
  }

  #found(stored: StoredSession | null): StoredSession | null {
    if (stored === null) return null;
    const known = this.#cipher.known(stored);
    if (known !== null) return { ...stored, ...known };
    // Of a corrupt row it may be null.
    if ((stored.data as string | null) !== null) this.#seen.set(stored.id, stored.data);
    return present(stored, this.#cipher.open(stored));
  }

  #sealed(session: NewSession): NewSession {
    const { id, auth, data } = session;
    const sealed = this.#cipher.sealAuth(id, this.inner.generationOf(session.secretHash, null), auth);
    return { ...session, auth: sealed, data: this.#cipher.sealData(id, data) };
  }

  #batcher(): AdditionBatcher {
    const target: WriteTarget<CommitRequest, CommittedTimes | null> = {
      operation: ADDING,
      now: () => this.#lost.time(),
      keepsDeadlines: true,
      write: async ([request]) => [await this.#add(request as CommitRequest)],
      fold: foldCommits,
      meter: this.#meter,
    };
    // Nothing to wait for: the inner store gathers.
    return new WriteBatcher(target, (send) => send());
  }

  async #add(request: CommitRequest): Promise<CommittedTimes | null> {
    const { id, generation, changes } = request;
    const seen = this.#seenReader(request);
    this.#seen.delete(id);
    const added = seen && (await this.#addToSeen(seen, request));
    if (seen !== null && added !== 'changed') return added;
    const found = await this.#findInTime(request);
    if (found?.generation !== generation) return null;
    const outcome = await this.#addTo(this.#cipher.reader(id, found.data), request);
    if (outcome !== 'changed') return outcome;
    const seal = (stored: StoredSession): SessionChanges =>
      this.#seal(id, changes, this.#cipher.reader(id, stored.data));
    const updated = await this.inner.update(id, generation, seal, this.#until(request));
    if (updated === null) return null;
    const { ttl, lastAccessAt, expiresAt, endsAt } = updated;
    return { ttl, lastAccessAt, expiresAt, endsAt };
  }

  /** What additions are to, most likely: what was opened, or seen, last. */
  #seenReader({ id, changes }: CommitRequest): DocumentReader | null {
    const known = this.#cipher.knownReader(id, addedTo(changes.data));
    if (known !== null) return known;
    const seen = this.#seen.get(id);
    return seen === undefined ? null : this.#cipher.reader(id, seen);
  }

  /** What cannot be added to what was seen may be another by now. */
  async #addToSeen(seen: DocumentReader, request: CommitRequest): Promise<CommittedTimes | 'changed' | null> {
    try {
      return await this.#addTo(seen, request);
    } catch (error) {
      if (error instanceof SessionDataError) return 'changed';
      throw error;
    }
  }

  /** `changed`: what is added to is another by now. */
  #addTo(document: DocumentReader, request: CommitRequest): Promise<CommittedTimes | 'changed' | null> {
    const { id, generation, changes } = request;
    const values = new Map(Array.from(addedTo(changes.data), (key) => [key, document.stored(key)]));
    return this.inner.commitIf(id, generation, values, this.#seal(id, changes, document), this.#until(request));
  }

  /** The inner store knows of no deadline here: what is found too late is not added to. */
  #findInTime({ id, deadline }: CommitRequest): Promise<StoredSession | null> {
    const late = (): Error =>
      new SessionStoreUnavailableError(ADDING, { cause: new Error('what is added to was not found in time') });
    return untilDeadline(this.inner.find(id), () => deadline - this.#lost.time(), late);
  }

  /** When an addition has to be done, by the store's clock as things stand. */
  #until({ deadline }: CommitRequest): number {
    return this.now() + deadline - this.#lost.time();
  }

  /** @param document what additions are to; `null`: nothing */
  #seal(id: SessionId, changes: SessionChanges, document: DocumentReader | null): SessionChanges {
    return { ...changes, data: changes.data && this.#sealChanges(id, changes.data, document) };
  }

  /** Seals values, and turns additions into values. */
  #sealChanges(id: SessionId, changes: DataChanges, document: DocumentReader | null): DataChanges {
    const plain = new Map(changes.set);
    const valueOf = (key: string): unknown => document?.value(key) ?? null;
    for (const [key, by] of changes.increment) plain.set(key, JSON.stringify(incremented(key, valueOf(key), by)));
    for (const [key, items] of changes.push) plain.set(key, JSON.stringify(pushed(key, valueOf(key), items)));
    return { set: this.#cipher.sealAll(id, plain), unset: changes.unset, increment: new Map(), push: new Map() };
  }
}

/** A store with what encrypts in front of it, or with what knows the values that other processes encrypt. @param onUnreadable as of {@link EncryptingSessionStore} */
export function withEncryption(
  store: SessionStore,
  { encryption, queryTimeout }: Pick<ResolvedSessionOptions, 'encryption' | 'queryTimeout'>,
  onUnreadable: UnreadableListener,
): SessionStore {
  if (encryption === null) return new KeylessSessionStore(store, onUnreadable);
  return new EncryptingSessionStore(store, encryption.keys, onUnreadable, { ...encryption, queryTimeout });
}

/** Of one session: what it writes at a time is one request, into which all that wait are folded. */
type AdditionBatcher = WriteBatcher<CommitRequest, CommittedTimes | null>;
