import { setTimeout as pause } from 'node:timers/promises';
import { TcpProxy } from '../support/tcp-proxy.js';
import { Application } from './application/application.js';
import { Backends } from './backends.js';
import type { Fault, ServerNeeds } from './fault.js';
import { Health } from './load/health.js';
import { Load } from './load/load.js';
import { freePort } from './ports.js';
import { APPLICATION_ROLE, type Cluster } from './postgres/cluster.js';
import type { Site } from './site.js';

/** In milliseconds. */
export const QUERY_TIMEOUT = 1_000;
export const POOL = 6;
/** Beside the sessions' pool: what MikroORM starts with, the sweep's connection, and that of the feed. */
const BESIDES = 3;
const NAME = 'faults-application';

/** All that there is while a fault happens: a database, a network, an application and its visitors. */
export class World {
  readonly database: string;
  readonly proxy: TcpProxy;
  readonly application: Application;
  /** The one that ends sessions; the same, where there is only one. */
  readonly second: Application;
  readonly load: Load;
  readonly health: Health;
  readonly backends: Backends;
  readonly backendsAllowed: number;
  /** When the fault had ended, on `performance.now()`. */
  endedAt = Infinity;
  readonly site: Site;
  readonly standby: Cluster | null;
  readonly #first: Cluster;
  #cluster: Cluster;

  private constructor(site: Site, fault: Fault, { servers, proxy, database, seed, ports }: Foundations) {
    this.site = site;
    this.#first = servers.primary;
    this.#cluster = servers.primary;
    this.standby = servers.standby;
    this.proxy = proxy;
    this.database = database;
    const url = servers.primary.url(database, APPLICATION_ROLE, proxy.port);
    const settings = { url, pool: POOL, isQuiet: true, options: { queryTimeout: QUERY_TIMEOUT, ...fault.options } };
    this.application = new Application({ ...settings, port: ports[0], name: NAME });
    this.second = fault.hasSecond
      ? new Application({ ...settings, port: ports[1], name: `${NAME}-2` })
      : this.application;
    const administrationPort = this.second.settings.port;
    this.load = new Load({ seed, port: ports[0], administrationPort, hearing: fault.hearing ?? 0 });
    this.health = new Health(ports[0]);
    this.backends = new Backends(() => this.cluster, NAME);
    this.backendsAllowed = POOL + BESIDES + (fault.held ?? 0);
  }

  /** Sets everything up, and waits until all runs well. */
  static async open(site: Site, fault: Fault, seed: number): Promise<World> {
    const servers = await serversFor(site, fault.server ?? 'shared');
    const { primary } = servers;
    const database = await site.createDatabase(primary);
    const proxy = await TcpProxy.start(primary.port);
    const ports = [await freePort(), await freePort()] as const;
    const world = new World(site, fault, { servers, proxy, database, seed, ports });
    try {
      await world.application.start();
      if (world.second !== world.application) await world.second.start();
      world.load.start();
      world.health.start();
      world.backends.start();
      await pause(1_000);
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  /** The server that has the database at the moment. */
  get cluster(): Cluster {
    return this.#cluster;
  }

  /** The database is on another server from now on. */
  moveTo(cluster: Cluster): void {
    this.#cluster = cluster;
  }

  /** Runs a statement past the proxy, as a superuser. */
  query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return this.cluster.query<Row>(this.database, text, values);
  }

  /** Lets the traffic go on for a while. */
  during(milliseconds: number): Promise<void> {
    return pause(milliseconds);
  }

  /** The fault has ended. */
  ended(): void {
    this.endedAt = performance.now();
  }

  /** The backends of the application, of those that match a condition on `pg_stat_activity`. */
  async pids(condition = 'true'): Promise<number[]> {
    const rows = await this.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = $1 and ${condition}`,
      [NAME],
    );
    return rows.map(({ pid }) => pid);
  }

  /** Ends backends of the application. Returns how many. */
  async kill(condition = 'true'): Promise<number> {
    const rows = await this.query<{ isEnded: boolean }>(
      `select pg_terminate_backend(pid) as "isEnded" from pg_stat_activity
       where application_name = $1 and ${condition}`,
      [NAME],
    );
    return rows.filter(({ isEnded }) => isEnded).length;
  }

  /** Stops the traffic, and looks at what is there. */
  async verify(): Promise<void> {
    await this.load.stop();
    await this.health.stop();
    await this.backends.stop();
    await this.load.verify(this.cluster, this.database);
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.load.stop(), this.health.stop(), this.backends.stop()]);
    this.load.close();
    if (this.second !== this.application) await this.second.end('SIGTERM');
    await this.application.end('SIGTERM');
    await this.proxy.close();
    if (this.#first === (await this.site.shared())) {
      await this.#first.dropDatabase(this.database);
    } else {
      await this.standby?.remove();
      await this.#first.remove();
    }
  }
}

interface Foundations {
  readonly servers: Servers;
  readonly proxy: TcpProxy;
  readonly database: string;
  readonly seed: number;
  /** Of the application, and of the second one. */
  readonly ports: readonly [number, number];
}

interface Servers {
  readonly primary: Cluster;
  readonly standby: Cluster | null;
}

async function serversFor(site: Site, needs: 'shared' | ServerNeeds): Promise<Servers> {
  if (needs === 'shared') return { primary: await site.shared(), standby: null };
  const primary = await site.copy(needs.settings);
  if (!needs.hasStandby) {
    await primary.start();
    return { primary, standby: null };
  }
  const standby = await primary.copy(`${primary.folder}-standby`);
  await standby.follow(primary);
  await primary.configure("synchronous_standby_names = 'standby'");
  await primary.start();
  await standby.start();
  return { primary, standby };
}
