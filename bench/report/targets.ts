import type { Figures, Method, Results } from '../results.js';
import { bareFor, isOurs } from './comparison.js';
import { figure, percent, times } from './format.js';
import type { Table } from './table.js';

/** What the module has to reach on two cores. */
interface Target {
  readonly ours: string;
  readonly method: Method;
  readonly connections: number;
  /** Against whom: `bare`, a peer, or a cost of its own. */
  readonly measure: 'bare' | 'statements' | 'postgresCpu' | 'hotShare' | { readonly peer: string };
  readonly floor: number;
  readonly goal: number;
}

const EXPRESS = 'ours on express';
const FASTIFY = 'ours on fastify';
const PG = { peer: 'express-session + connect-pg-simple' };
const REDIS = { peer: 'express-session + connect-redis' };
const FASTIFY_PG = { peer: '@fastify/session + connect-pg-simple' };

const TARGETS: readonly Target[] = [
  { ours: EXPRESS, method: 'GET', connections: 64, measure: 'bare', floor: 0.68, goal: 0.8 },
  { ours: EXPRESS, method: 'GET', connections: 64, measure: PG, floor: 5, goal: 6.5 },
  { ours: EXPRESS, method: 'GET', connections: 64, measure: REDIS, floor: 1.4, goal: 1.75 },
  { ours: EXPRESS, method: 'POST', connections: 64, measure: 'bare', floor: 0.45, goal: 0.6 },
  { ours: EXPRESS, method: 'POST', connections: 64, measure: PG, floor: 3.3, goal: 4.5 },
  { ours: EXPRESS, method: 'POST', connections: 64, measure: REDIS, floor: 1, goal: 1.35 },
  { ours: FASTIFY, method: 'GET', connections: 64, measure: FASTIFY_PG, floor: 6, goal: 8 },
  { ours: FASTIFY, method: 'POST', connections: 64, measure: FASTIFY_PG, floor: 4, goal: 4.7 },
  { ours: `${EXPRESS}, cached`, method: 'GET', connections: 64, measure: 'bare', floor: 0.85, goal: 1 },
  { ours: EXPRESS, method: 'GET', connections: 4, measure: PG, floor: 2.3, goal: 3.5 },
  { ours: EXPRESS, method: 'GET', connections: 4, measure: REDIS, floor: 1.1, goal: 1.5 },
  { ours: EXPRESS, method: 'POST', connections: 4, measure: PG, floor: 1.4, goal: 2 },
  { ours: EXPRESS, method: 'GET', connections: 64, measure: 'statements', floor: 0.05, goal: 0.05 },
  { ours: EXPRESS, method: 'POST', connections: 64, measure: 'statements', floor: 0.1, goal: 0.1 },
  { ours: EXPRESS, method: 'GET', connections: 64, measure: 'postgresCpu', floor: 15, goal: 15 },
  { ours: EXPRESS, method: 'GET', connections: 64, measure: 'hotShare', floor: 0.99, goal: 0.99 },
  { ours: EXPRESS, method: 'POST', connections: 64, measure: 'hotShare', floor: 0.99, goal: 0.99 },
];

const COSTS = {
  statements: 'SQL statements per request',
  postgresCpu: 'PostgreSQL CPU µs per request',
  hotShare: 'HOT updates',
};

/** How far it is, for whatever of it was measured. */
export function targetTable({ closedLoop }: Pick<Results, 'closedLoop'>): Table {
  const rows = TARGETS.flatMap((target) => {
    const { ours, method, connections, measure, floor, goal } = target;
    const figures = closedLoop.filter((one) => one.method === method && one.connections === connections);
    const value = valueOf(target, figures);
    if (value === null) return [];
    const show = measure === 'bare' || measure === 'hotShare' ? percent : typeof measure === 'object' ? times : figure;
    const isLessBetter = measure === 'statements' || measure === 'postgresCpu';
    const reaches = (bound: number): boolean => (isLessBetter ? value <= bound : value >= bound);
    const verdict = reaches(goal) ? 'goal' : reaches(floor) ? 'floor' : 'MISSED';
    const name = typeof measure === 'object' ? `÷ ${measure.peer}` : measure === 'bare' ? '÷ bare' : COSTS[measure];
    return [[`${ours}, ${method} × ${connections}: ${name}`, show(floor), show(goal), show(value), verdict]];
  });
  return { title: 'What has to be reached', header: ['target', 'floor', 'goal', 'now', 'reached'], rows };
}

function valueOf({ ours, measure }: Target, figures: readonly Figures[]): number | null {
  const own = figures.find((one) => one.contestant === ours && isOurs(one.contestant));
  if (own === undefined) return null;
  if (typeof measure === 'string' && measure !== 'bare') return own.spread[measure]?.median ?? null;
  const other = measure === 'bare' ? bareFor(own, figures) : figures.find((one) => one.contestant === measure.peer);
  return other === undefined ? null : own.spread.perSecond.median / other.spread.perSecond.median;
}
