import { createSessionId } from '../../session/token.js';
import type { StoreListener } from '../../session-store.js';
import { LostTime } from '../lost-time.js';
import type { RedisConnections } from './connections.js';
import type { Keys } from './keys.js';
import { RedisCluster } from './redis-cluster.js';
import type { ResolvedRedisOptions } from './redis-options.js';
import { ScriptRunner } from './script-runner.js';
import { SingleRedis } from './single-redis.js';
import { tryEverything } from './script-trial.js';
import { checkFacts, factsOf, firstToAnswer, inTime, setupError, START_TIMEOUT, warningOf } from './start-check.js';

/** What there is once Redis is connected to. */
export interface OpenedRedis {
  readonly runner: ScriptRunner;
  readonly description: string;
  close(): void;
}

/**
 * Connects, and makes sure that sessions can be kept there.
 *
 * @param listener is warned of what sessions had better not be kept on
 * @throws {SessionSetupError} with the fix
 */
export async function openRedis(
  options: ResolvedRedisOptions,
  queryTimeout: number,
  keys: Keys,
  listener: Pick<StoreListener, 'closing' | 'warned'>,
): Promise<OpenedRedis> {
  const { closing } = listener;
  const lost = new LostTime();
  lost.start();
  const opened: RedisConnections[] = [];
  const close = (): void => {
    for (const one of opened) one.close();
    lost.stop();
  };
  try {
    const { place, facts } = await firstToAnswer(options.place, lost);
    closing?.throwIfAborted();
    const { isCluster } = facts;
    const made = (): RedisConnections => {
      const connections = isCluster ? new RedisCluster(place, lost) : new SingleRedis(place, lost);
      opened.push(connections);
      return connections;
    };
    const replicas = options.waitForReplicas ?? (isCluster ? 1 : 0);
    const connections = made();
    const durability = replicas === 0 ? null : { connections: made(), replicas };
    const runner = new ScriptRunner(connections, durability, queryTimeout, lost);
    const starting = new ScriptRunner(connections, null, START_TIMEOUT, lost);
    await inTime(Promise.all(opened.map((one) => one.open())), lost, 'Redis');
    closing?.throwIfAborted();
    const nodes = await starting.nodes('start');
    const primaries = await Promise.all(nodes.map(factsOf));
    checkFacts(primaries, place.addresses.length, replicas);
    await tryEverything(starting, connections, keys, createSessionId());
    await runner.readClocks('start');
    closing?.throwIfAborted();
    const warning = warningOf(primaries);
    if (warning !== null) listener.warned?.(warning);
    const what = isCluster ? `Redis Cluster of ${nodes.length} primaries` : 'Redis';
    const confirmed = replicas === 0 ? '' : `, logins confirmed by ${replicas} replica${replicas === 1 ? '' : 's'}`;
    return { runner, description: `${what}, keys ${options.prefix}:*${confirmed}`, close };
  } catch (error) {
    close();
    throw setupError('waited for Redis to be ready', error);
  }
}
