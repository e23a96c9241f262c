import { CONTESTANTS } from '../../../bench/contestants.js';
import type { Spread } from '../../../bench/measure/statistics.js';
import type { Measured } from '../../../bench/report/measures.js';
import type { Act, Figures, Method, OnceFigures, OpenFigures, Results } from '../../../bench/results.js';

/** What a run would have to say that measured nothing. */
export const NOTHING: Measured = { closedLoop: [], openLoop: [], once: [], start: null, memory: null };

export function constant(value: number): Spread {
  return { median: value, min: value, max: value };
}

/** Figures of the closed loop: so many requests a second, and costs that say nothing. */
export function closed(contestant: string, method: Method, connections: number, perSecond: number): Figures {
  const [rate, none] = [constant(perSecond), constant(1)];
  return {
    contestant,
    platform: platformOf(contestant),
    method,
    connections,
    spread: {
      perSecond: rate,
      p50: none,
      p99: none,
      statements: none,
      queries: none,
      walBytes: none,
      hotShare: none,
      postgresCpu: none,
      serverCpu: none,
      redisCommands: none,
    },
  };
}

export function open(contestant: string, method: Method, p99: number, holds = true): OpenFigures {
  return {
    contestant,
    platform: platformOf(contestant),
    method,
    rate: 700,
    rateOf: 'ours on express',
    perSecond: constant(700),
    p50: constant(1),
    p99: constant(p99),
    addedP50: null,
    addedP99: null,
    holds,
  };
}

export function once(contestant: string, act: Act, perSecond: number): OnceFigures {
  return {
    contestant,
    platform: platformOf(contestant),
    act,
    requests: 100,
    perSecond: constant(perSecond),
    serverCpu: null,
    postgresCpu: null,
  };
}

function platformOf(name: string): 'express' | 'fastify' {
  const contestant = CONTESTANTS.find((one) => one.name === name);
  if (contestant === undefined) throw new Error(`There is no contestant "${name}".`);
  return contestant.platform;
}

/** A whole run, with what it measured. */
export function resultsOf(measured: Partial<Measured>): Results {
  return {
    ...NOTHING,
    ...measured,
    date: '2026-11-29T16:20:00.000Z',
    machine: { cpu: 'A processor', cores: 2, memoryGiB: 24, kernel: '6', node: 'v24' },
    versions: { postgres: '15', redis: '7', wrk: 'wrk 4' },
    setup: {
      rounds: 3,
      duration: 2,
      warmUp: 3,
      warmUpAgain: 1,
      sessions: 10_000,
      bytesPerSession: 1_000,
      poolSize: 10,
      postgres: 'installed',
      statementsCountedBy: 'pg_stat_statements',
    },
    missing: [],
  };
}
