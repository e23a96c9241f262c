import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Skipped } from '../fault.js';
import { freePort } from '../ports.js';
import type { Cluster } from './cluster.js';
import { installed } from './programs.js';

/** How many connections to the server it shares. */
const SHARED = 4;

/** A PgBouncer of a test's own, in transaction mode. */
export class Pooler {
  readonly port: number;
  readonly #program: string;
  readonly #file: string;
  #child: ChildProcess | null = null;

  private constructor(program: string, file: string, port: number) {
    this.#program = program;
    this.#file = file;
    this.port = port;
  }

  /** @throws {Skipped} where PgBouncer is not installed */
  static async make(cluster: Pick<Cluster, 'port' | 'userList'>, folder: string): Promise<Pooler> {
    const program = await installed('pgbouncer');
    if (program === null) throw new Skipped('PgBouncer is not installed');
    const port = await freePort();
    await mkdir(folder, { recursive: true });
    const users = join(folder, 'users.txt');
    const file = join(folder, 'pgbouncer.ini');
    await writeFile(users, cluster.userList);
    const settings = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      auth_type: 'scram-sha-256',
      auth_file: users,
      pool_mode: 'transaction',
      default_pool_size: SHARED,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    await writeFile(file, `[databases]\n* = host=127.0.0.1 port=${cluster.port}\n[pgbouncer]\n${lines.join('\n')}\n`);
    await chmod(folder, 0o755);
    return new Pooler(program, file, port);
  }

  async start(): Promise<void> {
    // It refuses to run as root.
    const user = process.getuid?.() === 0 ? ['-u', 'postgres'] : [];
    const child = spawn(this.#program, ['-q', ...user, this.#file], { stdio: 'ignore', detached: true });
    await once(child, 'spawn');
    this.#child = child;
    for (const deadline = Date.now() + 5_000; !(await answers(this.port)); await pause(20)) {
      if (Date.now() > deadline) throw new Error('PgBouncer does not start.');
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
