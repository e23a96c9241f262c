import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Cleanup } from './cleanup.js';
import { type Census, type RedisNode, startRedisNode } from './redis-node.js';

/** How sessions are kept: as Redis does by default, with each write on disk before it is answered, or on a cluster. */
export type RedisKind = 'redis' | 'durable redis' | 'redis cluster';

/** A Redis of the benchmark's own. */
export interface RedisServer {
  /** One, or those of a cluster's primaries. */
  readonly urls: readonly string[];
  /** The ids of its processes. */
  readonly primaries: readonly number[];
  readonly replicas: readonly number[];
  /** How many commands its primaries have executed. */
  commands(): Promise<number>;
  /** The sum of the counters of all sessions. */
  sumOfCounts(): Promise<number>;
  /** Of the sessions of connect-redis. */
  census(): Promise<Census>;
  stop(): Promise<void>;
}

interface Kind {
  readonly primaries: number;
  /** Of each primary. */
  readonly replicas: number;
  /** As Redis takes them; with none, it takes snapshots now and then, and writes no append-only file. */
  readonly settings: readonly string[];
}

const KINDS: Readonly<Record<RedisKind, Kind>> = {
  redis: { primaries: 1, replicas: 0, settings: [] },
  'durable redis': { primaries: 1, replicas: 0, settings: ['--appendonly', 'yes', '--appendfsync', 'always'] },
  'redis cluster': { primaries: 3, replicas: 1, settings: ['--cluster-enabled', 'yes'] },
};

/** How long the nodes of a cluster may take to agree, in milliseconds. */
const PATIENCE = 20_000;

/** Starts it in a folder. */
export async function startRedis(kind: RedisKind, folder: string): Promise<RedisServer> {
  const { primaries: count, replicas, settings } = KINDS[kind];
  const cleanup = new Cleanup();
  try {
    const nodes: RedisNode[] = [];
    for (let index = 0; index < count * (1 + replicas); index++) {
      const node = await startRedisNode(join(folder, `${kind.replaceAll(' ', '-')}-${index}`), settings);
      cleanup.add(() => node.stop());
      nodes.push(node);
    }
    if (count > 1) await joinAll(nodes, replicas);
    const primaries = nodes.slice(0, count);
    return {
      urls: primaries.map(({ url }) => url),
      primaries: primaries.map(({ pid }) => pid),
      replicas: nodes.slice(count).map(({ pid }) => pid),
      commands: () => sumOf(primaries, (node) => node.commands()),
      sumOfCounts: () => sumOf(primaries, (node) => node.sumOfCounts()),
      census: async () => ({
        sessions: await sumOf(primaries, async (node) => (await node.census()).sessions),
        owned: await sumOf(primaries, async (node) => (await node.census()).owned),
      }),
      stop: () => cleanup.run(),
    };
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

/** Makes a cluster of them, whose primaries are the first. */
async function joinAll(nodes: readonly RedisNode[], replicas: number): Promise<void> {
  const addresses = nodes.map(({ address }) => address);
  const how = ['--cluster-replicas', String(replicas), '--cluster-yes'];
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, ...how]);
  const deadline = performance.now() + PATIENCE;
  while (!(await haveAgreed(nodes))) {
    if (performance.now() > deadline) throw new Error('The nodes of the cluster of Redis do not agree.');
    await pause(100);
  }
}

async function haveAgreed(nodes: readonly RedisNode[]): Promise<boolean> {
  const [states, links] = [
    await Promise.all(nodes.map((node) => node.info('cluster'))),
    await Promise.all(nodes.map((node) => node.info('replication'))),
  ];
  return (
    states.every((state) => state.includes('cluster_state:ok')) &&
    links.every((link) => /^(role:master|master_link_status:up)\r?$/m.test(link))
  );
}

async function sumOf(nodes: readonly RedisNode[], count: (node: RedisNode) => Promise<number>): Promise<number> {
  const counts = await Promise.all(nodes.map(count));
  return counts.reduce((total, one) => total + one, 0);
}
