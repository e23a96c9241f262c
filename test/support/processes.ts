import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll } from '@jest/globals';
import type { SessionModuleOptions } from 'nestjs-mikro-session';
import { Client, type Reply } from './client.js';
import { createDatabase, type TestDatabase } from './database.js';
import { whileTesting } from './while-testing.js';

/** A call of a method of the session, as a server process takes it. */
export type Call = [method: string, ...args: unknown[]];

/** A server in a process of its own, with the built package. */
export interface ServerProcess {
  readonly pid: number;
  /** A browser on this server; on another one, with the same cookie jar, if it is given. */
  client(like?: Client): Client;
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
      const child = spawn(process.execPath, [join(import.meta.dirname, 'server.mjs'), settings], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      const url = await new Promise<string>((resolve, reject) => {
        createInterface(child.stdout).once('line', resolve);
        child.once('exit', (code) => reject(new Error(`The server exited with ${code}.`)));
      });
      servers.push({ pid: child.pid as number, client: (like) => new Client(url, like?.jar) });
    }
  }, 60_000);
  afterAll(async () => {
    await Promise.all(
      children.map((child) => {
        const exited = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        return exited;
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
