import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

const RUN = fileURLToPath(new URL('../faults/dist/faults/run.js', import.meta.url));
/** In milliseconds. */
const PATIENCE = 120_000;
/** Tests run beside it: it is given so many milliseconds more than is promised. */
const SLACK = '2000';

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

// The whole, with the times that are promised: npm run test:faults.
it(
  'keeps what it has acknowledged, and recovers, whatever fails under load',
  async () => {
    const names = ['save-killed', 'network-drops', 'failover', 'application-killed'];
    const running = promisify(execFile)(process.execPath, [RUN, '--slack', SLACK, ...names], { timeout: PATIENCE });
    const { stdout, stderr } = await running.catch((failure: unknown) => failure as Output);
    expect(stderr).toBe('');
    // What was broken is told in the lines before.
    expect(stdout).toMatch(/\n4 passed, 0 failed, 0 skipped\n$/);
  },
  2 * PATIENCE,
);
