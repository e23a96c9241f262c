import { cost, type Measure, type Measured, MEMORY, onceInALife, START, tail, throughput } from './measures.js';
import type { Table } from './table.js';

/** What the module has to reach on two cores. */
export interface Target {
  readonly measure: Measure;
  readonly floor: number;
  readonly goal: number;
}

const BARE = 'bare express';
const OURS = 'ours on express';
const CACHED = 'ours on express, cached';
const ENCRYPTED = 'ours on express, encrypted';
const PG = 'express-session + connect-pg-simple';
const REDIS = 'express-session + connect-redis';
const DURABLE = 'express-session + connect-redis, durable';
const FASTIFY = 'ours on fastify';
const FASTIFY_PG = '@fastify/session + connect-pg-simple';

/** Where a feature, a peer or a cost has a bound. */
export const TARGETS: readonly Target[] = [
  target(throughput(OURS, 'GET', 64, BARE), 0.68, 0.8),
  target(throughput(OURS, 'GET', 64, PG), 5, 6.5),
  target(throughput(OURS, 'GET', 64, REDIS), 1.4, 1.75),
  target(throughput(OURS, 'POST', 64, BARE), 0.51, 0.6),
  target(throughput(OURS, 'POST', 64, PG), 4.1, 4.5),
  target(throughput(OURS, 'POST', 64, REDIS), 1.22, 1.35),
  target(throughput(OURS, 'POST', 64, DURABLE), 1.5, 2),
  target(throughput(FASTIFY, 'GET', 64, FASTIFY_PG), 6, 8),
  target(throughput(FASTIFY, 'POST', 64, FASTIFY_PG), 4, 4.7),
  target(throughput(ENCRYPTED, 'GET', 64, OURS), 0.8, 0.9),
  target(throughput(ENCRYPTED, 'POST', 64, OURS), 0.7, 0.8),
  target(throughput(CACHED, 'GET', 64, BARE), 0.95, 1),
  target(throughput(CACHED, 'POST', 64, OURS), 0.97, 1),
  target(throughput(OURS, 'GET', 4, PG), 2.7, 3.5),
  target(throughput(OURS, 'GET', 4, REDIS), 1.4, 1.5),
  target(throughput(OURS, 'POST', 4, PG), 1.7, 2),
  target(throughput(OURS, 'POST', 4, DURABLE), 1.2, 1.5),
  target(tail(OURS, 'GET', BARE), 2, 1.5),
  target(tail(OURS, 'POST', BARE), 6, 3),
  target(onceInALife(OURS, 'login', PG), 2, 3),
  target(onceInALife(OURS, 'first write', PG), 2, 3),
  target(START, 1.3, 1.15),
  target(MEMORY, 60, 40),
  target(cost(OURS, 'GET', 64, 'statements'), 0.05, 0.05),
  target(cost(OURS, 'POST', 64, 'statements'), 0.1, 0.1),
  target(cost(OURS, 'GET', 64, 'postgresCpu'), 15, 15),
  target(cost(OURS, 'GET', 64, 'hotShare'), 0.99, 0.99),
  target(cost(OURS, 'POST', 64, 'hotShare'), 0.99, 0.99),
];

/** How far it is, for whatever of it was measured. */
export function targetTable(measured: Measured): Table {
  const rows = TARGETS.flatMap(({ measure, floor, goal }) => {
    const value = measure.of(measured);
    if (value === null) return [];
    const reaches = (bound: number): boolean => (measure.lessIsBetter ? value <= bound : value >= bound);
    const verdict = reaches(goal) ? 'goal' : reaches(floor) ? 'floor' : 'MISSED';
    return [[measure.name, measure.show(floor), measure.show(goal), measure.show(value), verdict]];
  });
  return { title: 'What has to be reached', header: ['target', 'floor', 'goal', 'now', 'reached'], rows };
}

function target(measure: Measure, floor: number, goal: number): Target {
  return { measure, floor, goal };
}
