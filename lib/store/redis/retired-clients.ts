import { end, SILENCE } from './node-redis.js';

type Retired = Parameters<typeof end>[0];

/** Clients in whose place there is another: what is under way on them has a moment to be answered, as it may be carried out. */
export class RetiredClients {
  readonly #clients = new Set<Retired>();

  add(client: Retired): void {
    this.#clients.add(client);
    setTimeout(() => {
      this.#clients.delete(client);
      end(client);
    }, SILENCE).unref();
  }

  close(): void {
    for (const client of this.#clients) end(client);
  }
}
