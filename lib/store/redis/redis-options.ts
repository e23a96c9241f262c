import type { SecureContextOptions } from 'node:tls';
import type { RedisClientType, RedisClusterType } from 'redis';
import { OptionReader } from '../../options/option-reader.js';
import { isPlainObject, kindOf } from '../../session/data/json.js';
import { SessionConfigurationError } from '../../session.errors.js';
import { placeOfClient } from './client-settings.js';
import type { RedisPlace } from './node-redis.js';
import { addressIn, credentialsIn, hasMore, isEscaped, isOfFirstDatabase, isTls } from './redis-url.js';

/** Where the Redis or Valkey is that keeps the sessions, and how sure of it one wants to be. */
export interface RedisSessionStoreOptions {
  /**
   * URLs of its nodes, `redis://user:password@host:port`, `rediss://` for TLS: of a cluster some, from which the others are
   * found (all with the same user and password); of a single Redis the one.
   */
  readonly nodes?: readonly string[] | undefined;
  /**
   * Instead of `nodes`, a client of the package `redis`: `createClient()` or `createCluster()`. Its addresses, credentials and TLS
   * settings are taken over; the connections are the store's own, and the client need not be connected.
   */
  readonly client?: RedisClientType | RedisClusterType | undefined;
  /** What all keys begin with. @default 'session' */
  readonly prefix?: string | undefined;
  /**
   * How many replicas must have confirmed a session that begins, is logged in to, gets a new secret or ends, before the answer
   * goes out; 0 for none. What they do not confirm within `queryTimeout` is answered 503. @default 1 on a cluster, 0 on a single
   * Redis
   */
  readonly waitForReplicas?: number | undefined;
  /** Whether changes of the data wait for them as well. @default false */
  readonly waitForReplicasOnCommit?: boolean | undefined;
  /** How TLS is spoken to `rediss://`, as with `tls.connect()` of Node: above all `ca`. */
  readonly tls?: SecureContextOptions | undefined;
}

/** The same, checked. */
export interface ResolvedRedisOptions {
  readonly place: RedisPlace;
  readonly prefix: string;
  /** `null` for what suits it. */
  readonly waitForReplicas: number | null;
  readonly waitForReplicasOnCommit: boolean;
}

const KNOWN = ['nodes', 'client', 'prefix', 'waitForReplicas', 'waitForReplicasOnCommit', 'tls'];
const NAME = 'store: redisSessionStore()';
const NODES_HINT = '"nodes": [\'redis://host:port\']';

/**
 * Checks the options.
 *
 * @throws {SessionConfigurationError} naming the option, what it was, and what it must be; never a password.
 */
export function resolveRedisOptions(given: RedisSessionStoreOptions): ResolvedRedisOptions {
  const options = new OptionReader(NAME, given, KNOWN);
  return {
    place: placeOf(options.value('nodes') ?? null, options.value('client') ?? null, options.value('tls') ?? null),
    // A brace would put all keys into one slot, and the rest means something to SCAN.
    prefix: options.text('prefix', 'session', /^[\w:.-]+$/, 'letters, digits and any of _ : . -', 100),
    waitForReplicas: options.has('waitForReplicas') ? options.integer('waitForReplicas', 0, 0, 10) : null,
    waitForReplicasOnCommit: options.boolean('waitForReplicasOnCommit', false),
  };
}

function placeOf(nodes: unknown, client: unknown, tls: unknown): RedisPlace {
  if ((nodes === null) === (client === null)) {
    throw new SessionConfigurationError(
      `SessionModule option "${NAME}" takes ${NODES_HINT}, or "client", but was given ${nodes === null ? 'neither' : 'both'}.`,
    );
  }
  if (tls !== null && (!isPlainObject(tls) || nodes === null)) {
    throw new SessionConfigurationError(
      `SessionModule option "${NAME}.tls" must be an object as tls.connect() takes it, beside "nodes"` +
        `${nodes === null ? ': a "client" has settings of its own' : `, but was ${kindOf(tls)}`}.`,
    );
  }
  if (nodes === null) return placeOfClient(client);
  if (!Array.isArray(nodes) || nodes.length === 0) throw wrongNodes(kindOf(nodes));
  const urls = nodes.map(urlOf);
  const [first] = urls as [URL];
  if (urls.some((url) => isTls(url) !== isTls(first))) {
    throw wrongNodes('some with "redis://" and some with "rediss://", which would be spoken to all alike');
  }
  if (tls !== null && !isTls(first)) {
    throw new SessionConfigurationError(
      `SessionModule option "${NAME}.tls" says how TLS is spoken, and "nodes" begin with "redis://", which is in the clear. Fix: ` +
        'write "rediss://", or leave "tls" out.',
    );
  }
  return {
    addresses: urls.map(addressIn),
    settings: {
      ...credentialsIn(first),
      ...(isTls(first) && { socket: { ...(tls as SecureContextOptions | null), tls: true } }),
    },
  };
}

function urlOf(node: unknown): URL {
  if (typeof node !== 'string') throw wrongNodes(`with ${kindOf(node)} in it`);
  const url = URL.canParse(node) ? new URL(node) : null;
  const isWhole = url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== '';
  // It may have a password in it, and is not shown.
  if (!isWhole) throw wrongNodes('with a text in it that is no such URL');
  if (!isEscaped(url)) throw wrongNodes('with a user or a password in it that is not escaped: write "%25" for a "%"');
  if (hasMore(url)) throw wrongNodes('with a "?" or a "#" in it, after which nothing is read');
  if (!isOfFirstDatabase(url)) {
    throw wrongNodes('with the number of a database in it, and sessions are in database 0');
  }
  return url;
}

function wrongNodes(found: string): SessionConfigurationError {
  return new SessionConfigurationError(
    `SessionModule option "${NAME}.nodes" must be a list of URLs, ${NODES_HINT}, but was ${found}.`,
  );
}
