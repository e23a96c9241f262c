import type { LostTime } from '../lost-time.js';
import { atDeadline } from '../until-deadline.js';
import { ConnectionLost } from './connections.js';

/** How long a silence a connection is given up for, in milliseconds. */
export const SILENCE = 2_000;

/**
 * Ends the connections of a client that are silent. The time limits of the client would take this process for a silent Redis, as
 * timers come before what lies unread.
 *
 * It is the option `signal` of the client's sockets: Node listens to it for as long as there is one. Other than that of an
 * `AbortController`, it may end one after the other, for a client connects again.
 */
export class Line {
  readonly aborted = false;
  readonly reason = new ConnectionLost('the connection was silent for too long');
  readonly #clock: LostTime;
  readonly #connectTimeout: number;
  readonly #sockets = new Set<() => void>();
  #silentAt = 0;
  #stop: () => void = () => {};

  /** @param connectTimeout in milliseconds, until something happens on a new connection */
  constructor(clock: LostTime, connectTimeout: number) {
    this.#clock = clock;
    this.#connectTimeout = connectTimeout;
  }

  addEventListener(_type: 'abort', end: () => void): void {
    this.#silentAt = this.#clock.time() + this.#connectTimeout;
    this.#sockets.add(end);
    if (this.#sockets.size === 1) this.#watch();
  }

  removeEventListener(_type: 'abort', end: () => void): void {
    this.#sockets.delete(end);
    if (this.#sockets.size === 0) this.#stop();
  }

  /** Something has come over it, or was sent. */
  alive(): void {
    this.#silentAt = this.#clock.time() + SILENCE;
  }

  #watch(): void {
    const left = (): number => this.#silentAt - this.#clock.time();
    this.#stop = atDeadline(
      left,
      () => {
        const sockets = [...this.#sockets];
        this.#sockets.clear();
        for (const end of sockets) end();
      },
      false,
    );
  }
}
