import type { RedisConnections, RedisNode } from './connections.js';
import {
  type Address,
  type Client,
  clientOf,
  type ConnectionSettings,
  end,
  nodeOn,
  type RedisPlace,
  shownAddress,
} from './node-redis.js';

/** A Redis by itself. */
export class SingleRedis implements RedisConnections {
  readonly isCluster = false;
  readonly #address: Address;
  readonly #settings: ConnectionSettings;
  #client: Client;

  constructor({ addresses, settings }: RedisPlace) {
    this.#address = addresses[0] as Address;
    this.#settings = settings;
    this.#client = this.#made();
  }

  async open(): Promise<void> {
    await this.#client.connect();
  }

  async nodeOf(): Promise<RedisNode> {
    return nodeOn(this.#client, shownAddress(this.#address));
  }

  async nodeAt(): Promise<RedisNode | null> {
    return null;
  }

  async refresh(): Promise<void> {}

  renew(): void {
    const silent = this.#client;
    this.#client = this.#made();
    // What is under way there is given up.
    end(silent);
    this.#client.connect().catch(() => {});
  }

  async primaries(): Promise<RedisNode[]> {
    return [await this.nodeOf()];
  }

  async keyOnEach(keyOf: (number: number) => string): Promise<string[]> {
    return [keyOf(0)];
  }

  close(): void {
    end(this.#client);
  }

  #made(): Client {
    const client = clientOf(this.#address, this.#settings);
    // It connects again by itself, and what is asked of it meanwhile says that it could not.
    client.on('error', () => {});
    return client;
  }
}
