import { LRUCache } from 'lru-cache';
import type { DataChanges, SessionChanges } from '../session/data/changes.js';
import type { SessionId } from '../session/token.js';
import { flawOf } from '../session/flaw.js';
import { mergedText } from '../session/data/merge.js';
import { expiryOf } from '../session/lifetime.js';
import type {
  StoreListener,
  CommittedTimes,
  Login,
  NewSession,
  Rotation,
  RotationOutcome,
  SessionStore,
} from '../session-store.js';
import type { SessionSecrets, StoredSession } from '../session/stored-session.js';
import type { CacheStats } from '../stats/session-stats.js';
import { ForwardingSessionStore } from './forwarding.session-store.js';
import { bytesOf, lasting } from './kept-session.js';
import { Purging } from './purging.js';

/** How much is kept, and how long. */
export interface SessionCacheOptions {
  /** How many sessions. */
  readonly max: number;
  /** How long a copy is trusted, in milliseconds: the most that a message that got lost can cost. */
  readonly ttl: number;
  /** How many bytes of memory, with all texts of a session. */
  readonly maxBytes: number;
}

/**
 * Copies of sessions in memory, before another store. Everything is written through at once; only look-ups are spared.
 *
 * Copies follow what other processes change, as the inner store reports it. While that feed is not connected, nothing is
 * kept and every look-up goes to the inner store. A session's data is up to date as of the last message; its expiry may be
 * older, as renewals by other processes are not reported, and is never later than the true one.
 */
export class CachingSessionStore extends ForwardingSessionStore {
  readonly #copies: LRUCache<SessionId, StoredSession>;
  readonly #purging: Purging;
  /** Look-ups and creations under way, which must not leave a copy if the session changes, or ends, meanwhile. */
  readonly #underWay = new Map<SessionId, Promise<StoredSession | null>>();
  /** Copies to which a commit under way is to be added, unless the session changes otherwise, or is looked up, meanwhile. */
  readonly #committing = new Map<SessionId, StoredSession>();
  #isFeedConnected = false;
  readonly #max: number;
  readonly #counts = { hits: 0, misses: 0 };
  #hits: (() => void)[] = [];

  constructor(inner: SessionStore, options: SessionCacheOptions) {
    super(inner);
    const { max, ttl, maxBytes } = options;
    this.#max = max;
    // By the time as it is, and not as it was at a look-up a millisecond ago: the process may have stood still since, for long.
    const ttlResolution = 0;
    this.#copies = new LRUCache({ max, ttl, ttlResolution, maxSize: maxBytes, sizeCalculation: bytesOf });
    this.#purging = new Purging(this.#copies);
  }

  override open(listener: StoreListener): Promise<void> {
    const { meter, closing } = listener;
    if (meter !== undefined) meter.cache = () => this.#stats();
    return this.inner.open({
      meter,
      closing,
      warned: (warning) => listener.warned?.(warning),
      renewed: (accesses) => {
        for (const { id, at } of accesses) this.#renewCopy(id, at);
        listener.renewed(accesses);
      },
      renewalFailed: (error) => listener.renewalFailed(error),
      renewalRefused: (id, error) => listener.renewalRefused(id, error),
      notASession: (id, error) => listener.notASession?.(id, error),
      changed: (ids) => {
        this.#forget(ids);
        listener.changed(ids);
      },
      feedConnected: (isConnected) => {
        this.#followFeed(isConnected);
        listener.feedConnected(isConnected);
      },
    });
  }

  override async close(): Promise<void> {
    this.#followFeed(false);
    this.#purging.stop();
    await this.inner.close();
  }

  override find(id: SessionId): Promise<StoredSession | null> {
    const copy = this.#copies.get(id);
    if (copy === undefined) return this.#look(id);
    const readAt = this.now();
    if (copy.expiresAt <= readAt) {
      // Its copy may not know that it was renewed.
      this.#copies.delete(id);
      return this.#look(id);
    }
    this.#counts.hits += 1;
    return this.#withOthers({ ...copy, readAt });
  }

  override refind(found: StoredSession): Promise<StoredSession | null> {
    // As it was read, and so not from a copy.
    if (this.#copies.peek(found.id)?.readAt === found.readAt) return Promise.resolve(found);
    this.#copies.delete(found.id);
    return this.#look(found.id);
  }

  /** Rare, and so not worth copies. What it finds may be newer than the copy that there is. */
  override async findOneOf(
    ids: readonly SessionId[],
    choose: (live: readonly SessionSecrets[]) => SessionId | null,
  ): Promise<StoredSession | null> {
    for (const id of ids) this.#committing.delete(id);
    const found = await this.inner.findOneOf(ids, choose);
    if (found !== null) this.#forget([found.id]);
    return found;
  }

  override create(session: NewSession): Promise<StoredSession> {
    return this.#keeping(session.id, this.inner.create(session));
  }

  override adopt(session: NewSession, sid: string | null): Promise<StoredSession | null> {
    return this.#keeping(session.id, this.inner.adopt(session, sid));
  }

  /** What was read a moment ago, with what was written now, is as good a copy as another look-up would give. */
  override async commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null> {
    const copy = this.#copies.peek(id);
    const trustedUntil = performance.now() + (this.#copies.info(id)?.ttl ?? 0);
    this.#forget([id]);
    if (copy?.generation === generation) this.#committing.set(id, copy);
    let times: CommittedTimes | null = null;
    try {
      return (times = await this.inner.commit(id, generation, changes));
    } finally {
      const isCurrent = copy !== undefined && this.#committing.get(id) === copy;
      this.#forget([id]);
      if (times !== null && isCurrent) this.#keepChanged(copy, changes.data, times, trustedUntil);
    }
  }

  override update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
    deadline?: number,
  ): Promise<StoredSession | null> {
    return this.#changing(id, this.inner.update(id, generation, change, deadline));
  }

  override login(
    login: Login,
    changesTo?: (stored: StoredSession) => DataChanges | null,
  ): Promise<StoredSession | null> {
    return this.#changing(login.id, this.inner.login(login, changesTo));
  }

  override rotate(rotation: Rotation): Promise<RotationOutcome> {
    return this.#changing(rotation.id, this.inner.rotate(rotation));
  }

  override delete(id: SessionId, generation: number | null, userId?: string): Promise<boolean> {
    return this.#changing(id, this.inner.delete(id, generation, userId));
  }

  override deleteByUser(userId: string, except: SessionId | null): AsyncIterable<readonly SessionId[]> {
    const isMeant = (copy: StoredSession): boolean => copy.userId === userId && copy.id !== except;
    return this.#forgetting(this.inner.deleteByUser(userId, except), isMeant);
  }

  override keepNewest(userId: string, count: number): AsyncIterable<readonly SessionId[]> {
    // At each login: not worth going through all copies. What is left of a call that failed ends with its time.
    return this.#forgetting(this.inner.keepNewest(userId, count), null);
  }

  override deleteAll(): AsyncIterable<readonly SessionId[]> {
    return this.#forgetting(this.inner.deleteAll(), () => true);
  }

  #stats(): CacheStats {
    return { ...this.#counts, entries: this.#copies.size, max: this.#max };
  }

  /** @param ids `null` for all */
  #forget(ids: readonly SessionId[] | null): void {
    if (ids === null) {
      this.#copies.clear();
      this.#underWay.clear();
      this.#committing.clear();
      return;
    }
    for (const id of ids) {
      this.#copies.delete(id);
      this.#underWay.delete(id);
      this.#committing.delete(id);
    }
  }

  #followFeed(isConnected: boolean): void {
    this.#isFeedConnected = isConnected;
    this.#forget(null);
  }

  #look(id: SessionId): Promise<StoredSession | null> {
    this.#counts.misses += 1;
    return this.#keeping(id, this.inner.find(id));
  }

  /** Keeps what is found, or made, unless the session changes, or ends, or something newer is asked for, before that is answered. */
  #keeping<Found extends StoredSession | null>(id: SessionId, finding: Promise<Found>): Promise<Found> {
    // What it finds may be newer than the copy that was there.
    this.#committing.delete(id);
    this.#underWay.set(id, finding);
    return finding.then(
      (stored) => {
        const isCurrent = this.#underWay.get(id) === finding;
        if (isCurrent) this.#underWay.delete(id);
        if (isCurrent && stored !== null) this.#keep(stored);
        return stored;
      },
      (error: unknown) => {
        if (this.#underWay.get(id) === finding) this.#underWay.delete(id);
        throw error;
      },
    );
  }

  /** But for one that cannot be right: it is of no use, and is found as soon as it is corrected. */
  #keep(stored: StoredSession): void {
    if (this.#isFeedConnected && flawOf(stored) === null) this.#put(lasting(stored));
  }

  /** It is trusted no longer than the copy that it was made of. */
  #keepChanged(copy: StoredSession, changes: DataChanges | null, times: CommittedTimes, trustedUntil: number): void {
    const ttl = trustedUntil - performance.now();
    if (ttl <= 0) return;
    try {
      const data = changes === null ? copy.data : mergedText(copy.data, changes);
      this.#put({ ...copy, ...times, data, readAt: this.now() }, { ttl });
    } catch {
      // What was added to is another in the database, and its message is on the way; or the copy is none that a session reads.
    }
  }

  #renewCopy(id: SessionId, at: number): void {
    const copy = this.#copies.peek(id);
    if (copy === undefined) return;
    const expiresAt = Math.max(copy.expiresAt, expiryOf(at, copy.ttl, copy.endsAt));
    // Not worked out anew: a long text would be gone through at every access.
    const size = this.#copies.info(id)?.size ?? bytesOf(copy);
    const lastAccessAt = Math.max(copy.lastAccessAt, at);
    // It is trusted no longer for that: nothing but the expiry was learnt.
    this.#put({ ...copy, lastAccessAt, expiresAt }, { noUpdateTTL: true, size });
  }

  #put(copy: StoredSession, how: LRUCache.SetOptions<SessionId, StoredSession, unknown> = {}): void {
    this.#copies.set(copy.id, copy, how);
    this.#purging.start();
  }

  /** Forgets the copy before the change, as a look-up meanwhile must not leave one; and after it, as one may be from before. */
  async #changing<Result>(id: SessionId, change: Promise<Result>): Promise<Result> {
    this.#forget([id]);
    try {
      return await change;
    } finally {
      this.#forget([id]);
    }
  }

  /**
   * Forgets what is ended, and in the end all that was meant: a call before, of which the answer was lost, may have ended it, and this
   * one does not find it any more.
   */
  async *#forgetting(
    pieces: AsyncIterable<readonly SessionId[]>,
    isMeant: ((copy: StoredSession) => boolean) | null,
  ): AsyncGenerator<readonly SessionId[]> {
    try {
      for await (const ids of pieces) {
        this.#forget(ids);
        yield ids;
      }
    } finally {
      if (isMeant !== null) {
        for (const [id, copy] of this.#copies.entries()) if (isMeant(copy)) this.#copies.delete(id);
        this.#underWay.clear();
        this.#committing.clear();
      }
    }
  }

  /** Hits of one turn of the event loop go on together: one by one, each would find the sockets cold. */
  #withOthers(copy: StoredSession): Promise<StoredSession> {
    return new Promise((resolve) => {
      if (this.#hits.push(() => resolve(copy)) > 1) return;
      setImmediate(() => {
        const hits = this.#hits;
        this.#hits = [];
        for (const hit of hits) hit();
      });
    });
  }
}
