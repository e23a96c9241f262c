import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Progress } from '#progress';
import { Random } from '../history/random.js';
import type { Fault } from './fault.js';
import { FAULTS } from './faults/index.js';
import { playIn } from './play.js';
import { cellsOf } from './report.js';
import { Site } from './site.js';
import { HistoryLoad } from './soak/history-load.js';
import { headline, Meter } from './soak/meter.js';
import { World } from './world.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    programs: { type: 'string' },
    // How much longer than promised everything may take, in milliseconds: the history's clients need the machine, too.
    slack: { type: 'string', default: '1000' },
  },
});

let progress: Progress | null = null;

function say(text: string): void {
  progress?.end();
  process.stdout.write(`${text}\n`);
}

/** Those that one application can go through again and again. */
const NAMES = /^(idle|save|backend|server|network|pool|connections|rows|table|deadlocks|serialization|column-missing)/;
const SOAKED = FAULTS.filter(
  ({ name, server }) => server === undefined && (NAMES.test(name) || /clock|blocked|aborted/.test(name)),
);
/** Between two faults, in milliseconds. */
const LONGEST_REST = 10_000;

const SOAK: Fault = {
  name: 'soak',
  title: 'an application that goes on',
  // Sessions that nobody ended expire and are swept; the grace is as in test/history.
  options: { idleTimeout: '5m', sweep: { every: '1m' }, rotationGrace: '10m' },
  run: async () => {},
};

/** Whether every promise was kept. */
async function main(): Promise<boolean> {
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not "${values.minutes}".`);
  const seed = Number(values.seed);
  const random = Random.of(seed);
  const site = await Site.open(values.programs ?? null);
  let isStopped = false;
  let ticking: NodeJS.Timeout | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => (isStopped = true));
  try {
    const world = await World.open(site, SOAK);
    try {
      say(`seed ${seed}; ${minutes} minutes; PostgreSQL ${await site.version()} (${values.programs ?? 'embedded'})`);
      const history = new HistoryLoad(world, seed, say);
      const meter = new Meter(world);
      const end = performance.now() + minutes * 60_000;
      let faults = 0;
      let broken = 0;
      history.start();
      say(headline());
      progress = new Progress(process.stdout, 'Soaked', 'second', Math.round(minutes * 60));
      ticking = setInterval(() => progress?.add(1), 1_000);
      for (let nextLine = 0; performance.now() < end && !isStopped && history.failure === null;) {
        if (performance.now() >= nextLine) {
          say(await meter.line(faults, history.operations));
          nextLine = performance.now() + 60_000;
        }
        const fault = random.pick(SOAKED);
        const row = await playIn(world, fault, random.integer(0, 2 ** 31), Number(values.slack));
        faults += 1;
        const cells = cellsOf(row);
        say(`      ${row.name}: ${cells.slice(0, 4).join('; ')}; lost ${row.lost}, revived ${row.revived}`);
        broken += row.broken.length;
        for (const story of row.broken) say(`  BROKEN (${row.name}): ${story}`);
        await pause(random.integer(0, LONGEST_REST));
      }
      clearInterval(ticking);
      await history.stop();
      say(await meter.line(faults, history.operations));
      say(history.text());
      const leaks = meter.leaks();
      for (const story of leaks) say(`  BROKEN: ${story}`);
      say(
        `${faults} faults, ${broken + leaks.length} promises broken; history: ${history.violations} violations; seed ${seed}`,
      );
      return broken + leaks.length + history.violations === 0;
    } finally {
      clearInterval(ticking);
      await world.close();
    }
  } finally {
    await site.close();
  }
}

main().then(
  (isKept) => (process.exitCode = isKept ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 2;
  },
);
