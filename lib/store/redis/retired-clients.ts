import type { LostTime } from '../lost-time.js';
import { atDeadline } from '../until-deadline.js';
import { SILENCE } from './line.js';
import { end } from './node-redis.js';

type Retired = Parameters<typeof end>[0];

/** Clients in whose place there is another: what is under way on them has a moment to be answered, as it may be carried out. */
export class RetiredClients {
  readonly #clock: LostTime;
  readonly #clients = new Set<Retired>();

  constructor(clock: LostTime) {
    this.#clock = clock;
  }

  add(client: Retired): void {
    this.#clients.add(client);
    const until = this.#clock.time() + SILENCE;
    atDeadline(
      () => until - this.#clock.time(),
      () => {
        this.#clients.delete(client);
        end(client);
      },
      false,
    );
  }

  close(): void {
    for (const client of this.#clients) end(client);
  }
}
