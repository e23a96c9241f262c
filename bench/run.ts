import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compete } from './competition.js';
import { type Environment, startEnvironment } from './environment/environment.js';
import { describeMachine } from './environment/machine.js';
import { HOW_TO_INSTALL, programVersions } from './environment/programs.js';
import { stopSignal } from './environment/stop-signal.js';
import { POOL_SIZE, SESSIONS } from './measure/entrant.js';
import { WARM_UP_AGAIN } from './measure/turn.js';
import { type BenchOptions, parseOptions, USAGE } from './options.js';
import { planText } from './plan.js';
import { consoleReport } from './report/console-report.js';
import { writeDocs } from './report/docs.js';
import type { Results } from './results.js';
import { SESSION_BYTES } from './sample-data.js';

// The module beside its peers, in one run: `npm run bench`.

const FOLDER = join(import.meta.dirname, '..', 'results');

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  const options = parseOptions(process.argv.slice(2));
  const programs = await programVersions();
  const absent = Object.entries({ wrk: programs.wrk, 'redis-server': programs.redis }).filter(
    ([, one]) => one === null,
  );
  if (absent.length > 0) log(`Not installed: ${absent.map(([name]) => name).join(', ')}. Install: ${HOW_TO_INSTALL}`);
  if (programs.wrk === null) return options.allowMissing ? 0 : 1;

  log(planText(options));
  const signal = stopSignal();
  const environment = await startEnvironment(programs.redis === null ? [] : ['redis', 'durable redis']);
  let results: Results;
  try {
    const outcome = await compete(environment, options, signal, log);
    results = { ...describe(environment, options, programs), ...outcome };
  } finally {
    await environment.stop();
  }
  process.stdout.write(consoleReport(results));
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, 'latest.json'), `${JSON.stringify(results, null, 2)}\n`);
  if (options.writesDocs) await writeDocs(results);
  return results.missing.length > 0 && !options.allowMissing ? 1 : 0;
}

function describe(
  { postgres }: Environment,
  options: BenchOptions,
  programs: { wrk: string | null; redis: string | null },
): Pick<Results, 'date' | 'machine' | 'versions' | 'setup'> {
  return {
    date: new Date().toISOString(),
    machine: describeMachine(),
    versions: { postgres: postgres.version, ...programs },
    setup: {
      rounds: options.rounds,
      duration: options.duration,
      warmUp: options.warmUp,
      warmUpAgain: WARM_UP_AGAIN,
      sessions: SESSIONS,
      bytesPerSession: SESSION_BYTES,
      poolSize: POOL_SIZE,
      postgres: postgres.origin,
      statementsCountedBy: postgres.countsStatements ? 'pg_stat_statements' : 'pg_stat_database',
    },
  };
}

function log(text: string): void {
  process.stderr.write(`${text}\n`);
}
