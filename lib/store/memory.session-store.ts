import { Inject, Injectable } from '@nestjs/common';
import type { DataChanges, SessionChanges } from '../session/data/changes.js';
import type { SessionId } from '../session/token.js';
import { mergedText } from '../session/data/merge.js';
import { expiryOf, type Lifetime } from '../session/lifetime.js';
import {
  type Access,
  type CommittedTimes,
  type Login,
  type NewSession,
  type Rotation,
  type RotationOutcome,
  SessionStore,
  type StoreListener,
} from '../session-store.js';
import type { StoredSession } from '../session/stored-session.js';
import { type ResolvedSessionOptions, SESSION_OPTIONS } from '../session.options.js';
import { refuseLargeAuth, tooLargeData } from './limits.js';
import { newestFirst } from './newest-logins.js';

/**
 * Sessions in the memory of one process: for tests of applications, which then need no database. They are gone when the
 * process is, and other processes do not see them.
 */
@Injectable()
export class MemorySessionStore extends SessionStore {
  readonly #sessions = new Map<SessionId, StoredSession>();
  readonly #maxDataBytes: number;
  #listener: StoreListener | null = null;

  constructor(@Inject(SESSION_OPTIONS) options: Pick<ResolvedSessionOptions, 'maxDataBytes'>) {
    super();
    this.#maxDataBytes = options.maxDataBytes;
  }

  async open(listener: StoreListener): Promise<void> {
    this.#listener = listener;
  }

  async close(): Promise<void> {}

  now(): number {
    return performance.timeOrigin + performance.now();
  }

  async find(id: SessionId): Promise<StoredSession | null> {
    return this.#live(id, null);
  }

  async create(session: NewSession): Promise<StoredSession> {
    return this.#create(session, session.userId !== null);
  }

  /** @param sid not known here, where no sessions of express-session are */
  override async adopt(session: NewSession, sid: string | null): Promise<StoredSession | null> {
    return sid === null && this.#live(session.id, null) === null ? this.#create(session, false) : null;
  }

  #create(session: NewSession, signsIn: boolean): StoredSession {
    const { id, secretHash, userId, auth, lifetime, persistent = null, ip, userAgent } = session;
    const now = this.now();
    this.#refuseLarge(session.data);
    refuseLargeAuth(auth, this.#maxDataBytes);
    return this.#put({
      id,
      secretHash,
      userId,
      auth,
      persistent,
      ip,
      userAgent,
      data: session.data,
      ttl: lifetime.ttl,
      generation: 0,
      previousSecretHash: null,
      rotatedAt: null,
      authenticatedAt: signsIn ? now : null,
      ...timesFrom(now, lifetime),
      createdAt: now,
      readAt: now,
    });
  }

  async commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null> {
    const stored = this.#live(id, generation);
    return stored && this.#commit(stored, changes);
  }

  async update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
  ): Promise<StoredSession | null> {
    const stored = this.#live(id, generation);
    if (stored === null) return null;
    const changes = change(stored);
    return changes === null ? stored : { ...stored, ...this.#commit(stored, changes) };
  }

  renew(access: Access): void {
    const stored = this.#live(access.id, null);
    if (stored === null) return;
    this.#put({
      ...stored,
      lastAccessAt: Math.max(stored.lastAccessAt, access.at),
      expiresAt: Math.max(stored.expiresAt, expiryOf(access.at, stored.ttl, stored.endsAt)),
    });
    this.#listener?.renewed([access]);
  }

  async login(login: Login, changesTo?: (stored: StoredSession) => DataChanges | null): Promise<StoredSession | null> {
    const stored = this.#live(login.id, login.generation);
    if (stored === null) return null;
    const now = this.now();
    const data = login.flush ? '{}' : merged(stored.data, changesTo ? changesTo(stored) : login.changes);
    this.#refuseLarge(data);
    refuseLargeAuth(login.auth, this.#maxDataBytes);
    return this.#put({
      ...stored,
      data,
      userId: login.userId,
      auth: login.auth,
      ttl: login.lifetime.ttl,
      persistent: login.persistent ?? null,
      generation: stored.generation + 1,
      secretHash: login.secretHash,
      previousSecretHash: login.previousSecretHash ?? stored.secretHash,
      rotatedAt: now,
      authenticatedAt: now,
      ...timesFrom(now, login.lifetime),
    });
  }

  async rotate({ id, generation, knownHash, secretHash }: Rotation): Promise<RotationOutcome> {
    const stored = this.#live(id, generation);
    if (stored === null) return 'gone';
    if (!stored.secretHash.equals(knownHash)) return 'overtaken';
    this.#put({ ...stored, secretHash, previousSecretHash: stored.secretHash, rotatedAt: this.now() });
    return 'rotated';
  }

  async delete(id: SessionId, generation: number | null, userId?: string): Promise<boolean> {
    const stored = this.#live(id, generation);
    if (stored === null || (userId !== undefined && stored.userId !== userId)) return false;
    return this.#sessions.delete(id);
  }

  async findByUser(userId: string): Promise<StoredSession[]> {
    return this.#all().filter((stored) => stored.userId === userId);
  }

  async *deleteByUser(userId: string, except: SessionId | null): AsyncGenerator<readonly SessionId[]> {
    const ids = (await this.findByUser(userId)).map(({ id }) => id).filter((id) => id !== except);
    for (const id of ids) this.#sessions.delete(id);
    yield ids;
  }

  async *keepNewest(userId: string, count: number): AsyncGenerator<readonly SessionId[]> {
    const ids = newestFirst(await this.findByUser(userId))
      .slice(count)
      .map(({ id }) => id);
    for (const id of ids) this.#sessions.delete(id);
    yield ids;
  }

  async *deleteAll(): AsyncGenerator<readonly SessionId[]> {
    const ids = this.#all().map(({ id }) => id);
    this.#sessions.clear();
    yield ids;
  }

  async *deleteExpired(): AsyncGenerator<readonly SessionId[]> {
    const now = this.now();
    const ids = [...this.#sessions.values()].filter(({ expiresAt }) => expiresAt <= now).map(({ id }) => id);
    for (const id of ids) this.#sessions.delete(id);
    yield ids;
  }

  async claimSweep(): Promise<boolean> {
    return true;
  }

  async count(): Promise<number> {
    return this.#all().length;
  }

  /** The live ones, oldest first: ids sort by time. */
  #all(): StoredSession[] {
    const live = [...this.#sessions.keys()].map((id) => this.#live(id, null));
    return live.filter((stored) => stored !== null).toSorted((one, other) => one.createdAt - other.createdAt);
  }

  #live(id: SessionId, generation: number | null): StoredSession | null {
    const stored = this.#sessions.get(id);
    const readAt = this.now();
    if (stored === undefined || stored.expiresAt <= readAt) return null;
    return generation === null || stored.generation === generation ? { ...stored, readAt } : null;
  }

  #put(stored: StoredSession): StoredSession {
    this.#sessions.set(stored.id, stored);
    return stored;
  }

  #commit(stored: StoredSession, { data, lifetime, renew }: SessionChanges): CommittedTimes {
    const now = this.now();
    const text = merged(stored.data, data);
    this.#refuseLarge(text);
    const ttl = lifetime?.ttl ?? stored.ttl;
    const start = stored.authenticatedAt ?? stored.createdAt;
    let { endsAt, expiresAt } = stored;
    if (lifetime?.absolute === null) endsAt = null;
    else if (lifetime?.absolute !== undefined) endsAt = start + lifetime.absolute;
    else if (lifetime !== null && endsAt !== null) endsAt = Math.max(endsAt, start + ttl);
    if (lifetime !== null) expiresAt = expiryOf(now, ttl, endsAt);
    else if (renew) expiresAt = Math.max(expiresAt, expiryOf(now, ttl, endsAt));
    const times = { ttl, endsAt, expiresAt, lastAccessAt: renew ? now : stored.lastAccessAt };
    this.#put({ ...stored, ...times, data: text });
    return times;
  }

  #refuseLarge(data: string): void {
    if (Buffer.byteLength(data) <= this.#maxDataBytes) return;
    throw tooLargeData(this.#maxDataBytes);
  }
}

function timesFrom(now: number, { ttl, absolute }: Lifetime) {
  const endsAt = absolute === null ? null : now + absolute;
  return { lastAccessAt: now, endsAt, expiresAt: expiryOf(now, ttl, endsAt) };
}

function merged(text: string, changes: DataChanges | null): string {
  return changes === null ? text : mergedText(text, changes);
}
