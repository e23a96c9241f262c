import { freePort, type RedisServer, startRedis } from './redis-server.js';

/** A cluster that a test has started: each primary has one replica. */
export interface TestRedisCluster {
  readonly primaries: readonly RedisServer[];
  readonly replicas: readonly RedisServer[];
  /** Of three nodes. */
  readonly urls: readonly string[];
  /** Removes all keys. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;
/** How long a node may be silent before it is failed over, in milliseconds. */
const NODE_TIMEOUT = 1_500;
/** How long the nodes may take to agree, in milliseconds. */
const PATIENCE = 20_000;

/** Three primaries and three replicas, which have agreed. @param settings of each */
export async function startRedisCluster(settings: Readonly<Record<string, string>> = {}): Promise<TestRedisCluster> {
  const nodes: RedisServer[] = [];
  for (let index = 0; index < 6; index++) {
    nodes.push(
      await startRedis({
        'cluster-enabled': 'yes',
        'cluster-port': String(await freePort()),
        'cluster-node-timeout': String(NODE_TIMEOUT),
        'cluster-require-full-coverage': 'no',
        'cluster-config-file': 'nodes.conf',
        ...settings,
      }),
    );
  }
  const [primaries, replicas] = [nodes.slice(0, 3), nodes.slice(3)];
  const [first] = primaries as [RedisServer];
  for (const [index, node] of nodes.entries()) await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
  for (const node of nodes.slice(1)) {
    const bus = (await node.command<string>('CLUSTER', 'MYID')) && (await busOf(node));
    await first.command('CLUSTER', 'MEET', '127.0.0.1', String(node.port), bus);
  }
  for (const [index, node] of primaries.entries()) {
    const [from, to] = [slotFrom(index), slotFrom(index + 1) - 1];
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
  }
  await until(async () => {
    const known = await Promise.all(nodes.map(async (node) => infoOf(node, 'cluster_known_nodes')));
    return known.every((count) => count === '6');
  });
  for (const [index, node] of replicas.entries()) {
    const id = await (primaries[index] as RedisServer).command<string>('CLUSTER', 'MYID');
    await node.command('CLUSTER', 'REPLICATE', id);
  }
  await until(async () => {
    const states = await Promise.all(nodes.map(async (node) => infoOf(node, 'cluster_state')));
    const links = await Promise.all(replicas.map((node) => node.command<string>('INFO', 'replication')));
    const slots = await Promise.all(nodes.map((node) => node.command<unknown[][]>('CLUSTER', 'SLOTS')));
    return (
      states.every((state) => state === 'ok') &&
      links.every((link) => /master_link_status:up/.test(link)) &&
      slots.every((ranges) => ranges.length === 3 && ranges.every((range) => range.length === 4))
    );
  });
  return {
    primaries,
    replicas,
    urls: primaries.map(({ url }) => url),
    clear: async () => {
      for (const node of primaries) await node.command('FLUSHALL').catch(() => {});
    },
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

const slotFrom = (index: number): number => Math.floor((SLOTS * index) / 3);

async function busOf(node: RedisServer): Promise<string> {
  const line = await node.command<string>('CLUSTER', 'NODES');
  return /@(\d+)/.exec(line)?.[1] as string;
}

async function infoOf(node: RedisServer, name: string): Promise<string | undefined> {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(await node.command<string>('CLUSTER', 'INFO'))?.[1];
}

/** Polls what the nodes say of themselves: they announce no agreement. */
export async function until(isSo: () => Promise<boolean>, patience = PATIENCE): Promise<void> {
  const deadline = performance.now() + patience;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error('The nodes of the cluster do not agree.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
