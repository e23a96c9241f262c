import { parseArgs } from 'node:util';
import { type Contestant, CONTESTANTS } from './contestants.js';
import { WARM_UP } from './measure/turn.js';

/** What a run consists of: every request after its answer, or at a fixed rate; what each session does once; a start; memory. */
export const PARTS = ['closed', 'open', 'once', 'start', 'memory'] as const;
export type Part = (typeof PARTS)[number];
/** Those in which contestants take part. */
const OF_CONTESTANTS: readonly Part[] = ['closed', 'open', 'once'];

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
  readonly parts: ReadonlySet<Part>;
  readonly writesDocs: boolean;
}

export const USAGE = `npm run bench -- [options]
  --quick               the essential comparison, in under three minutes
  --rounds N            how often every contestant has its turn (3; 2 if quick)
  --duration S          seconds of one measurement (2)
  --only name,name      contestants, by a part of their names
  --connections 64,4    how many connections the load comes from (64,4; 64 if quick)
  --parts part,part     of ${PARTS.join(', ')} (all; closed if quick; ${OF_CONTESTANTS.join(', ')} with --only).
                        The rate of the open loop follows from the closed one
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
      parts: { type: 'string' },
      docs: { type: 'boolean', default: false },
      'allow-missing': { type: 'boolean', default: false },
    },
  });
  const isQuick = values.quick;
  const parts = partsOf(values.parts, isQuick, values.only !== undefined);
  const isWhole =
    !isQuick && values.only === undefined && values.connections === undefined && values.parts === undefined;
  return {
    isQuick,
    allowMissing: values['allow-missing'],
    contestants: selected(values.only, isQuick),
    rounds: positive('rounds', values.rounds ?? (isQuick ? '2' : '3')),
    duration: positive('duration', values.duration ?? '2'),
    warmUp: WARM_UP,
    connections: (values.connections ?? (isQuick ? '64' : '64,4')).split(',').map((n) => positive('connections', n)),
    parts,
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

function partsOf(text: string | undefined, isQuick: boolean, hasOnly: boolean): ReadonlySet<Part> {
  if (text === undefined) return new Set(isQuick ? ['closed'] : hasOnly ? OF_CONTESTANTS : PARTS);
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(PARTS as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`--parts takes ${PARTS.join(', ')}, but got "${unknown}".`);
  if (names.includes('open') && !names.includes('closed')) throw new Error('--parts open takes closed as well.');
  return new Set(names as Part[]);
}

/** The value of an option that is a number. @throws {Error} for anything else. */
export function positive(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`--${name} takes a whole number above zero, but got "${text}".`);
}
