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
    process: child,
    command: async <Reply>(...command: string[]) => (await client.sendCommand(command)) as Reply,
    stop: async () => {
      client.destroy();
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
