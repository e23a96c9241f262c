import type { DataChanges, SessionChanges } from '../session/data/changes.js';
import {
  type Access,
  type StoreListener,
  type CommittedTimes,
  type Login,
  type NewSession,
  type OldSessions,
  type Rotation,
  type RotationOutcome,
  SessionStore,
} from '../session-store.js';
import type { ListedSession, StoredSession } from '../session/stored-session.js';
import type { SessionId } from '../session/token.js';

/**
 * A store in front of another: it passes on every operation, and a subclass overrides those that it changes. `refind`,
 * `findOneOf` and `commitIf` stay as `SessionStore` has them, by `find` and `update`, for a subclass may present sessions
 * differently.
 */
export abstract class ForwardingSessionStore extends SessionStore {
  protected readonly inner: SessionStore;

  constructor(inner: SessionStore) {
    super();
    this.inner = inner;
  }

  override get description(): string {
    return this.inner.description;
  }

  open(listener: StoreListener): Promise<void> {
    return this.inner.open(listener);
  }

  now(): number {
    return this.inner.now();
  }

  override generationOf(secretHash: Buffer, before: number | null): number {
    return this.inner.generationOf(secretHash, before);
  }

  find(id: SessionId): Promise<StoredSession | null> {
    return this.inner.find(id);
  }

  create(session: NewSession): Promise<StoredSession> {
    return this.inner.create(session);
  }

  override get oldSessions(): OldSessions | null {
    return this.inner.oldSessions;
  }

  override get canAdopt(): boolean {
    return this.inner.canAdopt;
  }

  override adopt(session: NewSession, sid: string | null): Promise<StoredSession | null> {
    return this.inner.adopt(session, sid);
  }

  commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null> {
    return this.inner.commit(id, generation, changes);
  }

  update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
    deadline?: number,
  ): Promise<StoredSession | null> {
    return this.inner.update(id, generation, change, deadline);
  }

  renew(access: Access): void {
    this.inner.renew(access);
  }

  override flush(): Promise<void> {
    return this.inner.flush();
  }

  login(login: Login, changesTo?: (stored: StoredSession) => DataChanges | null): Promise<StoredSession | null> {
    return this.inner.login(login, changesTo);
  }

  rotate(rotation: Rotation): Promise<RotationOutcome> {
    return this.inner.rotate(rotation);
  }

  delete(id: SessionId, generation: number | null, userId?: string): Promise<boolean> {
    return this.inner.delete(id, generation, userId);
  }

  override confirmEnd(id: SessionId): Promise<void> {
    return this.inner.confirmEnd(id);
  }

  findByUser(userId: string): Promise<ListedSession[]> {
    return this.inner.findByUser(userId);
  }

  deleteByUser(userId: string, except: SessionId | null): AsyncIterable<readonly SessionId[]> {
    return this.inner.deleteByUser(userId, except);
  }

  keepNewest(userId: string, count: number): AsyncIterable<readonly SessionId[]> {
    return this.inner.keepNewest(userId, count);
  }

  deleteAll(): AsyncIterable<readonly SessionId[]> {
    return this.inner.deleteAll();
  }

  deleteExpired(): AsyncIterable<readonly SessionId[]> {
    return this.inner.deleteExpired();
  }

  claimSweep(lease: number): Promise<boolean> {
    return this.inner.claimSweep(lease);
  }

  count(): Promise<number> {
    return this.inner.count();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
