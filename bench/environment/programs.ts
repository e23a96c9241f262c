import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** How to get what npm does not bring. */
export const HOW_TO_INSTALL = 'apt-get install -y wrk redis-server';

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
