import { createSessionId } from '../../session/token.js';
import { withTimeLimit } from '../time-limit.js';
import type { RedisConnections } from './connections.js';
import type { Keys } from './keys.js';
import { RedisCluster } from './redis-cluster.js';
import type { ResolvedRedisOptions } from './redis-options.js';
import { ScriptRunner } from './script-runner.js';
import { SingleRedis } from './single-redis.js';
import { tryEverything } from './script-trial.js';
import { checkFacts, factsOf, firstToAnswer, setupError, START_TIMEOUT } from './start-check.js';

/** What there is once Redis is connected to. */
export interface OpenedRedis {
  readonly runner: ScriptRunner;
  readonly description: string;
  close(): void;
}

/**
 * Connects, and makes sure that sessions can be kept there.
 *
 * @throws {SessionSetupError} with the fix
 */
export async function openRedis(options: ResolvedRedisOptions, queryTimeout: number, keys: Keys): Promise<OpenedRedis> {
  const { place, facts } = await firstToAnswer(options.place);
  const { isCluster } = facts;
  const made = (): RedisConnections => (isCluster ? new RedisCluster(place) : new SingleRedis(place));
  const replicas = options.waitForReplicas ?? (isCluster ? 1 : 0);
  const connections = made();
  const durability = replicas === 0 ? null : { connections: made(), replicas };
  const runner = new ScriptRunner(connections, durability, queryTimeout);
  const starting = new ScriptRunner(connections, null, START_TIMEOUT);
  const all = durability === null ? [connections] : [connections, durability.connections];
  const close = (): void => {
    runner.close();
    for (const one of all) one.close();
  };
  try {
    const connecting = Promise.all(all.map((one) => one.open()));
    await withTimeLimit(connecting, START_TIMEOUT, () => {
      throw new Error(`Redis did not answer within ${START_TIMEOUT} ms`);
    });
    const nodes = await starting.nodes('start');
    checkFacts(await Promise.all(nodes.map(factsOf)), replicas);
    await tryEverything(starting, connections, keys, createSessionId());
    await runner.readClocks('start');
    const what = isCluster ? `Redis Cluster of ${nodes.length} primaries` : 'Redis';
    const confirmed = replicas === 0 ? '' : `, logins confirmed by ${replicas} replica${replicas === 1 ? '' : 's'}`;
    return { runner, description: `${what}, keys ${options.prefix}:*${confirmed}`, close };
  } catch (error) {
    close();
    throw setupError('waited for Redis to be ready', error);
  } finally {
    starting.close();
  }
}
