import { setTimeout as wait } from 'node:timers/promises';
import type { LostTime } from '../lost-time.js';
import { outsideRequests } from '../outside-requests.js';
import { NotSent, type RedisConnections, type RedisNode, RedisRefusal } from './connections.js';
import {
  type Address,
  answeredAtOf,
  type Client,
  type Cluster,
  clusterOf,
  end,
  failureOf,
  nodeOn,
  reasonOf,
  REFRESH_AFTER,
  type RedisPlace,
  type Roots,
  rootsOf,
  shownAddress,
} from './node-redis.js';
import { RetiredClients } from './retired-clients.js';
import { slotOf } from './slots.js';

/** How often it is looked for another node in the place of a silent one. */
const MOST_REFRESHES = 20;

/** A cluster of them. */
export class RedisCluster implements RedisConnections {
  readonly isCluster = true;
  readonly #place: RedisPlace;
  readonly #clock: LostTime;
  readonly #retired: RetiredClients;
  #cluster: Cluster;
  /** The one that is being made, which may take its place. */
  #next: Cluster | null = null;
  /** The primaries that were asked for the others, and did not say them, since one did. */
  readonly #unhelpful = new Set<string>();
  #madeAt = 0;
  #isRenewing = false;
  #isClosed = false;

  constructor(place: RedisPlace, clock: LostTime) {
    this.#place = place;
    this.#clock = clock;
    this.#retired = new RetiredClients(clock);
    this.#cluster = this.#made(rootsOf(place.addresses));
  }

  async open(): Promise<void> {
    let failure: unknown = null;
    // Of the nodes that were asked for the others: what connecting throws does not say why.
    this.#cluster.on('error', (error) => {
      failure ??= error;
    });
    try {
      await this.#cluster.connect();
    } catch (error) {
      throw reasonOf(failure ?? error);
    }
  }

  async nodeOf(key: string): Promise<RedisNode> {
    try {
      // Connects where that is the first.
      const client = await outsideRequests(() => this.#cluster.getNodeClientForKey(key));
      return nodeOn(client as unknown as Client, nameOf(client as unknown as Client));
    } catch (error) {
      // Of a slot that no node has for the moment, the client has no node either.
      throw new NotSent(`no primary of the cluster is known for the session: ${String(error)}`);
    }
  }

  async nodeAt(address: string): Promise<RedisNode | null> {
    const node = this.#cluster.nodeByAddress.get(address);
    if (node === undefined) return null;
    try {
      const client = await outsideRequests(() => this.#cluster.nodeClient(node));
      return nodeOn(client as unknown as Client, address);
    } catch (error) {
      throw new NotSent(`${address} could not be connected to: ${String(error)}`);
    }
  }

  async refresh(key: string): Promise<void> {
    try {
      // To follow a redirection, the client asks for the slots anew.
      await this.#cluster.sendCommand(key, false, ['EXISTS', key]);
    } catch (error) {
      const failure = failureOf(error, 'the cluster');
      throw failure instanceof RedisRefusal ? failure : new NotSent(failure.message);
    }
  }

  /**
   * The client itself notices the silence of an idle connection only: to write to it counts as being alive, for as long as
   * the operating system takes what is written.
   */
  renew(silent: RedisNode | null): void {
    if (this.#isRenewing || this.#isClosed || performance.now() - this.#madeAt < REFRESH_AFTER) return;
    this.#isRenewing = true;
    this.#replace(silent?.name ?? null)
      .catch(() => {})
      .finally(() => {
        this.#isRenewing = false;
      });
  }

  /**
   * Again and again, while the nodes have not agreed yet on another in the place of the silent one, and it stays silent. Connections
   * that are there, or on their way, are left once where one of them is silent, and then only for other primaries: to connect may take
   * longer than an operation has, and the client tries again by itself.
   */
  async #replace(silent: string | null): Promise<void> {
    for (let round = 0; round < MOST_REFRESHES && !this.#isClosed; round++) {
      const made = await this.#connected(silent);
      if (this.#isClosed) return;
      if ((round === 0 && silent !== null) || !haveSamePrimaries(made, this.#cluster)) {
        this.#retired.add(this.#cluster);
        this.#cluster = made;
      } else end(made);
      if (!(await this.#staysSilent(silent))) return;
    }
  }

  async #connected(silent: string | null): Promise<Cluster> {
    const root = this.#lastToAnswer(silent);
    const roots = rootsOf(root === null ? this.#allBut(silent) : [root]);
    const made = this.#made(roots);
    this.#next = made;
    try {
      await outsideRequests(() => made.connect());
      this.#unhelpful.clear();
      // One day all primaries may be elsewhere.
      roots.push(...rootsOf(this.#place.addresses));
      return made;
    } catch (error) {
      if (root === null) this.#unhelpful.clear();
      else this.#unhelpful.add(shownAddress(root));
      throw error;
    } finally {
      this.#next = null;
    }
  }

  /** Whether a node is still a primary, and says nothing for a moment. */
  async #staysSilent(name: string | null): Promise<boolean> {
    const master = this.#cluster.masters.find(({ address }) => address === name);
    if (master === undefined) return false;
    const later = wait(REFRESH_AFTER, true, { ref: false });
    const answer = outsideRequests(() => this.#cluster.nodeClient(master).then((client) => client.ping()));
    return Promise.race([
      later,
      answer.then(
        () => false,
        () => later,
      ),
    ]);
  }

  /**
   * The primary that is asked for the others, as the client would wait for one that is silent: not the silent one itself, nor one that
   * was asked in vain. `null` where no other has answered.
   */
  #lastToAnswer(silent: string | null): Address | null {
    let last = -Infinity;
    let address: Address | null = null;
    for (const { client, host, port, address: name } of this.#cluster.masters) {
      const answeredAt = answeredAtOf(client);
      if (answeredAt <= last || name === silent || this.#unhelpful.has(name)) continue;
      last = answeredAt;
      address = { host, port };
    }
    return address;
  }

  /** Those that were given, and all that are known: but for the silent one, where it is not the only one. */
  #allBut(silent: string | null): readonly Address[] {
    const given = this.#place.addresses;
    const known = this.#cluster.masters.map(({ host, port }) => ({ host, port }));
    const others = [...given, ...known].filter((address) => shownAddress(address) !== silent);
    return others.length > 0 ? others : given;
  }

  /** A replica of a cluster says which its primary is. */
  proof(): null {
    return null;
  }

  demoted(): void {}

  get primaries(): readonly string[] {
    return this.#cluster.masters.map(({ address }) => address);
  }

  primaryOf(key: string): string | null {
    return this.#cluster.slots[slotOf(key)]?.master.address ?? null;
  }

  close(): void {
    this.#isClosed = true;
    end(this.#cluster);
    if (this.#next !== null) end(this.#next);
    this.#retired.close();
  }

  #made(roots: Roots): Cluster {
    this.#madeAt = performance.now();
    const cluster = clusterOf(roots, this.#place.settings, this.#clock);
    for (const event of ['error', 'node-error']) cluster.on(event, () => {});
    return cluster;
  }
}

function haveSamePrimaries(one: Cluster, other: Cluster): boolean {
  const addresses = new Set(one.masters.map(({ address }) => address));
  return addresses.size === other.masters.length && other.masters.every(({ address }) => addresses.has(address));
}

function nameOf(client: Client): string {
  const { host = '', port = '' } = (client.options.socket ?? {}) as { host?: string; port?: number | string };
  return `${host}:${port}`;
}
