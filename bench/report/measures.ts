import type { Act, Figures, Method, Results } from '../results.js';
import { isBare } from './comparison.js';
import { figure, percent, times } from './format.js';

/** What a target needs of a run. */
export type Measured = Pick<Results, 'closedLoop' | 'openLoop' | 'once' | 'start' | 'memory'>;

/** A figure that a run may have shown. */
export interface Measure {
  readonly name: string;
  readonly lessIsBetter: boolean;
  /** `null` where it was not measured, or has nothing to be compared with. Infinite where ours falls behind. */
  of(measured: Measured): number | null;
  show(value: number): string;
}

const COSTS = {
  statements: 'SQL statements per request',
  postgresCpu: 'PostgreSQL CPU µs per request',
  hotShare: 'HOT updates',
};

/** Requests a second as a multiple of those of another contestant. */
export function throughput(ours: string, method: Method, connections: number, than: string): Measure {
  return {
    name: `${ours}, ${method} × ${connections}: ÷ ${than}`,
    lessIsBetter: false,
    of: ({ closedLoop }) => {
      const [own, other] = [ours, than].map((name) => closedFigures(closedLoop, name, method, connections));
      return own && other ? own.spread.perSecond.median / other.spread.perSecond.median : null;
    },
    show: isBare(than) ? percent : times,
  };
}

/** What a request costs. */
export function cost(ours: string, method: Method, connections: number, which: keyof typeof COSTS): Measure {
  return {
    name: `${ours}, ${method} × ${connections}: ${COSTS[which]}`,
    lessIsBetter: which !== 'hotShare',
    of: ({ closedLoop }) => closedFigures(closedLoop, ours, method, connections)?.spread[which]?.median ?? null,
    show: which === 'hotShare' ? percent : figure,
  };
}

/** The p99 at a fixed rate as a multiple of that of another contestant, which keeps up with it. */
export function tail(ours: string, method: Method, than: string): Measure {
  return {
    name: `${ours}, ${method} at a fixed rate: p99 ÷ ${than}`,
    lessIsBetter: true,
    of: ({ openLoop }) => {
      const [own, other] = [ours, than].map((name) =>
        openLoop.find((one) => one.contestant === name && one.method === method),
      );
      if (!own || !other?.holds) return null;
      return own.holds ? own.p99.median / other.p99.median : Infinity;
    },
    show: (value) => (value === Infinity ? 'falls behind' : times(value)),
  };
}

/** The same, of what each session does once. */
export function onceInALife(ours: string, act: Act, than: string): Measure {
  return {
    name: `${ours}, ${act}: ÷ ${than}`,
    lessIsBetter: false,
    of: ({ once }) => {
      const [own, other] = [ours, than].map((name) => once.find((one) => one.contestant === name && one.act === act));
      return own && other ? own.perSecond.median / other.perSecond.median : null;
    },
    show: times,
  };
}

export const START: Measure = {
  name: 'start of an application: with the module ÷ without',
  lessIsBetter: true,
  of: ({ start }) => start && start.ratio.median,
  show: times,
};

export const MEMORY: Measure = {
  name: 'memory (RSS) of a process with many sessions in use: MB more than with few',
  lessIsBetter: true,
  of: ({ memory }) => memory && (memory.many.rss.median - memory.few.rss.median) / 2 ** 20,
  show: (value) => (value < 0 ? figure(value) : `+${figure(value)}`),
};

function closedFigures(
  closedLoop: readonly Figures[],
  contestant: string,
  method: Method,
  connections: number,
): Figures | undefined {
  return closedLoop.find(
    (one) => one.contestant === contestant && one.method === method && one.connections === connections,
  );
}
