import { LRUCache } from 'lru-cache';
import type { SessionId } from '../../session/token.js';
import type { StoredSession } from '../../session/stored-session.js';
import { bytesOf, lasting } from '../kept-session.js';
import { Repeated } from '../repeated.js';

/** A session as it was found, and the version of its row. */
export interface KnownSession {
  readonly session: StoredSession;
  /** The transaction that wrote the row as it is: every change of a row makes another version of it, on one server. */
  version: string;
}

/** In bytes, for all sessions together. With the ids that are remembered, it is 32 MB at most. */
const MOST_KEPT = 30 * 1024 * 1024;
/**
 * In milliseconds. For a server that has crashed unnoticed, behind a pooler, and with `synchronous_commit` off: it may have
 * lost transactions that were seen, and give their numbers to others.
 */
const LONGEST_KEPT = 60_000;

/**
 * Sessions that were looked up lately, so that PostgreSQL need not send all of them again. They answer no look-up: each
 * names the version of the row that is cached, and gets only its times if the row is in that version, and all of it
 * otherwise. So every change is noticed, however it was made.
 */
export class RowVersionCache {
  readonly #kept = new LRUCache<SessionId, KnownSession>({
    maxSize: MOST_KEPT,
    sizeCalculation: ({ session }) => bytesOf(session),
    ttl: LONGEST_KEPT,
  });
  readonly #lookedUp = new Repeated();
  #server: string | null = null;

  /** That of all versions, as it says itself which it is; `null` as long as none is known. */
  get server(): string | null {
    return this.#server;
  }

  get(id: SessionId): KnownSession | undefined {
    return this.#kept.get(id);
  }

  /** Takes in what a look-up gave. What is known of another server is forgotten. */
  add(session: StoredSession, version: string, server: string): void {
    const { id } = session;
    if (server !== this.#server) this.clear();
    this.#server = server;
    if (this.#kept.has(id) || this.#lookedUp.isAgain(id)) this.#kept.set(id, { session: lasting(session), version });
  }

  /** The row has changed. A session that changes at every use is not worth caching either. */
  forget(id: SessionId): void {
    this.#kept.delete(id);
    this.#lookedUp.forget(id);
  }

  clear(): void {
    this.#kept.clear();
  }
}
