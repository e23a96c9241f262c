import { kindOf } from '../../session/data/json.js';
import { SessionConfigurationError } from '../../session.errors.js';
import type { Address, ConnectionSettings, RedisPlace } from './node-redis.js';
import { addressIn, credentialsIn, isOfFirstDatabase, isTls } from './redis-url.js';

/** What a client of the package `redis` was made with, as far as it is of use here. */
interface ClientOptions extends ConnectionSettings {
  readonly url?: string;
  readonly database?: number;
}

/**
 * Where a client of the package `redis` connects to, and how.
 *
 * @throws {SessionConfigurationError} for what is none
 */
export function placeOfClient(client: unknown): RedisPlace {
  const options = optionsOf(client);
  if (options !== null) return { addresses: [addressOf(options)], settings: settingsOf(options) };
  const cluster = clusterOptionsOf(client);
  if (cluster === null) {
    throw new SessionConfigurationError(
      'SessionModule option "store: redisSessionStore().client" must be a client of the package "redis", of createClient() or ' +
        `createCluster(), but was ${kindOf(client)}.`,
    );
  }
  const { rootNodes, defaults = {} } = cluster;
  return {
    addresses: rootNodes.map(addressOf),
    settings: settingsOf({ ...rootNodes[0], ...defaults }),
  };
}

function optionsOf(client: unknown): ClientOptions | null {
  const options: unknown = (client as { options?: unknown } | null)?.options;
  // ioredis has options of other names, and commands in lower case alone.
  const isClient = typeof options === 'object' && options !== null && 'hGetAll' in (client as object);
  return isClient ? (options as ClientOptions) : null;
}

function clusterOptionsOf(client: unknown): { rootNodes: ClientOptions[]; defaults?: ClientOptions } | null {
  const options = (client as { _options?: { rootNodes?: unknown } } | null)?._options;
  return Array.isArray(options?.rootNodes) ? (options as { rootNodes: ClientOptions[] }) : null;
}

function addressOf({ url, socket, database = 0 }: ClientOptions): Address {
  const named = url === undefined ? null : new URL(url);
  if (database !== 0 || (named !== null && !isOfFirstDatabase(named))) {
    throw new SessionConfigurationError(
      'SessionModule option "store: redisSessionStore().client" has the number of a database, and sessions are in database 0. Fix: ' +
        'keep applications apart by "prefix".',
    );
  }
  if (named !== null) return addressIn(named);
  const { host = 'localhost', port = 6379 } = (socket ?? {}) as Partial<Address>;
  return { host, port: Number(port) };
}

function settingsOf({ url, username, password, credentialsProvider, socket }: ClientOptions): ConnectionSettings {
  const named = url === undefined ? null : new URL(url);
  const { host: _host, port: _port, ...rest } = (socket ?? {}) as Record<string, unknown>;
  return {
    ...(named !== null && credentialsIn(named)),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(credentialsProvider !== undefined && { credentialsProvider }),
    socket: { ...rest, ...(named !== null && isTls(named) && { tls: true }) } as NonNullable<
      ConnectionSettings['socket']
    >,
  };
}
