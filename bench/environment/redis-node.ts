import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createClient } from 'redis';
import { freePort } from './ports.js';

/** How many sessions there are, and how many of them are of a user. */
export interface Census {
  readonly sessions: number;
  readonly owned: number;
}

/** One process of Redis. */
export interface RedisNode {
  readonly address: string;
  readonly url: string;
  readonly pid: number;
  /** How many commands it has executed. */
  commands(): Promise<number>;
  /** The sum of the counters of all its sessions: those of connect-redis, or ours. */
  sumOfCounts(): Promise<number>;
  /** Of the sessions of connect-redis. */
  census(): Promise<Census>;
  /** What a command of it says about itself. */
  info(section: 'replication' | 'cluster'): Promise<string>;
  stop(): Promise<void>;
}

/** Starts it in a folder of its own, with settings as its command line takes them. */
export async function startRedisNode(folder: string, settings: readonly string[]): Promise<RedisNode> {
  await mkdir(folder);
  const port = await freePort();
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--logfile', 'redis.log'];
  // Ctrl-C in a terminal is for the benchmark alone, which stops it in turn.
  const child = spawn('redis-server', [...place, ...settings], { stdio: 'ignore', detached: true });
  await once(child, 'spawn');
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  const url = `redis://127.0.0.1:${port}`;
  const client = createClient({ url, socket: { reconnectStrategy: (tries) => (tries < 100 ? 50 : false) } });
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    await stop();
    throw new Error(`redis-server does not start. See redis.log in ${folder}.`, { cause: error });
  }
  // A scan may come upon a key twice.
  const keysOf = async (pattern: string): Promise<Set<string>> => {
    const found = new Set<string>();
    for await (const keys of client.scanIterator({ MATCH: pattern, COUNT: 1000 }))
      for (const key of keys) found.add(key);
    return found;
  };
  const sumOf = async (pattern: string, countOf: (key: string) => Promise<number>): Promise<number> => {
    const counts = await Promise.all(Array.from(await keysOf(pattern), countOf));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const plainSession = async (key: string): Promise<{ count?: number; userId?: string }> =>
    JSON.parse((await client.get(key)) ?? '{}') as object;
  return {
    address: `127.0.0.1:${port}`,
    url,
    pid: child.pid as number,
    commands: async () => Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))?.[1]),
    sumOfCounts: async () =>
      (await sumOf('sess:*', async (key) => (await plainSession(key)).count ?? 0)) +
      (await sumOf('session:s:*', async (key) => Number(await client.hGet(key, '"count"')))),
    census: async () => ({
      sessions: (await keysOf('sess:*')).size,
      owned: await sumOf('sess:*', async (key) => ((await plainSession(key)).userId === undefined ? 0 : 1)),
    }),
    info: (section) => client.sendCommand(section === 'cluster' ? ['CLUSTER', 'INFO'] : ['INFO', section]),
    stop: async () => {
      client.destroy();
      await stop();
    },
  };
}
