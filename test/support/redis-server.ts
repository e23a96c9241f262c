import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type RedisClientOptions } from 'redis';

/** The program: another one, such as Valkey's, where `REDIS_SERVER` names it. */
export const REDIS_SERVER = process.env['REDIS_SERVER'] || 'redis-server';

/** A Redis that a test has started. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly process: ChildProcess;
  /** Sends a command on a connection of its own, of the user that may do everything. */
  command<Reply = unknown>(...args: string[]): Promise<Reply>;
  /** Kills it, and starts it again in the same place, with what it has on disk. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Starts a Redis that keeps nothing on disk.
 *
 * @param settings as on its command line, without the dashes: `{ maxmemory: '10mb' }`
 * @param connection how a test speaks to it, where not in plain text without a password
 */
export async function startRedis(
  settings: Readonly<Record<string, string>> = {},
  connection: RedisClientOptions = {},
): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'session-redis-'));
  const given: Record<string, string> = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'no',
    daemonize: 'no',
    'repl-diskless-sync-delay': '0',
    ...settings,
  };
  const args = Object.entries(given).flatMap(([name, value]) => [`--${name}`, value]);
  let child = await spawned(args);
  const { socket, ...credentials } = connection;
  const client = createClient({
    ...credentials,
    socket: { host: '127.0.0.1', port: Number(given['tls-port'] ?? port), reconnectStrategy: 100, ...socket } as never,
  });
  client.on('error', () => {});
  await client.connect();
  return {
    port: Number(given['tls-port'] ?? port),
    url: `redis://127.0.0.1:${port}`,
    get process() {
      return child;
    },
    command: async <Reply>(...command: string[]) => (await client.sendCommand(command)) as Reply,
    crash: async () => {
      await killed(child);
      child = await spawned(args);
    },
    stop: async () => {
      client.destroy();
      await killed(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Settles when it is ready. */
async function spawned(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(REDIS_SERVER, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes('Ready to accept connections')) resolve();
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('exit', () => reject(new Error(`${REDIS_SERVER} did not start: ${said}`)));
    child.once('error', reject);
  });
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
