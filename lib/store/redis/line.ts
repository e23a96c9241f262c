import type { LostTime } from '../lost-time.js';
import { atDeadline } from '../until-deadline.js';
import { ConnectionLost } from './connections.js';

/** How long a silence a connection is given up for, in milliseconds. */
export const SILENCE = 2_000;

/**
 * Ends the connections of a client that are silent. The time limits of the client would take this process for a silent Redis, as
 * timers come before what lies unread.
 *
 * It is the option `signal` of the client's sockets, each of which listens to it. Other than that of an `AbortController`, it may end one
 * after the other, for a client connects again.
 */
export class Line {
  readonly aborted = false;
  readonly reason = new ConnectionLost('the connection was silent for too long');
  readonly #clock: LostTime;
  readonly #connectTimeout: number;
  /** Node takes one of the listeners of a socket never back, which holds the socket: to hold it here would keep each for good. */
  readonly #ends = new Set<WeakRef<() => void>>();
  /** `Infinity`: nothing is watched. */
  #silentAt = Infinity;
  #stop: () => void = () => {};

  /** @param connectTimeout in milliseconds, until something happens on a new connection */
  constructor(clock: LostTime, connectTimeout: number) {
    this.#clock = clock;
    this.#connectTimeout = connectTimeout;
  }

  addEventListener(_type: 'abort', end: () => void): void {
    this.#forget(null);
    this.#ends.add(new WeakRef(end));
    this.#heard(this.#connectTimeout);
  }

  removeEventListener(_type: 'abort', end: () => void): void {
    this.#forget(end);
    if (this.#ends.size === 0) this.#rest();
  }

  /** Something has come over it, or was sent. */
  alive(): void {
    if (this.#ends.size > 0) this.#heard(SILENCE);
  }

  /** @param end that of a listener, besides those of sockets that are gone */
  #forget(end: (() => void) | null): void {
    for (const one of this.#ends) {
      const known = one.deref();
      if (known === undefined || known === end) this.#ends.delete(one);
    }
  }

  /** @param limit for the silence from now on, in milliseconds */
  #heard(limit: number): void {
    const silentAt = this.#clock.time() + limit;
    const isSooner = silentAt < this.#silentAt;
    this.#silentAt = silentAt;
    if (isSooner) this.#watch();
  }

  #watch(): void {
    this.#stop();
    const left = (): number => this.#silentAt - this.#clock.time();
    const end = (): void => {
      const ends = [...this.#ends];
      this.#ends.clear();
      this.#rest();
      for (const one of ends) one.deref()?.();
    };
    this.#stop = atDeadline(left, end, false);
  }

  #rest(): void {
    this.#stop();
    this.#silentAt = Infinity;
  }
}
