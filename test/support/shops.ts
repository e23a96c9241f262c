import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { createDatabase, type TestDatabase } from './database.js';
import { watch } from './leak-watch.js';
import { whileTesting } from './while-testing.js';

const MAIN = resolve('sample-app/dist/main.js');

/** How a process ended, and what it printed. */
interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The sample app, as a process of its own. */
interface Shop {
  readonly process: ChildProcess;
  readonly url: string;
  readonly ended: Promise<Ending>;
}

/** Processes of the sample app with one database, for all tests of a file. */
export function useShops() {
  const processes = new Set<ChildProcess>();
  let database: TestDatabase | undefined;

  const launch = (env: Record<string, string>) => {
    const child = spawn(process.execPath, [MAIN], {
      env: { ...process.env, ...env },
      cwd: tmpdir(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    processes.add(child);
    let stdout = '';
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const open = new Promise<string>((found) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        const url = /open at (http:\S+)\n/.exec(stdout)?.[1];
        if (url !== undefined) found(url);
      });
    });
    const ended = once(child, 'close').then(([code]): Ending => {
      processes.delete(child);
      watch.said('what a process prints', [stdout, stderr]);
      return { code: code as number | null, stdout, stderr };
    });
    return { process: child, open, ended };
  };

  const killAll = async (): Promise<void> => {
    await Promise.all(Array.from(processes, kill));
  };

  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(async () => {
    await killAll();
    await database?.drop();
  });

  return {
    get database() {
      return whileTesting(database);
    },
    /** Starts a process that need not become ready. */
    launch,
    /** Starts a process, and waits until it is ready. */
    async start(env: Record<string, string> = {}): Promise<Shop> {
      const url = whileTesting(database).url;
      const { process: child, open, ended } = launch({ DATABASE_URL: url, PORT: '0', ...env });
      const failed = ended.then(({ stderr }): never => {
        throw new Error(`The sample app ended before it was ready. ${stderr}`);
      });
      failed.catch(() => {});
      return { process: child, url: await Promise.race([open, failed]), ended };
    },
    killAll,
  };
}

/** Ends a process as a crash would. */
export async function kill(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}
