import { outsideRequests } from './outside-requests.js';

/** What it is about, of a cache. */
interface Purged {
  readonly size: number;
  purgeStale(): boolean;
}

/** How often what is over is looked for, in milliseconds. */
const EVERY = 15_000;

/** Removes from a cache of `lru-cache` what is over: by itself, the cache does so only when it is asked for it. */
export class Purging {
  readonly #cache: Purged;
  #timer: NodeJS.Timeout | null = null;

  constructor(cache: Purged) {
    this.#cache = cache;
  }

  /** To be called when something was added. It ends by itself once nothing is left. */
  start(): void {
    this.#timer ??= outsideRequests(() => setInterval(() => this.#purge(), EVERY).unref());
  }

  stop(): void {
    clearInterval(this.#timer ?? undefined);
    this.#timer = null;
  }

  #purge(): void {
    this.#cache.purgeStale();
    if (this.#cache.size === 0) this.stop();
  }
}
