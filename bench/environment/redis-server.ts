import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createClient } from 'redis';
import { freePort } from './ports.js';

/** A redis-server of the benchmark's own. */
export interface RedisServer {
  readonly url: string;
  /** How many commands it has executed. */
  commands(): Promise<number>;
  /** The sum of the counters of all sessions. */
  sumOfCounts(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts it in a folder, with the persistence it has by default (snapshots, no append-only file). */
export async function startRedis(folder: string): Promise<RedisServer> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--logfile', 'redis.log'];
  // Ctrl-C in a terminal is for the benchmark alone, which stops it in turn.
  const child = spawn('redis-server', args, { stdio: 'ignore', detached: true });
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
  return {
    url,
    commands: async () => Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))?.[1]),
    sumOfCounts: async () => {
      let sum = 0;
      for await (const keys of client.scanIterator({ MATCH: 'sess:*', COUNT: 1000 })) {
        if (keys.length === 0) continue;
        for (const text of await client.mGet(keys)) {
          if (text !== null) sum += (JSON.parse(text) as { count: number }).count;
        }
      }
      return sum;
    },
    stop: async () => {
      client.destroy();
      await stop();
    },
  };
}
