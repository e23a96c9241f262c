import { DURATIONS, Histogram, SIZES } from './histogram.js';
import type { MeterObserver, WorkTracer } from './observer.js';
import type { QueueName, QueueStats } from './session-stats.js';

/** Counts what goes through a queue. Times are those of `performance.now()`. */
export class QueueMeter {
  observer: MeterObserver | null = null;
  tracer: WorkTracer | null = null;
  /** How many wait now. */
  waiting = 0;
  locked = 0;
  late = 0;

  readonly #name: QueueName;
  readonly #sizes = new Histogram(SIZES);
  readonly #waits = new Histogram(DURATIONS);

  constructor(name: QueueName) {
    this.#name = name;
  }

  /** A request has come. Returns when. */
  joined(): number {
    this.waiting += 1;
    return performance.now();
  }

  /** A request is about to be sent. */
  left(since: number, now: number): void {
    this.waiting -= 1;
    const wait = now - since;
    this.#waits.record(wait);
    this.observer?.waited(this.#name, wait);
  }

  /** What a request that comes now belongs to, where that is traced. */
  origin(): unknown {
    return this.tracer === null ? null : this.tracer.origin();
  }

  /** Sends a statement for requests. */
  send<Result>(requests: readonly { readonly origin: unknown }[], send: () => Result): Result {
    if (this.tracer === null) return send();
    return this.tracer.batch(
      requests.map(({ origin }) => origin),
      send,
    );
  }

  /** A statement with requests is about to be sent. */
  sent(size: number): void {
    this.#sizes.record(size);
    this.observer?.sent(this.#name, size);
  }

  stats(): QueueStats {
    const { waiting, locked, late } = this;
    return { waiting, batchSize: this.#sizes.stats(), waitTime: this.#waits.stats(), locked, late };
  }
}
