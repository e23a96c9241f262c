import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Progress } from '#progress';
import { openDatabase } from '../history/database.js';
import { BY_DESIGN, type DifferenceName, timesMet } from './by-design.js';
import { differ } from './compare.js';
import { Generator } from './generate.js';
import { noteIncidents } from './incidents.js';
import { startOracle } from './oracle.js';
import { type Platform, startOurs } from './ours.js';
import { play } from './play.js';
import { describeStep, type Sequence, type Step } from './program.js';
import { SABOTAGES, type SabotageName } from './sabotage.js';
import { shrink } from './shrink.js';
import { sideBySide } from './side-by-side.js';
import type { Side } from './side.js';

/** How many differences are printed: of those that look the same, one. */
const MOST_SHOWN = 10;
/** How many are shrunk to find those, and after how many the run is given up. */
const MOST_SHRUNK = 30;
const MOST_DIFFERENCES = 200;
/** In milliseconds, at most, for a sequence that is known to differ. */
const MOST_PATIENCE_AGAIN = 700;
/** From so many sequences on, on PostgreSQL too, a difference by design that was never met is an error: it may be gone. */
const ENOUGH = 5_000;

const { values } = parseArgs({
  options: {
    sequences: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    /** The number of the first sequence of the seed. */
    from: { type: 'string', default: '0' },
    platform: { type: 'string', default: 'express' },
    interceptor: { type: 'string', default: 'true' },
    /** One sequence of so many is played on PostgreSQL, of the others two in three in the slow memory; none with 0. */
    postgres: { type: 'string', default: '10' },
    /** In milliseconds: what has not come by then is not going to. Machines may be busy. */
    patience: { type: 'string', default: '10000' },
    /** Steps to leave out, by a part of how they are described: to see what else differs. */
    without: { type: 'string', default: '' },
    /** Breaks our side, to see that it is seen. */
    sabotage: { type: 'string' },
  },
});

function numberOf(name: 'sequences' | 'seed' | 'from' | 'postgres' | 'patience', least: number): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= least) return number;
  throw new Error(`--${name} takes a whole number of at least ${least}, not "${values[name]}".`);
}

function oneOf<Name extends string>(name: 'platform' | 'interceptor' | 'sabotage', names: readonly Name[]): Name {
  const value = names.find((one) => one === values[name]);
  if (value === undefined) throw new Error(`--${name} takes one of ${names.join(', ')}, not "${values[name]}".`);
  return value;
}

const WITHOUT = values.without.split(',').filter((part) => part !== '');
const leavesOut = (step: Step): boolean => WITHOUT.some((part) => describeStep(step).includes(part));

class Run {
  readonly #sequences = numberOf('sequences', 1);
  readonly #seed = numberOf('seed', 0);
  readonly #from = numberOf('from', 0);
  readonly #every = numberOf('postgres', 0);
  readonly #patience = numberOf('patience', 1);
  readonly #patienceAgain = Math.min(this.#patience, MOST_PATIENCE_AGAIN);
  readonly #platform = oneOf<Platform>('platform', ['express', 'fastify']);
  readonly #interceptor = oneOf('interceptor', ['true', 'false']) === 'true';
  readonly #sabotage =
    values.sabotage === undefined ? null : oneOf('sabotage', Object.keys(SABOTAGES) as SabotageName[]);
  #requests = 0;
  #differences = 0;
  readonly #shown = new Set<string>();

  readonly #progress = new Progress(process.stdout, 'Played', 'sequence', this.#sequences);
  #interruption: string | null = null;

  #say(text: string): void {
    this.#progress.end();
    process.stdout.write(`${text}\n`);
  }

  /** Plays no more sequences: so the database that it started ends, too. */
  interrupt(signal: string): void {
    this.#interruption = signal;
  }

  /** Whether nothing differed. */
  async play(): Promise<boolean> {
    this.#say(
      `seed ${this.#seed}: ${this.#sequences} sequences, ${this.#platform}, ` +
        `${this.#interceptor ? 'with' : 'without'} the interceptor`,
    );
    const started = performance.now();
    const setup = { platform: this.#platform, interceptor: this.#interceptor, sabotage: this.#sabotage };
    const database = this.#every === 0 ? null : await openDatabase();
    const sides: Side[] = [];
    const start = async (side: Promise<Side>): Promise<Side> => {
      sides.push(await side);
      return side;
    };
    try {
      const oracle = await start(startOracle());
      const fast = await start(startOurs({ ...setup, store: { kind: 'memory' } }));
      const slow = await start(startOurs({ ...setup, store: { kind: 'slow memory' } }));
      const stored =
        database === null
          ? slow
          : await start(startOurs({ ...setup, store: { kind: 'PostgreSQL', url: database.url } }));
      for (let number = this.#from; number < this.#from + this.#sequences; number++) {
        const isStored = this.#every > 0 && number % this.#every === 0;
        await this.#playOne(number, oracle, isStored ? stored : number % 3 === 0 ? fast : slow);
        if (this.#interruption !== null) throw new Error(`Interrupted (${this.#interruption}).`);
        if (this.#differences >= MOST_DIFFERENCES) throw new Error(`More than ${MOST_DIFFERENCES} sequences differ.`);
        this.#progress.add(1);
      }
    } finally {
      await Promise.all(sides.map((side) => side.close()));
      await database?.leave();
    }
    const seconds = (performance.now() - started) / 1_000;
    this.#say(`${this.#sequences} sequences, ${this.#requests} requests, ${seconds.toFixed(1)} s; seed ${this.#seed}`);
    return this.#conclude();
  }

  #conclude(): boolean {
    const names = Object.keys(BY_DESIGN) as DifferenceName[];
    for (const name of names)
      this.#say(`${String(timesMet(name)).padStart(8)} times by design: ${BY_DESIGN[name].what}`);
    const unmet = this.#sequences < ENOUGH || this.#every === 0 ? [] : names.filter((name) => timesMet(name) === 0);
    if (unmet.length > 0) this.#say(`By design, but never met: ${unmet.join(', ')}.`);
    this.#say(this.#differences === 0 ? 'No differences.' : `${this.#differences} sequences differ.`);
    return this.#differences === 0 && unmet.length === 0;
  }

  async #playOne(number: number, oracle: Side, ours: Side): Promise<void> {
    const sequence = new Generator(this.#seed, number, this.#platform, leavesOut).sequence();
    this.#requests += sequence.reduce((sum, { visits }) => sum + visits.length, 0);
    if (!(await differs(sequence, oracle, ours, this.#patience))) return;
    this.#differences += 1;
    if (this.#shown.size >= MOST_SHOWN || this.#differences > MOST_SHRUNK) return;
    const shortest = await shrink(sequence, (one) => differs(one, oracle, ours, this.#patienceAgain));
    const outcomes = [
      await play(shortest, oracle, this.#patienceAgain),
      await play(shortest, ours, this.#patienceAgain),
    ] as const;
    const shown = sideBySide(shortest, [oracle.name, ours.name], ...outcomes);
    const mark = shown.replaceAll(/\d+|\w+ memory|PostgreSQL/g, '');
    if (this.#shown.has(mark)) return;
    this.#shown.add(mark);
    this.#say(`DIFFERENCE (--seed ${this.#seed} --from ${number} --sequences 1)\n${shown}`);
    for (const incident of outcomes.flatMap(({ incidents }) => incidents)) this.#say(`  ${incident}`);
  }
}

/** One side after the other, so that an incident is known to be that side's. */
async function differs(sequence: Sequence, oracle: Side, ours: Side, patience: number): Promise<boolean> {
  const expected = await play(sequence, oracle, patience);
  return differ(expected, await play(sequence, ours, patience)) || expected.incidents.length > 0;
}

async function main(): Promise<number> {
  noteIncidents();
  const run = new Run();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => run.interrupt(signal));
  return (await run.play()) ? 0 : 1;
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 2;
  },
);
