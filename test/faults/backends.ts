import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Cluster } from './postgres/cluster.js';

const EVERY = 25;
/** How long the server may take to say it, in milliseconds. */
const PATIENCE = 1_000;

/** Counts the backends that work for applications, past all proxies, wherever the database is at the moment. */
export class Backends {
  readonly #cluster: () => Cluster;
  readonly #name: string;
  most = 0;
  #isOver = false;
  #watching: Promise<void> = Promise.resolve();

  /** @param name of one application's connections */
  constructor(cluster: () => Cluster, name: string) {
    this.#cluster = cluster;
    this.#name = name;
  }

  start(): void {
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      const cluster = this.#cluster();
      // While the server is away, or stands still, there is nothing to count.
      const client = await cluster.connect('postgres', undefined, PATIENCE).catch(() => null);
      if (client !== null) await this.#count(client, cluster).catch(() => {});
      void client?.end().catch(() => {});
      await pause(EVERY);
    }
  }

  async #count(client: pg.Client, cluster: Cluster): Promise<void> {
    for (; !this.#isOver && this.#cluster() === cluster; await pause(EVERY)) {
      const { rows } = await client.query<{ count: number }>(
        'select count(*)::int as count from pg_stat_activity where application_name = $1',
        [this.#name],
      );
      this.most = Math.max(this.most, rows[0]?.count ?? 0);
    }
  }
}
