import {
  ClientClosedError,
  ClientOfflineError,
  createClient,
  createCluster,
  ErrorReply,
  type RedisClientOptions,
  type RedisClusterOptions,
} from 'redis';
import { ConnectionLost, NotSent, type RedisConnections, type RedisNode, RedisRefusal } from './connections.js';

/** In milliseconds. A node that fails is replaced within seconds, and this is how soon we look for the other. */
const RECONNECT_EVERY = 100;
const REFRESH_AFTER = 500;
/** An idle connection is tried so often, in milliseconds, and given up after so long a silence. */
const PING_EVERY = 500;
const SILENCE = 2_000;

type Client = ReturnType<typeof clientOf>;
type Cluster = ReturnType<typeof clusterOf>;

/** How a connection is made, besides where to. */
export type ConnectionSettings = Pick<RedisClientOptions, 'username' | 'password' | 'credentialsProvider' | 'socket'>;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a Redis is, and how it is connected to. */
export interface RedisPlace {
  /** Of a cluster some. */
  readonly addresses: readonly Address[];
  readonly settings: ConnectionSettings;
}

/** For messages. */
export const shownAddress = ({ host, port }: Address): string => `${host}:${port}`;

/**
 * What each connection is to be, so that a node that fails is noticed: no command waits for a connection, and none has a time
 * limit of the client's, as each has one of ours.
 */
function settingsOf({ socket, ...credentials }: ConnectionSettings) {
  return {
    ...credentials,
    socket: { connectTimeout: SILENCE, ...socket, socketTimeout: SILENCE, reconnectStrategy: RECONNECT_EVERY },
    pingInterval: PING_EVERY,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    commandOptions: { timeout: 0 },
  } as const;
}

const clientOf = (address: Address, settings: ConnectionSettings, reconnects = true) => {
  const { socket, ...others } = settingsOf(settings);
  const strategy = reconnects ? {} : { reconnectStrategy: false };
  return createClient({ ...others, socket: { ...socket, ...strategy, ...address } } as RedisClientOptions);
};

const clusterOf = ({ addresses, settings }: RedisPlace) =>
  createCluster({
    rootNodes: addresses.map((address) => ({ socket: { ...address } })),
    defaults: settingsOf(settings) as NonNullable<RedisClusterOptions['defaults']>,
    // A node that cannot be reached must not hold up what the others are asked.
    minimizeConnections: true,
    topologyRefreshOnReconnectionAttemptStrategy: REFRESH_AFTER,
  });

/** One connection for one look, which is not made again. */
export async function lookAt<Result>(
  address: Address,
  settings: ConnectionSettings,
  look: (node: RedisNode) => Promise<Result>,
): Promise<Result> {
  const client = clientOf(address, settings, false);
  // What it says is why connecting fails, which throws.
  client.on('error', () => {});
  try {
    await client.connect();
    return await look(nodeOn(client, shownAddress(address)));
  } finally {
    end(client);
  }
}

function end(client: { readonly isOpen: boolean; destroy(): void }): void {
  if (client.isOpen) client.destroy();
}

const nodes = new WeakMap<object, RedisNode>();

function nodeOn(client: Client, name: string): RedisNode {
  let node = nodes.get(client);
  if (node === undefined) nodes.set(client, (node = new NodeRedisNode(client, name)));
  return node;
}

class NodeRedisNode implements RedisNode {
  readonly name: string;
  readonly #client: Client;
  #answeredAt = -Infinity;

  constructor(client: Client, name: string) {
    this.#client = client;
    this.name = name;
  }

  get epoch(): number {
    return this.#client.socketEpoch;
  }

  get answeredAt(): number {
    return this.#answeredAt;
  }

  async send(command: readonly string[]): Promise<unknown> {
    try {
      const answer: unknown = await this.#client.sendCommand(command);
      this.#answeredAt = performance.now();
      return answer;
    } catch (error) {
      if (error instanceof ErrorReply) {
        this.#answeredAt = performance.now();
        throw new RedisRefusal(error.message);
      }
      const isUnsent = error instanceof ClientOfflineError || error instanceof ClientClosedError;
      const message = `${this.name}: ${error instanceof Error ? error.message : String(error)}`;
      throw isUnsent ? new NotSent(message) : new ConnectionLost(message);
    }
  }
}

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

/** A cluster of them. */
export class RedisCluster implements RedisConnections {
  readonly isCluster = true;
  readonly #place: RedisPlace;
  readonly #retired = new Set<Cluster>();
  #cluster: Cluster;
  #isRenewing = false;
  #isClosed = false;

  constructor(place: RedisPlace) {
    this.#place = place;
    this.#cluster = this.#made();
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
      throw failure ?? error;
    }
  }

  async nodeOf(key: string): Promise<RedisNode> {
    try {
      const client = await this.#cluster.getNodeClientForKey(key);
      return nodeOn(client as unknown as Client, nameOf(client as unknown as Client));
    } catch (error) {
      // Of a slot that no node has for the moment, the client has no node either.
      throw new NotSent(`no primary of the cluster is known for the session: ${String(error)}`);
    }
  }

  async nodeAt(address: string): Promise<RedisNode | null> {
    const node = this.#cluster.nodeByAddress.get(address);
    return node === undefined ? null : nodeOn((await this.#cluster.nodeClient(node)) as unknown as Client, address);
  }

  async refresh(key: string): Promise<void> {
    // To follow a redirection, the client asks for the slots anew.
    await this.#cluster.sendCommand(key, false, ['EXISTS', key]);
  }

  /**
   * The client itself notices the silence of an idle connection only: to write to it counts as being alive, for as long as
   * the operating system takes what is written.
   */
  renew(): void {
    if (this.#isRenewing || this.#isClosed) return;
    this.#isRenewing = true;
    const made = this.#made();
    this.#retired.add(made);
    made
      .connect()
      .then(() => {
        if (this.#isClosed) return;
        this.#retired.delete(made);
        this.#retire(this.#cluster);
        this.#cluster = made;
      })
      .catch(() => this.#retire(made))
      .finally(() => {
        this.#isRenewing = false;
      });
  }

  async primaries(): Promise<RedisNode[]> {
    return Promise.all(
      this.#cluster.masters.map(async (master) =>
        nodeOn((await this.#cluster.nodeClient(master)) as unknown as Client, master.address),
      ),
    );
  }

  close(): void {
    this.#isClosed = true;
    for (const cluster of [this.#cluster, ...this.#retired]) cluster.destroy();
  }

  /** What is under way on its other connections has a moment to be answered. */
  #retire(cluster: Cluster): void {
    this.#retired.add(cluster);
    setTimeout(() => {
      if (this.#retired.delete(cluster)) cluster.destroy();
    }, SILENCE).unref();
  }

  #made(): Cluster {
    const cluster = clusterOf(this.#place);
    for (const event of ['error', 'node-error']) cluster.on(event, () => {});
    return cluster;
  }
}

function nameOf(client: Client): string {
  const { host = '', port = '' } = (client.options.socket ?? {}) as { host?: string; port?: number | string };
  return `${host}:${port}`;
}
