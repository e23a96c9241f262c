import { parseArgs } from 'node:util';
import { type Contestant, CONTESTANTS } from './contestants.js';
import { WARM_UP } from './measure/turn.js';

/** What the command was asked to do. */
export interface BenchOptions {
  readonly isQuick: boolean;
  readonly allowMissing: boolean;
  readonly contestants: readonly Contestant[];
  readonly rounds: number;
  /** Of one measurement, in seconds. */
  readonly duration: number;
  readonly warmUp: number;
  readonly connections: readonly number[];
  readonly openLoop: boolean;
  readonly writesDocs: boolean;
}

export const USAGE = `npm run bench -- [options]
  --quick               the essential comparison, in under three minutes
  --rounds N            how often every contestant has its turn (3)
  --duration S          seconds of one measurement (6; 3 if quick)
  --only name,name      contestants, by a part of their names
  --connections 64,4    how many connections the load comes from (64,4; 64 if quick)
  --no-open-loop        leave out the run at a fixed rate (left out if quick)
  --docs                write docs/performance.md even though the run is a part of the whole
  --allow-missing       do not fail when wrk or redis-server is missing, or a contestant does not start
`;

/** @throws {Error} for an argument that makes no sense. */
export function parseOptions(args: string[]): BenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      duration: { type: 'string' },
      only: { type: 'string' },
      connections: { type: 'string' },
      'no-open-loop': { type: 'boolean', default: false },
      docs: { type: 'boolean', default: false },
      'allow-missing': { type: 'boolean', default: false },
    },
  });
  const isQuick = values.quick;
  const duration = positive('duration', values.duration ?? (isQuick ? '3' : '6'));
  const isWhole = !isQuick && values.only === undefined && values.connections === undefined;
  return {
    isQuick,
    allowMissing: values['allow-missing'],
    contestants: selected(values.only, isQuick),
    rounds: positive('rounds', values.rounds ?? '3'),
    duration,
    warmUp: WARM_UP,
    connections: (values.connections ?? (isQuick ? '64' : '64,4')).split(',').map((n) => positive('connections', n)),
    openLoop: !isQuick && !values['no-open-loop'],
    writesDocs: isWhole || values.docs,
  };
}

function selected(only: string | undefined, isQuick: boolean): readonly Contestant[] {
  if (only === undefined) return CONTESTANTS.filter((contestant) => !isQuick || contestant.isEssential);
  const parts = only.split(',').map((part) => part.trim());
  const chosen = CONTESTANTS.filter(({ name }) => parts.some((part) => name.includes(part)));
  if (chosen.length > 0) return chosen;
  throw new Error(`--only matches nothing. There are: ${CONTESTANTS.map(({ name }) => name).join(', ')}.`);
}

/** The value of an option that is a number. @throws {Error} for anything else. */
export function positive(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`--${name} takes a whole number above zero, but got "${text}".`);
}
