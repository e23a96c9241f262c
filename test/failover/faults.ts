import { setTimeout as wait } from 'node:timers/promises';
import { type TestRedisCluster, until } from '../support/redis-cluster.js';
import type { RedisServer } from '../support/redis-server.js';

/** Something that happens to a cluster while it is written to. */
export interface Fault {
  readonly name: string;
  readonly title: string;
  /** Done when it is over: what comes a second later must be served. */
  happen(cluster: TestRedisCluster): Promise<void>;
}

const FROZEN = 5_000;
const SLOTS_MOVED = 2_000;

/** A primary is sent a signal after which it does nothing; done when its replica has taken over. */
async function withoutFirst({ primaries, replicas }: TestRedisCluster, signal: NodeJS.Signals): Promise<void> {
  (primaries[0] as RedisServer).process.kill(signal);
  await isPrimary(replicas[0] as RedisServer);
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'killed',
    title: 'a primary killed; its replica takes over',
    happen: (cluster) => withoutFirst(cluster, 'SIGKILL'),
  },
  {
    name: 'frozen',
    title: 'a primary frozen for 5 s, and thawed when its replica has taken over',
    async happen({ primaries, replicas }) {
      const { process } = primaries[0] as RedisServer;
      process.kill('SIGSTOP');
      await Promise.all([wait(FROZEN), isPrimary(replicas[0] as RedisServer)]);
      process.kill('SIGCONT');
      await until(async () => (await roleOf(primaries[0] as RedisServer)) === 'slave');
    },
  },
  {
    name: 'hung',
    title: 'a primary frozen for good; its replica takes over',
    happen: (cluster) => withoutFirst(cluster, 'SIGSTOP'),
  },
  {
    name: 'taken-over',
    title: 'a replica that takes over at once, without asking the others (CLUSTER FAILOVER TAKEOVER)',
    async happen({ primaries, replicas }) {
      await (replicas[0] as RedisServer).command('CLUSTER', 'FAILOVER', 'TAKEOVER');
      await until(async () => (await roleOf(primaries[0] as RedisServer)) === 'slave');
    },
  },
  {
    name: 'resharded',
    title: '2,000 slots moved from one primary to another',
    async happen({ primaries }) {
      const [from, to] = primaries as [RedisServer, RedisServer];
      const [source, target] = await Promise.all([from, to].map((node) => node.command<string>('CLUSTER', 'MYID')));
      for (let slot = 0; slot < SLOTS_MOVED; slot++) {
        await to.command('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', source as string);
        await from.command('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', target as string);
        for (;;) {
          const keys = await from.command<string[]>('CLUSTER', 'GETKEYSINSLOT', String(slot), '100');
          if (keys.length === 0) break;
          await from.command('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys);
        }
        for (const node of [to, from]) {
          await node.command('CLUSTER', 'SETSLOT', String(slot), 'NODE', target as string);
        }
      }
    },
  },
];

const roleOf = async (node: RedisServer): Promise<string> => (await node.command<[string]>('ROLE'))[0];

const isPrimary = (node: RedisServer): Promise<void> => until(async () => (await roleOf(node)) === 'master');
