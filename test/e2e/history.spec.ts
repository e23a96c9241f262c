import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { createDatabase } from '../support/database.js';

const RUN = fileURLToPath(new URL('../history/dist/run.js', import.meta.url));
const OPERATIONS = '4000';
/** In milliseconds. Interrupted then, it ends its servers and says how far it came. */
const PATIENCE = 60_000;

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

// The same with a million operations: npm run check:history.
it(
  'keeps every promise to clients that share sessions through two processes',
  async () => {
    const database = await createDatabase();
    try {
      const env = { ...process.env, DATABASE_URL: database.url };
      const running = promisify(execFile)(process.execPath, [RUN, '--operations', OPERATIONS], {
        env,
        timeout: PATIENCE,
        maxBuffer: 64 * 1024 * 1024,
      });
      // It fails when a promise is broken; what it printed tells the history around it, and the seed.
      const { stdout, stderr } = await running.catch((failure: unknown) => failure as Output);
      expect(stderr).toBe('');
      expect(stdout).toContain('\nNo violations.\n');
      expect(stdout).toContain('\n0 ambiguous;');
    } finally {
      await database.drop();
    }
  },
  2 * PATIENCE,
);
