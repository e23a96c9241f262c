import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll } from '@jest/globals';
import type { SessionModuleOptions } from 'nestjs-mikro-session';
import { Client, type Reply } from './client.js';
import { createDatabase, type TestDatabase } from './database.js';
import { watch } from './leak-watch.js';
import { whileTesting } from './while-testing.js';

/** A call of a method of the session, as a server process takes it. */
export type Call = [method: string, ...args: unknown[]];

/** A server in a process of its own, with the built package. */
export interface ServerProcess {
  readonly pid: number;
  readonly url: string;
  /** A browser on this server; on another one, with the same cookie jar, if it is given. */
  client(like?: Client): Client;
  /** All strings on its heap that something holds, once its connections have ended: those kept alive have to be closed. */
  heap(): Promise<Buffer>;
}

/** Calls methods of the visitor's session in one request. */
export function call(client: Client, ...calls: Call[]): Promise<Reply> {
  return client.post('/calls', { calls });
}

/** The same, for what they returned; fails unless the answer is a success. */
export async function results(client: Client, ...calls: Call[]): Promise<any[]> {
  const reply = await call(client, ...calls);
  if (reply.status >= 300) throw new Error(`Answered ${reply.status}: ${reply.text}`);
  return reply.json as unknown[] as any[];
}

/** Or a snapshot has no more than the first 1,024 characters of each. */
const WHOLE_STRINGS = ['--heap-snapshot-string-limit=10000000'];

async function heapOf(child: ChildProcess): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'heap-'));
  const snapshot = join(folder, 'a.heapsnapshot');
  try {
    const written = once(child, 'message');
    child.send({ snapshot });
    await written;
    return await readFile(snapshot);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Server processes with one database, for all tests of a file or a `describe` block.
 *
 * @param prepare what is done to the database before they start
 */
export function useProcesses(
  count: number,
  options: SessionModuleOptions = {},
  pool = 4,
  prepare: (database: TestDatabase) => unknown = () => {},
) {
  const servers: ServerProcess[] = [];
  const children: ChildProcess[] = [];
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await createDatabase();
    await prepare(database);
    for (let index = 0; index < count; index++) {
      const settings = JSON.stringify({ url: database.url, options, pool });
      const child = spawn(process.execPath, [...WHOLE_STRINGS, join(import.meta.dirname, 'server.mjs'), settings], {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      });
      children.push(child);
      const [printed, errors] = [child.stdout, child.stderr].map((stream) => createInterface(stream as Readable));
      for (const lines of [printed, errors]) lines?.on('line', (line) => watch.said('what a process prints', line));
      child.stderr?.pipe(process.stderr);
      const url = await new Promise<string>((resolve, reject) => {
        printed?.on('line', (line) => line.startsWith('http://') && resolve(line));
        child.once('exit', (code) => reject(new Error(`The server exited with ${code}.`)));
      });
      servers.push({
        pid: child.pid as number,
        url,
        client: (like) => new Client(url, like?.jar),
        heap: () => heapOf(child),
      });
    }
  }, 60_000);
  afterAll(async () => {
    await Promise.all(
      children.map((child) => {
        const ended = new Promise((resolve) => child.once('close', resolve));
        child.kill('SIGTERM');
        return ended;
      }),
    );
    await database?.drop();
  });
  return {
    servers,
    get database() {
      return whileTesting(database);
    },
  };
}
