import { SessionSetupError, SessionStoreUnavailableError } from '../../session.errors.js';
import { shownMessage } from '../../shown.js';
import type { LostTime } from '../lost-time.js';
import { untilDeadline } from '../until-deadline.js';
import { type RedisNode, RedisRefusal } from './connections.js';
import { lookAt, type RedisPlace, shownAddress } from './node-redis.js';

/** How long each step of the start may take, in milliseconds. */
export const START_TIMEOUT = 10_000;
/** The first that has scripts with flags, and what they need. */
const OLDEST = 7;

/** What a node says of itself. */
export interface NodeFacts {
  readonly name: string;
  readonly isCluster: boolean;
  readonly isReplica: boolean;
  readonly version: string;
  readonly policy: string;
  readonly replicas: number;
  /** Whether it says that it goes on from a snapshot after a crash, and not from a file of all writes. */
  readonly lacksAppendOnlyFile: boolean;
}

/**
 * Looks at the nodes that were named, one after the other, until one answers.
 *
 * @returns the place with that one first, and what it says
 * @throws {SessionSetupError} where none does, saying what the last one said
 */
export async function firstToAnswer(
  { addresses, settings }: RedisPlace,
  clock: LostTime,
): Promise<{ readonly place: RedisPlace; readonly facts: NodeFacts }> {
  let failure: unknown = null;
  for (const address of addresses) {
    try {
      const facts = await inTime(lookAt(address, settings, clock, factsOf), clock, shownAddress(address));
      return { place: { addresses: [address, ...addresses.filter((other) => other !== address)], settings }, facts };
    } catch (error) {
      failure = error;
    }
  }
  throw setupError('waited for a connection to Redis', failure);
}

/** A step of the start. @param name of what is to answer */
export function inTime<Result>(step: Promise<Result>, clock: LostTime, name: string): Promise<Result> {
  const end = clock.time() + START_TIMEOUT;
  const late = (): Error => new Error(`${name} did not answer within ${START_TIMEOUT} ms`);
  return untilDeadline(step, () => end - clock.time(), late);
}

/** @throws {RedisRefusal} where the user may not ask */
export async function factsOf(node: RedisNode): Promise<NodeFacts> {
  const info = String(await node.send(['INFO']));
  const said = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  return {
    name: node.name,
    isCluster: said('cluster_enabled') === '1',
    isReplica: said('role') === 'slave',
    version: said('redis_version'),
    policy: said('maxmemory_policy'),
    replicas: Number(said('connected_slaves')),
    lacksAppendOnlyFile: said('aof_enabled') === '0',
  };
}

/**
 * Whether sessions can be kept there.
 *
 * @param named how many nodes the options name
 * @param replicas how many must confirm a write
 * @throws {SessionSetupError} with the fix
 */
export function checkFacts(primaries: readonly NodeFacts[], named: number, replicas: number): void {
  for (const { name, version, policy, isCluster, isReplica } of primaries) {
    if (named > 1 && !isCluster) {
      throw new SessionSetupError(
        `redisSessionStore() names ${named} nodes, but ${name} is no node of a cluster. Where each process took the first that ` +
          'answers, some would not see what others end. Name one Redis, or the nodes of one cluster.',
      );
    }
    if (Number.parseInt(version) < OLDEST) {
      throw new SessionSetupError(
        `Sessions need Redis ${OLDEST}.0 or newer, or Valkey, but ${name} is Redis ${version}.`,
      );
    }
    if (isReplica) {
      throw new SessionSetupError(`${name} is a replica, and takes no writes. Name its primary in "nodes".`);
    }
    if (policy !== 'noeviction' && policy !== '') {
      throw new SessionSetupError(
        `${name} removes keys when its memory is full ("maxmemory-policy ${policy}"), which would log users out, and bring back ` +
          'nothing. Set "maxmemory-policy noeviction", and give sessions a Redis that is not a cache.',
      );
    }
  }
  const most = Math.max(...primaries.map((primary) => primary.replicas));
  if (most < replicas) {
    throw new SessionSetupError(
      `"waitForReplicas" is ${replicas}, but no primary has more than ${most} replicas, so no session could begin. Add replicas, ` +
        'or set "waitForReplicas: 0" of redisSessionStore(), which docs/redis.md says what it costs.',
    );
  }
}

/** What is to be told of primaries that sessions can be kept on; `null` for nothing. */
export function warningOf(primaries: readonly NodeFacts[]): string | null {
  const names = primaries.filter(({ lacksAppendOnlyFile }) => lacksAppendOnlyFile).map(({ name }) => name);
  if (names.length === 0) return null;
  return (
    `Redis keeps no append-only file on ${names.join(', ')} ("appendonly no"). Where it starts again from a snapshot, after a crash, users ` +
    'who have signed out since are signed in again. Set "appendonly yes": docs/redis.md.'
  );
}

/** What every failure at the start becomes: a sentence with the fix. */
export function setupError(what: string, error: unknown): SessionSetupError {
  if (error instanceof SessionSetupError) return error;
  const failure = error instanceof SessionStoreUnavailableError ? error.cause : error;
  const cause = failure instanceof Error ? failure : new Error(String(failure));
  const says = (cause.message === '' ? cause.name : shownMessage(cause)).replace(/\.$/, '');
  return new SessionSetupError(`Sessions could not start. They ${what}: ${says}. ${fixFor(cause)}`, { cause });
}

/** What is said where a command is not allowed: by itself, in a script of Redis 7.0, and of newer ones and Valkey. */
const NOT_ALLOWED = /^NOPERM|can't run this command|ACL failure in script/;

/** By the first word of what Redis says. */
const FIXES: Readonly<Record<string, string | undefined>> = {
  OOM: 'Raise "maxmemory", or have processes that run end sessions.',
  NOREPLICAS: 'Start as many replicas as "min-replicas-to-write" wants, or lower it.',
};

function fixFor(failure: Error): string {
  const { message } = failure;
  if (NOT_ALLOWED.test(message)) return 'Give the user of Redis the commands and keys that docs/redis.md lists.';
  if (/^(WRONGPASS|NOAUTH)/.test(message)) return 'Check the user and the password in "nodes" of redisSessionStore().';
  const refusal = [failure, failure.cause].find((error) => error instanceof RedisRefusal);
  if (refusal !== undefined) {
    return FIXES[refusal.code] ?? 'Redis answers, and does not do what sessions need: mend what it says.';
  }
  return 'Check that "nodes" of redisSessionStore() names a Redis that answers, with "rediss://" where it speaks TLS.';
}
