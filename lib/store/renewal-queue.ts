import type { SessionId } from '../session/credential.js';
import type { SessionStore } from './session-store.js';

/** How the queue is told of what it did, and what it could not do. */
export interface RenewalListener {
  renewed(ids: readonly SessionId[]): void;
  /** Told when the store could not be reached; the accesses are kept for the next try. */
  failed(error: unknown): void;
}

/** As many go out at once: under load, a few small statements a second instead of a big one that all others feel. */
const MOST_ACCESSES = 128;

/**
 * Collects accesses and writes them down together, each with its age: so a session that is used a hundred times a
 * second costs a share of one statement, and collecting never lengthens its life.
 */
export class RenewalQueue {
  readonly #store: SessionStore;
  readonly #every: number;
  readonly #listener: RenewalListener;
  #accesses = new Map<SessionId, number>();
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> | null = null;
  #closing = false;

  /** @param every how long accesses are collected, in milliseconds */
  constructor(store: SessionStore, every: number, listener: RenewalListener) {
    this.#store = store;
    this.#every = every;
    this.#listener = listener;
  }

  /** Notes an access now, to a session that expires at the given time unless it is renewed. */
  add(id: SessionId, expiresAt: number): void {
    const now = this.#store.now();
    this.#accesses.set(id, now);
    // A session that would expire while its renewal is still being collected cannot wait.
    const isUrgent = this.#closing || expiresAt - now <= 2 * this.#every;
    if (isUrgent || (this.#accesses.size >= MOST_ACCESSES && this.#flushing === null)) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), this.#every);
  }

  /** Writes down what has been collected. Never rejects. */
  async flush(): Promise<void> {
    while (this.#flushing !== null) await this.#flushing;
    if (this.#accesses.size === 0) return;
    this.#flushing = this.#write();
    await this.#flushing;
    this.#flushing = null;
  }

  /** Has what is left, and what still comes, written at once: nothing must be waiting when the pool closes. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.flush();
  }

  async #write(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const accesses = this.#accesses;
    this.#accesses = new Map();
    try {
      const { renewed, locked } = await this.#store.renew(Array.from(accesses, ([id, at]) => ({ id, at })));
      this.#keep(accesses, locked);
      this.#listener.renewed(renewed);
    } catch (error) {
      this.#keep(accesses, [...accesses.keys()]);
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    try {
      this.#listener.failed(error);
    } catch {
      // A logger that fails has nobody to fail to: no request waits for a renewal.
    }
  }

  /** For the next time, unless something newer has come. */
  #keep(accesses: ReadonlyMap<SessionId, number>, ids: readonly SessionId[]): void {
    for (const id of ids) {
      const at = accesses.get(id);
      if (at !== undefined && !this.#accesses.has(id)) this.#accesses.set(id, at);
    }
    if (this.#accesses.size > 0 && !this.#closing)
      this.#timer ??= setTimeout(() => void this.flush(), Math.max(this.#every, 10));
  }
}
