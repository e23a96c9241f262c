// Mutation testing, folder by folder: `npm run test:mutation -- session http`.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { startLocalPostgres } from '../../sample-app/dist/local-postgres.js';
import { FOLDERS } from './folders.mjs';
import { sampleOf } from './sample.mjs';
import { writeSurvivors } from './survivors.mjs';

/** The score that a folder must reach, in per cent. */
const REQUIRED = 85;
/** What is tested without an argument: not what takes a night. */
const BY_DEFAULT = ['session', 'http', 'nest', 'store'];
const DATA = 'test/mutation/.data';

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    /** Begins anew, instead of testing only what has changed since the last run. */
    fresh: { type: 'boolean', default: false },
    /** How many processes. */
    concurrency: { type: 'string', default: '1' },
    /** In per cent: of how many lines the changes are tried, where all take too long. Which ones, the seed says. */
    sample: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
  },
});
for (const name of names) {
  if (!(name in FOLDERS)) throw new Error(`There is no ${name}: ${Object.keys(FOLDERS).join(', ')}.`);
}

const chosen = names.length > 0 ? names : BY_DEFAULT;
const release = chosen.some((name) => FOLDERS[name].needsDatabase) ? await provideDatabase() : async () => {};
const scores = [];
try {
  for (const name of chosen) scores.push(await test(name));
} finally {
  await release();
}
for (const score of scores) process.stdout.write(`${describe(score)}\n`);
if (scores.some(({ score }) => score < REQUIRED)) {
  process.stdout.write(`A score is below ${REQUIRED} %.\n`);
  process.exitCode = 1;
}

/** One PostgreSQL for all runs of all specs, unless DATABASE_URL names another. */
async function provideDatabase() {
  process.env.TEST_DATABASE_URL = process.env.DATABASE_URL;
  if (process.env.DATABASE_URL) return async () => {};
  const folder = await mkdtemp(join(tmpdir(), 'session-mutation-'));
  await chmod(folder, 0o755);
  const postgres = await startLocalPostgres(folder);
  process.env.TEST_DATABASE_URL = await postgres.url('postgres');
  return async () => {
    await postgres.release();
    await rm(folder, { recursive: true, force: true });
  };
}

async function test(name) {
  const start = performance.now();
  const { mutate, specs, testTimeout } = FOLDERS[name];
  const isWhole = flags.sample === '100';
  const mutants = await new Stryker({
    mutate: isWhole ? mutate : await sampleOf(mutate, Number(flags.sample), flags.seed),
    specs,
    ...(testTimeout !== undefined && { testTimeout }),
    testRunner: 'specs',
    plugins: ['./test/mutation/specs-runner.mjs'],
    testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
    coverageAnalysis: 'perTest',
    concurrency: Number(flags.concurrency),
    // Each spec leaves its modules in memory, as vm keeps them.
    maxTestRunnerReuse: 60,
    timeoutMS: 15_000,
    incremental: isWhole,
    incrementalFile: `${DATA}/${name}.json`,
    force: flags.fresh,
    reporters: ['progress-append-only', 'clear-text', 'html'],
    clearTextReporter: { logTests: false, reportTests: false },
    htmlReporter: { fileName: `${DATA}/${name}.html` },
    allowConsoleColors: false,
    ignorePatterns: ['dist', 'docs/.vitepress', 'bench', 'sample-app/dist', 'test/mutation'],
  }).runMutationTest();
  if (isWhole) await writeSurvivors(name, mutants);
  const counts = { Killed: 0, Timeout: 0, Survived: 0, NoCoverage: 0, Ignored: 0, RuntimeError: 0, CompileError: 0 };
  for (const { status } of mutants) counts[status] += 1;
  const detected = counts.Killed + counts.Timeout;
  const score = (100 * detected) / (detected + counts.Survived + counts.NoCoverage);
  return { name, score, counts, seconds: (performance.now() - start) / 1000 };
}

function describe({ name, score, counts, seconds }) {
  const { Killed, Timeout, Survived, NoCoverage, Ignored, RuntimeError } = counts;
  const of = flags.sample === '100' ? '' : `, ${flags.sample} % of the lines, seed ${flags.seed}`;
  return (
    `${name}${of}: ${score.toFixed(1)} % — ${Killed} killed, ${Timeout} timed out, ${Survived} survived, ${NoCoverage} not covered, ` +
    `${Ignored} ignored, ${RuntimeError} without a result, in ${Math.round(seconds / 60)} minutes`
  );
}
