import { StoreClock } from '../store-clock.js';
import type { RedisNode } from './connections.js';

/** How long a reading is carried on before another one is asked for, in milliseconds. */
const FRESH_FOR = 1_000;

/** The clock of a primary, estimated. */
export class NodeClock {
  readonly #clock = new StoreClock();
  #observedAt = -Infinity;

  /** Milliseconds since the epoch: not behind what the node's clock was at anything that it has answered. */
  now(): number {
    return this.#clock.now();
  }

  get isFresh(): boolean {
    return performance.now() - this.#observedAt < FRESH_FOR;
  }

  observe(now: number): void {
    this.#clock.observe(now);
    this.#observedAt = performance.now();
  }
}

/** Each primary has a clock of its own. They are known from what the primaries answer, on any connection. */
export class NodeClocks {
  readonly #furthest = new StoreClock();
  /** By the name of the node. */
  readonly #clocks = new Map<string, NodeClock>();
  /** On which connection a node has told its time. */
  readonly #epochs = new WeakMap<RedisNode, number>();

  /** The one that is furthest ahead, in milliseconds since the epoch. */
  now(): number {
    return this.#furthest.now();
  }

  /** `null` where the node has not told its time on this connection: it may be another server. */
  of(node: RedisNode): NodeClock | null {
    return this.#epochs.get(node) === node.epoch ? (this.#clocks.get(node.name) ?? null) : null;
  }

  /** @param epoch of the connection on which the node has said what its clock is */
  observe(node: RedisNode, epoch: number, now: number): NodeClock {
    let clock = this.#clocks.get(node.name);
    if (clock === undefined || this.#epochs.get(node) !== epoch) {
      this.#epochs.set(node, epoch);
      this.#clocks.set(node.name, (clock = new NodeClock()));
    }
    clock.observe(now);
    this.#furthest.observe(now);
    return clock;
  }
}
