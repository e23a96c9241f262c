import { execFile } from 'node:child_process';
import { glob } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** How to get what npm does not bring. */
export const HOW_TO_INSTALL = 'apt-get install -y wrk redis-server postgresql';

/** The versions of the programs that the comparison needs; `null` for one that is not installed. */
export async function programVersions(): Promise<{ wrk: string | null; redis: string | null }> {
  return {
    wrk: /wrk \S+/.exec(await outputOf('wrk', ['-v']))?.[0] ?? null,
    redis: /v=(\S+)/.exec(await outputOf('redis-server', ['--version']))?.[1] ?? null,
  };
}

/** Whatever it prints, even if it fails; nothing if it is not there. */
async function outputOf(program: string, args: string[]): Promise<string> {
  try {
    return (await execute(program, args)).stdout;
  } catch (error) {
    const { stdout = '' } = error as { stdout?: string };
    return stdout;
  }
}

/** Where Debian's packages put PostgreSQL servers, by version. */
const SERVERS = '/usr/lib/postgresql/*/bin/postgres';

/**
 * The folder of the programs of the newest PostgreSQL server that Debian's packages have installed; `null` where there is
 * none. The embedded one will do, but is compiled to be small (-Os) and not, as those are that people run, to be fast.
 */
export async function installedPostgres(): Promise<string | null> {
  const servers: string[] = [];
  for await (const server of glob(SERVERS)) servers.push(server);
  const [newest] = servers.toSorted((one, other) => other.localeCompare(one, 'en', { numeric: true }));
  return newest === undefined ? null : dirname(newest);
}
