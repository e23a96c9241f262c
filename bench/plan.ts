import type { Contestant } from './contestants.js';
import { STARTS } from './measure/starts.js';
import { WARM_UP_AGAIN } from './measure/turn.js';
import type { BenchOptions } from './options.js';

/** In seconds, as measured: what is done besides loading servers. */
const ADMISSION = 7;
const START_AND_STOP = 2;
/** Of a turn in which each session is written and signed in once. */
const ONCE_TURN = 17;
/** Of one process. */
const MEMORY_TURN = 20;

/** Who takes part in what. */
export interface Plan {
  readonly closed: readonly Contestant[];
  readonly open: readonly Contestant[];
  readonly once: readonly Contestant[];
  readonly hasStart: boolean;
  readonly hasMemory: boolean;
}

export function planOf({ parts, contestants }: BenchOptions): Plan {
  return {
    closed: parts.has('closed') ? contestants : [],
    open: parts.has('open') ? contestants.filter(({ isAside }) => !isAside) : [],
    once: parts.has('once') ? contestants.filter(({ signsIn }) => signsIn) : [],
    hasStart: parts.has('start'),
    hasMemory: parts.has('memory'),
  };
}

/** All that take part in anything. */
export function participants(options: BenchOptions): readonly Contestant[] {
  const { closed, open, once } = planOf(options);
  return [...new Set([...closed, ...open, ...once])];
}

/** How many connections a contestant's load comes from. */
export function connectionsFor({ isAside }: Contestant, { connections }: BenchOptions): readonly number[] {
  return isAside ? [Math.max(...connections)] : connections;
}

/** About how long a run takes, in seconds. */
export function secondsOf(options: BenchOptions): number {
  const { duration, rounds, warmUp } = options;
  const { closed, open, once, hasStart, hasMemory } = planOf(options);
  const turn = (loads: number): number =>
    START_AND_STOP + warmUp - Math.min(warmUp, WARM_UP_AGAIN) + loads * (Math.min(warmUp, WARM_UP_AGAIN) + duration);
  const closedTurns = closed.map((one) => turn(2 * connectionsFor(one, options).length));
  return (
    participants(options).length * ADMISSION +
    rounds * closedTurns.reduce((sum, seconds) => sum + seconds, 0) +
    rounds * open.length * turn(2) +
    rounds * once.length * ONCE_TURN +
    (hasStart ? 2 * (STARTS + 1) * START_AND_STOP : 0) +
    (hasMemory ? 2 * rounds * MEMORY_TURN : 0)
  );
}

/** What a run is going to do, for the terminal. */
export function planText(options: BenchOptions): string {
  const minutes = Math.ceil(secondsOf(options) / 60);
  const { rounds, duration, parts } = options;
  const count = counted(participants(options).length, 'contestant');
  return `About ${counted(minutes, 'minute')}: ${count}, ${counted(rounds, 'round')} of ${duration} s (${[...parts].join(', ')}).`;
}

function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}
