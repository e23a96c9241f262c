import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../support/database.js';

const RUN = fileURLToPath(new URL('../differential/dist/differential/run.js', import.meta.url));
const PATIENCE = 180_000;

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

/** It fails when something differs; what it printed tells what, and the seed. */
function run(...args: string[]): Promise<Output> {
  const env = { ...process.env, DATABASE_URL: database.url };
  // connect-flash uses a function of Node's that is deprecated.
  return promisify(execFile)(process.execPath, ['--no-deprecation', RUN, ...args], {
    env,
    maxBuffer: 64 * 1024 * 1024,
  }).catch((failure: unknown) => failure as Output);
}

// 2,000 together. The same with 50,000: npm run check:differential.
it.each<[string, string[]]>([
  ['on Express', ['--sequences', '1000']],
  ['on Express, without the interceptor', ['--sequences', '500', '--interceptor', 'false']],
  ['on Fastify', ['--sequences', '500', '--platform', 'fastify']],
])(
  'code written for express-session sees and stores what it does there, %s',
  async (_how, args) => {
    const { stdout, stderr } = await run(...args);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/\nNo differences\.\n$/);
  },
  PATIENCE,
);

const SELF_TEST = ['--seed', '1', '--postgres', '0'];

it.each<[string, string, string]>([
  ['deletesNothing', '120', '≠'],
  ['regeneratesNothing', '40', '≠'],
  ['silentSave', '8', 'no answer in time'],
  ['floatingPromise', '40', 'unhandled rejection: Error: sabotage'],
  ['uncaught', '40', 'uncaught exception: Error: sabotage'],
])(
  'the checker sees it when our side is broken: %s',
  async (sabotage, sequences, seen) => {
    const args = ['--sequences', sequences, '--patience', '200', '--sabotage', sabotage];
    const { code, stdout } = await run(...SELF_TEST, ...args);
    expect(code).toBe(1);
    expect(stdout).toContain('DIFFERENCE (--seed 1 --from ');
    expect(stdout).toContain(seen);
  },
  PATIENCE,
);

it(
  'the checker sees nothing where the way of breaking it breaks nothing',
  async () => {
    const { stdout } = await run(...SELF_TEST, '--sequences', '40', '--sabotage', 'nothing');
    expect(stdout).toMatch(/\nNo differences\.\n$/);
  },
  PATIENCE,
);
