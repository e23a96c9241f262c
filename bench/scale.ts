import { mkdir, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Progress } from '#progress';
import { type Environment, startEnvironment } from './environment/environment.js';
import { describeMachine } from './environment/machine.js';
import { SETTINGS } from './environment/postgres-server.js';
import { HOW_TO_INSTALL, programVersions } from './environment/programs.js';
import { stopSignal } from './environment/stop-signal.js';
import { WARM_UP } from './measure/turn.js';
import { scaleTables } from './report/scale-tables.js';
import { asText } from './report/table.js';
import type { LookupFigures, ScaleResults } from './scale-results.js';
import { BenchSite } from './scale/bench-site.js';
import { assertSpace } from './scale/filler.js';
import { measureLookups } from './scale/lookups.js';
import { measureSweep } from './scale/sweep.js';

// How the module does with many sessions: `npm run bench:scale`.

const FOLDER = join(import.meta.dirname, '..', 'results');
const CONNECTIONS = [1, 64];
/**
 * A quarter of the memory, which is where to begin with a server of one's own
 * (https://www.postgresql.org/docs/current/runtime-config-resource.html). With the default, 128 MB, it is measured how
 * PostgreSQL reads from the system's cache.
 */
const SHARED_BUFFERS = `${Math.floor(totalmem() / 4 / 2 ** 20)}MB`;

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}

interface ScaleOptions {
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly duration: number;
  readonly expired: number;
  readonly rate: number;
}

async function main(): Promise<number> {
  const options = parseOptions();
  if ((await programVersions()).wrk === null) {
    log(`Not installed: wrk. Install: ${HOW_TO_INSTALL}`);
    return 1;
  }
  await mkdir(FOLDER, { recursive: true });
  if (!process.env.DATABASE_URL) await assertSpace(FOLDER, Math.max(options.expired, ...options.sizes));
  const signal = stopSignal();
  const environment = await startEnvironment([], { ...SETTINGS, shared_buffers: SHARED_BUFFERS });
  try {
    const results = await measure(environment, options, signal);
    process.stdout.write(`\n${scaleTables(results).map(asText).join('\n')}\n`);
    await writeFile(join(FOLDER, 'scale.json'), `${JSON.stringify(results, null, 2)}\n`);
    return results.sweep?.failure ? 1 : 0;
  } finally {
    await environment.stop();
  }
}

async function measure(environment: Environment, options: ScaleOptions, signal: AbortSignal): Promise<ScaleResults> {
  const { sizes, rounds, duration, expired, rate } = options;
  const site = await BenchSite.open(environment, signal);
  try {
    const lookups: LookupFigures[] = [];
    const pace = { duration, warmUp: WARM_UP };
    const progress = new Progress(process.stderr, 'Took', 'step', 2 * sizes.length + (expired > 0 ? 1 : 0));
    const say = (text: string): void => {
      progress.end();
      log(text);
    };
    let filled = 0;
    for (const rows of sizes) {
      say(`filling the table up to ${rows} sessions`);
      await site.filler.fill(filled, rows - filled, false, signal);
      filled = rows;
      progress.add(1);
      lookups.push(...(await measureLookups(site, rows, CONNECTIONS, rounds, pace, environment.folder, signal)));
      progress.add(1);
    }
    if (expired > 0) say(`sweeping ${expired} expired sessions`);
    const sweep = expired > 0 ? await measureSweep(site, expired, rate, rounds, duration, signal) : null;
    progress.end();
    return {
      date: new Date().toISOString(),
      machine: describeMachine(),
      postgres: environment.postgres.version,
      sharedBuffers: await site.setting('shared_buffers'),
      rounds,
      duration,
      lookups,
      sweep,
    };
  } finally {
    await site.close();
  }
}

function parseOptions(): ScaleOptions {
  const { values } = parseArgs({
    options: {
      full: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      duration: { type: 'string', default: '6' },
      sizes: { type: 'string' },
      expired: { type: 'string', default: '1000000' },
      rate: { type: 'string', default: '500' },
    },
  });
  const sizes = values.sizes?.split(',').map(Number) ?? [10_000, 1_000_000, ...(values.full ? [10_000_000] : [])];
  const [rounds, duration, expired, rate] = [values.rounds, values.duration, values.expired, values.rate].map(
    Number,
  ) as [number, number, number, number];
  const numbers = [...sizes, rounds, duration, expired, rate];
  if (numbers.every((number) => Number.isInteger(number) && number >= 0))
    return { sizes, rounds, duration, expired, rate };
  throw new Error('--sizes, --rounds, --duration, --expired and --rate take whole numbers.');
}

function log(text: string): void {
  process.stderr.write(`${text}\n`);
}
