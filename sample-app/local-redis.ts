import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { StartupError } from './startup-error.js';

const PROGRAM = 'redis-server';
const READY = 'Ready to accept connections';

/** A Redis of this process's own, on a loopback port: what it has ends with it. */
export interface LocalRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/** @throws {StartupError} where the program is not installed, or does not start */
export async function startLocalRedis(): Promise<LocalRedis> {
  const [port, password] = [await freePort(), randomBytes(24).toString('base64url')];
  const folder = await mkdtemp(join(tmpdir(), 'sample-app-redis-'));
  // Its settings come by its input: a list of processes would show the password.
  const server = spawn(PROGRAM, ['-'], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const kill = (): unknown => server.kill();
  process.on('exit', kill);
  const ended = new Promise((resolve) => server.once('close', resolve));
  const stop = async (): Promise<void> => {
    kill();
    await ended;
    process.off('exit', kill);
    await rm(folder, { recursive: true, force: true });
  };
  const settings = ['bind 127.0.0.1', `port ${port}`, `requirepass ${password}`, 'save ""', 'appendonly yes'];
  server.stdin.on('error', () => {});
  server.stdin.end(settings.join('\n'));
  try {
    await readiness(server);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis://:${password}@127.0.0.1:${port}`, stop };
}

function readiness(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    server.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2_000);
      if (said.includes(READY)) resolve();
    });
    server.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'ENOENT' ? missing() : error));
    server.once('close', () => reject(new StartupError(`${PROGRAM} ended before it was ready. It said: ${said}`)));
  });
}

function missing(): StartupError {
  return new StartupError(
    `SESSION_STORE=redis starts the program ${PROGRAM}, which is not installed. Install it (Debian and Ubuntu: apt-get install ` +
      'redis-server; macOS: brew install redis), or name a Redis that is there: REDIS_URL=redis://127.0.0.1:6379.',
  );
}
