import { setTimeout as pause } from 'node:timers/promises';
import { TcpProxy } from '../support/tcp-proxy.js';
import { Application } from './application/application.js';
import { Backends } from './backends.js';
import { Ending } from './ending.js';
import type { Fault } from './fault.js';
import { Health } from './load/health.js';
import { Load } from './load/load.js';
import { freePort } from './ports.js';
import { APPLICATION_ROLE, type Cluster } from './postgres/cluster.js';
import { mountDisk } from './postgres/disk.js';
import { Pooler } from './postgres/pooler.js';
import { type Servers, serversFor } from './servers.js';
import type { Site } from './site.js';

/** In milliseconds. */
export const QUERY_TIMEOUT = 1_000;
export const POOL = 6;
/** Beside the sessions' pool: what MikroORM starts with, the sweep's connection, and that of the feed. */
const BESIDES = 3;
const NAME = 'faults-application';
/** How long the traffic goes on before a fault, in milliseconds. */
const BEFORE = 1_000;

interface Foundations {
  readonly site: Site;
  readonly fault: Fault;
  readonly ending: Ending;
  readonly servers: Servers;
  readonly pooler: Pooler | null;
  readonly proxy: TcpProxy;
  readonly database: string;
  /** Of the application, and of the second one. */
  readonly ports: readonly [number, number];
}

/** Those who come and those who look on, for one fault. */
interface Watch {
  readonly load: Load;
  readonly health: Health;
  readonly backends: Backends;
}

/** All that there is while a fault happens: a database, a network, an application and its visitors. */
export class World {
  readonly site: Site;
  readonly database: string;
  readonly standby: Cluster | null;
  readonly pooler: Pooler | null;
  /** What the application has between itself and the database; the second one has nothing. */
  readonly proxy: TcpProxy;
  readonly application: Application;
  /** The one that ends sessions; the same, where there is only one. */
  readonly second: Application;
  /** How many connections of MikroORM's pool handlers hold. */
  held = 0;
  /** When the fault had ended, on `performance.now()`. */
  endedAt = Infinity;
  readonly #ending: Ending;
  readonly #hearing: number;
  #cluster: Cluster;
  #watch: Watch | null = null;

  private constructor({ site, fault, ending, servers, pooler, proxy, database, ports }: Foundations) {
    const { primary, standby } = servers;
    this.site = site;
    this.#ending = ending;
    this.#cluster = primary;
    this.standby = standby;
    this.pooler = pooler;
    this.proxy = proxy;
    this.database = database;
    const url = primary.url(database, APPLICATION_ROLE, proxy.port);
    const options = { queryTimeout: QUERY_TIMEOUT, ...fault.options };
    const settings = { url, name: NAME, port: ports[0], pool: POOL, options };
    this.application = new Application(settings);
    const direct = { url: primary.url(database, APPLICATION_ROLE), name: `${NAME}-2`, port: ports[1] };
    this.second = fault.hasSecond ? new Application({ ...settings, ...direct }) : this.application;
    this.#hearing = fault.hearing ?? 0;
  }

  /**
   * Sets everything up.
   *
   * @throws {Skipped} where something that the fault needs is not there
   */
  static async open(site: Site, fault: Fault): Promise<World> {
    const ending = new Ending();
    try {
      const servers = await serversFor(site, fault.server ?? 'shared', ending);
      const { primary } = servers;
      const database = await site.createDatabase(primary);
      if (primary === (await site.shared())) ending.add(() => site.dropDatabase(database));
      const pooler = fault.hasPooler ? await Pooler.make(primary, `${primary.folder}-pooler`) : null;
      await pooler?.start();
      ending.add(async () => pooler?.stop());
      const proxy = await TcpProxy.start(pooler?.port ?? primary.port);
      ending.add(() => proxy.close());
      const ports = [await freePort(), await freePort()] as const;
      const world = new World({ site, fault, ending, servers, pooler, proxy, database, ports });
      await world.#start();
      return world;
    } catch (error) {
      await ending.run();
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

  /** Lets the traffic go on for a while, in milliseconds. */
  during(milliseconds: number): Promise<void> {
    return pause(milliseconds);
  }

  /** The fault has ended. */
  ended(): void {
    this.endedAt = performance.now();
  }

  /** Has something done once all is over, before what was there earlier is taken away. */
  atEnd(step: () => unknown): void {
    this.#ending.add(step);
  }

  /** A disk of its own, so small. Returns the folder. */
  smallDisk(mebibytes: number): Promise<string> {
    return mountDisk(this.cluster, `${this.cluster.folder}-disk`, mebibytes, this.#ending);
  }

  /** Starts another application like the first, on the same database, without visitors. */
  async another(): Promise<void> {
    const { settings } = this.application;
    const other = new Application({ ...settings, name: `${NAME}-other`, port: await freePort() });
    this.atEnd(() => other.end('SIGTERM'));
    await other.start();
  }

  /** The backends of the application that match a condition on `pg_stat_activity`. */
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

  get load(): Load {
    return this.#watched.load;
  }

  get health(): Health {
    return this.#watched.health;
  }

  get backends(): Backends {
    return this.#watched.backends;
  }

  get backendsAllowed(): number {
    return POOL + BESIDES + this.held;
  }

  /** Lets visitors come, and waits until all runs well. */
  async begin(seed: number): Promise<void> {
    const { port } = this.application.settings;
    const administrationPort = this.second.settings.port;
    this.endedAt = Infinity;
    this.#watch = {
      load: new Load({ seed, port, administrationPort, hearing: this.#hearing }),
      health: new Health(port),
      backends: new Backends(() => this.cluster, NAME),
    };
    this.load.start();
    this.health.start();
    this.backends.start();
    await pause(BEFORE);
  }

  /** Stops the traffic, and looks at what is there. */
  async verify(): Promise<void> {
    await this.rest();
    await this.load.verify(this.cluster, this.database);
    this.load.close();
  }

  /** Stops the traffic. */
  async rest(): Promise<void> {
    if (this.#watch === null) return;
    await Promise.all([this.load.stop(), this.health.stop(), this.backends.stop()]);
  }

  async close(): Promise<void> {
    await this.#ending.run();
  }

  get #watched(): Watch {
    if (this.#watch === null) throw new Error('There are no visitors yet.');
    return this.#watch;
  }

  async #start(): Promise<void> {
    this.atEnd(() => this.application.end('SIGTERM'));
    await this.application.start();
    if (this.second !== this.application) {
      this.atEnd(() => this.second.end('SIGTERM'));
      await this.second.start();
    }
    // In the reverse order.
    this.atEnd(() => this.#watch?.load.close());
    this.atEnd(() => this.rest());
  }
}
