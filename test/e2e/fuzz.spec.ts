import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../support/database.js';

const RUN = fileURLToPath(new URL('../fuzz/dist/fuzz/run.js', import.meta.url));
const CASES = 2_000;
/** Generous: it takes twenty seconds on a machine that has nothing else to do. */
const PATIENCE = 300_000;

interface Output {
  readonly code?: number;
  readonly stdout: string;
  readonly stderr: string;
}

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.drop());

/** It fails when a property does not hold; what it printed tells the case, and the seed. */
function run(...args: string[]): Promise<Output> {
  return promisify(execFile)(process.execPath, ['--max-http-header-size=1000000', RUN, ...args], {
    env: { ...process.env, DATABASE_URL: database.url },
    maxBuffer: 64 * 1024 * 1024,
  }).catch((failure: unknown) => failure as Output);
}

// The same with 100,000: npm run test:fuzz.
it(
  'no cookie, id, key, value, path, row, option or fault fails a request, is lost, or reaches another session',
  async () => {
    const { stdout, stderr } = await run('--cases', String(CASES), '--seed', '20261129');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/\nNo failures\.\n$/);
    expect(Number(/\n(\d+) cases, .* seed \d+\n/.exec(stdout)?.[1])).toBeGreaterThanOrEqual(CASES);
  },
  PATIENCE,
);
