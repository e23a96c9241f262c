import type { SessionId } from '../../session/token.js';
import type { SessionStore } from '../../session-store.js';
import { KeyedQueue } from './keyed-queue.js';

/** How the queue is told of what it did, and what it could not do. */
export interface RenewalListener {
  renewed(ids: readonly SessionId[]): void;
  /** Told when the store could not be reached; the accesses are kept for the next try. */
  failed(error: unknown): void;
}

/** In how many statements the accesses of one period go out: under load, a big one would be felt by all others. */
const PARTS = 25;
/** In milliseconds: too short to be worth parts, and too short to try again at once what has failed. */
const SHORT = 10;

/** More would not be written within the time that a statement has. */
const MOST_ACCESSES = 250;

/** An access that waits. */
interface Noted {
  /** When the session was last accessed, in milliseconds of the store's clock. */
  at: number;
  /** In which part of a period it was first noted, counted from the start. */
  readonly part: number;
}

/**
 * Collects accesses and writes them down together, each with its age: so a session that is used a hundred times a
 * second costs a share of one statement, and collecting never lengthens its life.
 */
export class RenewalBuffer {
  readonly #store: SessionStore;
  readonly #every: number;
  readonly #parts: number;
  readonly #listener: RenewalListener;
  #accesses = new Map<SessionId, Noted>();
  #part = 0;
  #timer: NodeJS.Timeout | null = null;
  readonly #flushes = new KeyedQueue();
  #closing = false;

  /** @param every how long accesses are collected, in milliseconds */
  constructor(store: SessionStore, every: number, listener: RenewalListener) {
    this.#store = store;
    this.#every = every;
    this.#parts = every < SHORT ? 1 : PARTS;
    this.#listener = listener;
  }

  /** Notes an access now, to a session that expires at the given time unless it is renewed. */
  add(id: SessionId, expiresAt: number): void {
    const now = this.#store.now();
    // Whatever comes after the first is in the same statement: a session is written once a period at most.
    const noted = this.#accesses.get(id);
    if (noted === undefined) this.#accesses.set(id, { at: now, part: this.#part });
    else noted.at = now;
    // A session that would expire while its renewal is still being collected cannot wait.
    if (this.#closing || expiresAt - now <= 2 * this.#every) void this.flush();
    else this.#wait();
  }

  /** Writes down what has been collected. Never rejects. */
  flush(): Promise<void> {
    return this.#flush(Infinity);
  }

  /** Has what is left, and what still comes, written at once: nothing must be waiting when the pool closes. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.flush();
    // What the store could not take is not tried again, unless something comes.
    this.#stopWaiting();
  }

  #stopWaiting(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #wait(period = this.#every): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#part++;
      void this.#flush(this.#part - this.#parts);
      if (this.#accesses.size > 0) this.#wait();
    }, period / this.#parts);
  }

  /**
   * Writes down what was first noted in a part up to this one: each once, for what could not be written is noted again,
   * and nothing more where the store cannot be reached.
   */
  #flush(part: number): Promise<void> {
    return this.#flushes.run('flush', () => this.#writeDue(part));
  }

  async #writeDue(part: number): Promise<void> {
    for (let left = this.#accesses.size; left > 0;) {
      const due = this.#take(part, Math.min(left, MOST_ACCESSES));
      if (due.size === 0) return;
      left -= due.size;
      if (!(await this.#write(due))) return;
    }
  }

  #take(part: number, most: number): Map<SessionId, Noted> {
    const due = new Map<SessionId, Noted>();
    // A map keeps the order in which its keys were first set.
    for (const [id, noted] of this.#accesses) {
      if (noted.part > part || due.size === most) break;
      due.set(id, noted);
      this.#accesses.delete(id);
    }
    if (this.#accesses.size === 0) this.#stopWaiting();
    return due;
  }

  /** @returns whether the store could be reached */
  async #write(accesses: ReadonlyMap<SessionId, Noted>): Promise<boolean> {
    try {
      const { renewed, locked } = await this.#store.renew(Array.from(accesses, ([id, { at }]) => ({ id, at })));
      this.#keep(accesses, locked);
      this.#listener.renewed(renewed);
      return true;
    } catch (error) {
      this.#keep(accesses, [...accesses.keys()]);
      this.#report(error);
      return false;
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
  #keep(accesses: ReadonlyMap<SessionId, Noted>, ids: readonly SessionId[]): void {
    for (const id of ids) {
      const noted = accesses.get(id);
      if (noted !== undefined && !this.#accesses.has(id)) this.#accesses.set(id, { at: noted.at, part: this.#part });
    }
    if (this.#accesses.size > 0 && !this.#closing) this.#wait(Math.max(this.#every, SHORT));
  }
}
