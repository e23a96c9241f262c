import { randomInt } from 'node:crypto';
import { maxHeaderSize } from 'node:http';
import { parseArgs } from 'node:util';
import { Progress } from '#progress';
import fc from 'fast-check';
import { noteIncidents } from '../differential/incidents.js';
import { openDatabase } from '../history/database.js';
import { type FuzzProperty, notePrototypes } from './fuzz-property.js';
import { PLACES } from './place.js';
import { propertiesOf } from './properties/index.js';
import { Watchdog } from './watchdog.js';
import { World } from './world.js';

/** In bytes: 10,000 cookies of a session's length fit. */
const LONG_HEADERS = 1_000_000;
/** How many properties are tried at a time, for each waits for its database most of the time. An exception that reached nobody is blamed on one of them. */
const LANES = 4;
/** In characters, of an error. */
const MOST_SHOWN = 4_000;
/** In milliseconds, for one case. */
const PATIENCE = 120_000;

const { values } = parseArgs({
  options: {
    /** How many, of all properties together. */
    cases: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    /** A part of the titles of the properties that are wanted. */
    only: { type: 'string', default: '' },
    /** Which case of the seed to begin with, as a failure prints it: with `--only`. */
    path: { type: 'string', default: '' },
    /** Only says what there is. */
    list: { type: 'boolean', default: false },
  },
});

let progress: Progress | null = null;

function say(text: string): void {
  progress?.end();
  process.stdout.write(`${text}\n`);
}

function numberOf(name: 'cases' | 'seed', least: number): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= least) return number;
  throw new Error(`--${name} takes a whole number of at least ${least}, not "${values[name]}".`);
}

/** Of all cases, those of one property. */
function casesOf({ share }: FuzzProperty, wanted: readonly FuzzProperty[], cases: number): number {
  const shares = wanted.reduce((sum, one) => sum + one.share, 0);
  return Math.ceil((cases * share) / shares);
}

const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

class Run {
  readonly #cases = numberOf('cases', 1);
  readonly #seed = numberOf('seed', 0);
  readonly #watchdog = new Watchdog();
  readonly #running = new Set<string>();
  #tried = 0;
  #failures = 0;

  /** Whether everything held. */
  async try(wanted: readonly FuzzProperty[]): Promise<boolean> {
    say(`seed ${this.#seed}: ${this.#cases} cases of ${wanted.length} properties`);
    notePrototypes();
    const total = wanted.reduce((sum, one) => sum + casesOf(one, wanted, this.#cases), 0);
    progress = new Progress(process.stdout, 'Tried', 'case', total);
    const started = performance.now();
    try {
      const groups = [...Map.groupBy(wanted, ({ place }) => place).values()];
      const lane = async (): Promise<void> => {
        for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
          for (const one of group) await this.#check(one, casesOf(one, wanted, this.#cases));
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
    } finally {
      await this.#watchdog.close();
    }
    const seconds = (performance.now() - started) / 1_000;
    say(`${this.#tried} cases, ${seconds.toFixed(1)} s; seed ${this.#seed}`);
    say(this.#failures === 0 ? 'No failures.' : `${this.#failures} properties do not hold.`);
    return this.#failures === 0;
  }

  async #check({ title, cases }: FuzzProperty, numRuns: number): Promise<void> {
    const started = performance.now();
    this.#running.add(title);
    this.#watchdog.watch([...this.#running]);
    const details = await fc.check(
      cases.beforeEach(() => {
        this.#watchdog.beat();
        progress?.add(1);
      }),
      { numRuns, seed: this.#seed, timeout: PATIENCE, ...(values.path !== '' && { path: values.path }) },
    );
    this.#running.delete(title);
    this.#tried += details.numRuns;
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    say(`${String(details.numRuns).padStart(7)} cases ${seconds.padStart(6)} s  ${title}`);
    if (!details.failed) return;
    this.#failures += 1;
    const again = `--seed ${this.#seed} --only "${title}" --path "${details.counterexamplePath ?? ''}" --cases 1`;
    say(
      `FAILURE (${again})\n${await fc.asyncDefaultReportMessage(details)}\n${textOf(details.errorInstance).slice(0, MOST_SHOWN)}`,
    );
  }
}

async function main(): Promise<number> {
  if (maxHeaderSize < LONG_HEADERS) throw new Error(`Start Node with --max-http-header-size=${LONG_HEADERS}.`);
  noteIncidents();
  const database = await openDatabase();
  const world = new World(database.url);
  try {
    const wanted = propertiesOf(world).filter(({ title }) => title.includes(values.only));
    if (values.list) for (const { title } of wanted) say(title);
    else {
      // One after the other, and before anything else: a start has a time limit of its own.
      for (const place of PLACES) if (wanted.some((one) => one.place === place.name)) await world.place(place);
      return (await new Run().try(wanted)) ? 0 : 1;
    }
    return 0;
  } finally {
    await world.close();
    await database.leave();
  }
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${textOf(error)}\n`);
    process.exitCode = 2;
  },
);
