import type { SessionId } from '../session/token.js';
import { paced } from './paced.js';
import type { SessionStore } from '../session-store.js';

/** Told what a sweep removed, that it is done, and when one failed: the next will try again. */
export interface SweepListener {
  expired(ids: readonly SessionId[]): void;
  done(): void;
  failed(error: unknown): void;
}

/**
 * Removes expired sessions every now and then, in one process of many. They are absent already; this only frees the
 * space.
 */
export class Sweeper {
  readonly #store: SessionStore;
  readonly #every: number;
  readonly #listener: SweepListener;
  #timer: NodeJS.Timeout | null = null;
  #sweeping: Promise<void> = Promise.resolve();
  #isStopped = false;

  /** @param every how often, in milliseconds, give or take a tenth: processes that start together do not sweep together */
  constructor(store: SessionStore, every: number, listener: SweepListener) {
    this.#store = store;
    this.#every = every;
    this.#listener = listener;
  }

  start(): void {
    this.#timer = setTimeout(() => this.#tick(), this.#every * (0.9 + 0.2 * Math.random()));
    // A process that has nothing else to do need not stay for this.
    this.#timer.unref();
  }

  /** Ends the sweep that is under way after its batch, and begins no other. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#sweeping;
  }

  #tick(): void {
    this.#sweeping = this.#sweep().catch((error: unknown) => this.#listener.failed(error));
    void this.#sweeping.then(() => {
      if (!this.#isStopped) this.start();
    });
  }

  async #sweep(): Promise<void> {
    if (!(await this.#store.claimSweep())) return;
    for await (const ids of paced(this.#store.deleteExpired())) {
      if (ids.length > 0) this.#listener.expired(ids);
      if (this.#isStopped) return;
    }
    this.#listener.done();
  }
}
