import { execFile } from 'node:child_process';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
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

/** Where Debian's packages put PostgreSQL, by version. */
const DEBIAN = '/usr/lib/postgresql';

/**
 * The folder of the programs of the newest PostgreSQL server that Debian's packages have installed; `null` where there is
 * none. The embedded one will do, but is compiled to be small (-Os) and not, as those are that people run, to be fast.
 */
export async function installedPostgres(): Promise<string | null> {
  const versions = await readdir(DEBIAN).catch(() => []);
  for (const version of versions.toSorted((one, other) => Number(other) - Number(one))) {
    const programs = join(DEBIAN, version, 'bin');
    // Packages of clients have the folder, too.
    const hasServer = await access(join(programs, 'postgres')).then(
      () => true,
      () => false,
    );
    if (hasServer) return programs;
  }
  return null;
}
