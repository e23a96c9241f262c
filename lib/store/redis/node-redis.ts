import type { EventEmitter } from 'node:events';
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
import type { LostTime } from '../lost-time.js';
import { ConnectionLost, NotSent, type RedisNode, RedisRefusal } from './connections.js';
import { Line, SILENCE } from './line.js';

/** In milliseconds. A node that fails is replaced within seconds, and this is how soon we look for the other. */
const RECONNECT_EVERY = 100;
export const REFRESH_AFTER = 500;
/** An idle connection is tried so often, in milliseconds. */
const PING_EVERY = 500;

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
 * What each connection is to be, so that a node that fails is noticed: no command waits for a connection, and nothing has a time
 * limit of the client's. A command has one of ours, and a connection its {@link Line}.
 */
function settingsOf({ socket, ...credentials }: ConnectionSettings, clock: LostTime) {
  const connectTimeout = Math.max(SILENCE, socket?.connectTimeout ?? 0);
  return {
    ...credentials,
    socket: {
      ...socket,
      connectTimeout: 0,
      socketTimeout: 0,
      reconnectStrategy: RECONNECT_EVERY,
      // Each client of a cluster copies these settings, and so has one of its own.
      get signal() {
        return new Line(clock, connectTimeout);
      },
    },
    pingInterval: PING_EVERY,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    // Fields and values as they come, not as an object of them.
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.MAP]: Array } },
  } as const;
}

export const clientOf = (address: Address, settings: ConnectionSettings, clock: LostTime, reconnects = true) => {
  const { socket, ...others } = settingsOf(settings, clock);
  const strategy = reconnects ? {} : { reconnectStrategy: false };
  const client = createClient({ ...others, socket: { ...socket, ...strategy, ...address } } as RedisClientOptions);
  listenTo(client);
  return client;
};

const lines = new WeakMap<object, Line>();

/** Has the line of a client hear of its connections. */
function listenTo(client: object & Pick<EventEmitter, 'on'> & { readonly options: unknown }): Line {
  const { socket } = client.options as { socket: { signal?: Line } };
  const line = socket.signal as Line;
  // A cluster copies the settings of a client for a connection beside it.
  delete socket.signal;
  lines.set(client, line);
  for (const event of ['connect', 'ready', 'ping-interval']) client.on(event, () => line.alive());
  return line;
}

/** Nodes that a client asks for all others: each time that it has to, and none of those that it knows answers. */
export type Roots = RedisClusterOptions['rootNodes'];

export function rootsOf(addresses: readonly Address[]): Roots {
  return addresses.map((address) => ({ socket: { ...address } }));
}

/** @param rootNodes what is added to them later is asked as well */
export const clusterOf = (rootNodes: Roots, settings: ConnectionSettings, clock: LostTime) => {
  const cluster = createCluster({
    rootNodes,
    defaults: settingsOf(settings, clock) as unknown as NonNullable<RedisClusterOptions['defaults']>,
    // A node that cannot be reached must not hold up what the others are asked.
    minimizeConnections: true,
    topologyRefreshOnReconnectionAttemptStrategy: REFRESH_AFTER,
  });
  cluster.on('node-connect', ({ host, port }: Address) => {
    const client = cluster.nodeByAddress.get(`${host}:${port}`)?.client;
    if (client !== undefined && !lines.has(client)) listenTo(client).alive();
  });
  return cluster;
};

/** One connection for one look, which is not made again. */
export async function lookAt<Result>(
  address: Address,
  settings: ConnectionSettings,
  clock: LostTime,
  look: (node: RedisNode) => Promise<Result>,
): Promise<Result> {
  const client = clientOf(address, settings, clock, false);
  // What it says is why connecting fails, which throws.
  client.on('error', () => {});
  try {
    await client.connect();
    return await look(nodeOn(client, shownAddress(address)));
  } catch (error) {
    throw reasonOf(error);
  } finally {
    end(client);
  }
}

/** Of a connection that a {@link Line} has ended, why. */
export function reasonOf(error: unknown): unknown {
  const cause = (error as { readonly cause?: unknown } | null)?.cause;
  return cause instanceof ConnectionLost ? cause : error;
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
  readonly #line: Line;
  #answeredAt = -Infinity;

  constructor(client: Client, name: string) {
    this.#client = client;
    this.#line = lines.get(client) ?? listenTo(client);
    this.name = name;
  }

  get epoch(): number {
    return this.#client.socketEpoch;
  }

  get answeredAt(): number {
    return this.#answeredAt;
  }

  async send(command: readonly string[]): Promise<unknown> {
    // Otherwise it is refused at once.
    if (this.#client.isReady) this.#line.alive();
    try {
      const answer: unknown = await this.#client.sendCommand(command);
      this.#noteAnswer();
      return answer;
    } catch (error) {
      const failure = failureOf(error, this.name);
      if (failure instanceof RedisRefusal) this.#noteAnswer();
      throw failure;
    }
  }

  #noteAnswer(): void {
    this.#answeredAt = performance.now();
    this.#line.alive();
  }
}

/** What a command has failed by that a client has sent, or was to send. */
export function failureOf(error: unknown, name: string): RedisRefusal | NotSent | ConnectionLost {
  if (error instanceof ErrorReply) return new RedisRefusal(error.message);
  const isUnsent = error instanceof ClientOfflineError || error instanceof ClientClosedError;
  const reason = reasonOf(error);
  const message = `${name}: ${reason instanceof Error ? reason.message : String(reason)}`;
  return isUnsent ? new NotSent(message) : new ConnectionLost(message);
}

/** When the node at the other end of a client has answered last. */
export function answeredAtOf(client: object | undefined): number {
  return (client && nodes.get(client)?.answeredAt) ?? -Infinity;
}
