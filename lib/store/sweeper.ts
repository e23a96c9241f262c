import type { SessionId } from '../session/token.js';
import { paced } from './paced.js';
import type { SessionStore } from '../session-store.js';

/** Told what a sweep removed, that it is done, and when one failed: the next will try again. */
export interface SweepListener {
  expired(ids: readonly SessionId[]): void;
  done(): void;
  failed(error: unknown): void;
  /** Another process has swept so far, and this one does from now on. */
  takenOver(): void;
  /** This process has swept so far, and another one does from now on. */
  lost(): void;
}

/** How many intervals the claim outlasts a process that does not renew it: one may be slow, and the next as well. */
const LEASE_INTERVALS = 3;
/** In milliseconds: a process that is only busy must not lose the claim. */
const SHORTEST_LEASE = 2_000;
const LONGEST_LEASE = 2 ** 31 - 1;

/**
 * Removes expired sessions every now and then, in one process of many. They are absent already; this only frees the
 * space.
 */
export class Sweeper {
  readonly #store: SessionStore;
  readonly #every: number;
  readonly #listener: SweepListener;
  readonly #now: () => number;
  readonly #lease: number;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();
  #isStopped = false;
  /** Whether it was for this process when it was last asked for; `null` before the first time. */
  #isClaimed: boolean | null = null;
  #claimedAt = 0;

  /**
   * @param every how often, in milliseconds, give or take a tenth: processes that start together do not sweep together
   * @param now a clock that never goes back, in milliseconds
   */
  constructor(store: SessionStore, every: number, listener: SweepListener, now = (): number => performance.now()) {
    this.#store = store;
    this.#every = every;
    this.#listener = listener;
    this.#now = now;
    this.#lease = Math.min(Math.max(LEASE_INTERVALS * every, SHORTEST_LEASE), LONGEST_LEASE);
  }

  start(): void {
    this.#timer = setTimeout(() => this.#tick(), this.#every * (0.9 + 0.2 * Math.random()));
    // A process that has nothing else to do need not stay for this.
    this.#timer.unref();
  }

  /** Ends the sweep that is under way after its batch, and begins no other. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#sweeping;
  }

  #tick(): void {
    this.#sweeping = this.#sweep().catch((error: unknown) => this.#listener.failed(error));
    void this.#sweeping.then(() => {
      if (!this.#isStopped) this.start();
    });
  }

  async #sweep(): Promise<void> {
    if (await this.#claim()) await this.#removeExpired();
    this.#listener.done();
  }

  async #removeExpired(): Promise<void> {
    for await (const ids of paced(this.#store.deleteExpired())) {
      if (ids.length > 0) this.#listener.expired(ids);
      if (this.#isStopped) return;
      // A sweep may take longer than the lease, and the process may be frozen in the middle of it.
      if (this.#now() - this.#claimedAt >= this.#lease / LEASE_INTERVALS && !(await this.#claim())) return;
    }
  }

  async #claim(): Promise<boolean> {
    const before = this.#isClaimed;
    const isClaimed = await this.#store.claimSweep(this.#lease);
    this.#isClaimed = isClaimed;
    this.#claimedAt = this.#now();
    if (isClaimed && before === false) this.#listener.takenOver();
    if (!isClaimed && before === true) this.#listener.lost();
    return isClaimed;
  }
}
