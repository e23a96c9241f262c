import {
  ClientClosedError,
  ClientOfflineError,
  createClient,
  createCluster,
  ErrorReply,
  type RedisClientOptions,
  type RedisClusterOptions,
  RESP_TYPES,
} from 'redis';
import { ConnectionLost, NotSent, type RedisNode, RedisRefusal } from './connections.js';

/** In milliseconds. A node that fails is replaced within seconds, and this is how soon we look for the other. */
const RECONNECT_EVERY = 100;
export const REFRESH_AFTER = 500;
/** An idle connection is tried so often, in milliseconds, and given up after so long a silence. */
const PING_EVERY = 500;
export const SILENCE = 2_000;

export type Client = ReturnType<typeof clientOf>;
export type Cluster = ReturnType<typeof clusterOf>;

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
    // Fields and values as they come, not as an object of them.
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.MAP]: Array } },
  } as const;
}

export const clientOf = (address: Address, settings: ConnectionSettings, reconnects = true) => {
  const { socket, ...others } = settingsOf(settings);
  const strategy = reconnects ? {} : { reconnectStrategy: false };
  return createClient({ ...others, socket: { ...socket, ...strategy, ...address } } as RedisClientOptions);
};

/** Nodes that a client asks for all others: each time that it has to, and none of those that it knows answers. */
export type Roots = RedisClusterOptions['rootNodes'];

export function rootsOf(addresses: readonly Address[]): Roots {
  return addresses.map((address) => ({ socket: { ...address } }));
}

/** @param rootNodes what is added to them later is asked as well */
export const clusterOf = (rootNodes: Roots, settings: ConnectionSettings) =>
  createCluster({
    rootNodes,
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

export function end(client: { readonly isOpen: boolean; destroy(): void }): void {
  if (client.isOpen) client.destroy();
}

const nodes = new WeakMap<object, RedisNode>();

export function nodeOn(client: Client, name: string): RedisNode {
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
      const failure = failureOf(error, this.name);
      if (failure instanceof RedisRefusal) this.#answeredAt = performance.now();
      throw failure;
    }
  }
}

/** What a command has failed by that a client has sent, or was to send. */
export function failureOf(error: unknown, name: string): RedisRefusal | NotSent | ConnectionLost {
  if (error instanceof ErrorReply) return new RedisRefusal(error.message);
  const isUnsent = error instanceof ClientOfflineError || error instanceof ClientClosedError;
  const message = `${name}: ${error instanceof Error ? error.message : String(error)}`;
  return isUnsent ? new NotSent(message) : new ConnectionLost(message);
}

/** When the node at the other end of a client has answered last. */
export function answeredAtOf(client: object | undefined): number {
  return (client && nodes.get(client)?.answeredAt) ?? -Infinity;
}
