import { DURATIONS, Histogram } from './histogram.js';
import type { MeterObserver, WorkTracer } from './observer.js';
import { QueueMeter } from './queue-meter.js';
import type { QueueName, QueueStats, StatementName, StatementStats } from './session-stats.js';

const STATEMENTS: readonly StatementName[] = [
  'clock',
  'find',
  'list',
  'count',
  'create',
  'commit',
  'renew',
  'update',
  'login',
  'rotate',
  'delete',
  'end_many',
  'sweep',
  'claim_sweep',
  'other',
];

interface StatementMeter {
  readonly duration: Histogram;
  failed: number;
}

/** Counts what a store with queues and statements does. */
export class StoreMeter {
  readonly queues: Readonly<Record<QueueName, QueueMeter>> = {
    find: new QueueMeter('find'),
    create: new QueueMeter('create'),
    commit: new QueueMeter('commit'),
    login: new QueueMeter('login'),
    delete: new QueueMeter('delete'),
    renew: new QueueMeter('renew'),
  };
  /** How long the renewal that waits longest has, in milliseconds. */
  oldestRenewal: () => number = () => 0;

  tracer: WorkTracer | null = null;
  readonly #statements = byStatement((): StatementMeter => ({ duration: new Histogram(DURATIONS), failed: 0 }));
  #observer: MeterObserver | null = null;

  observe(observer: MeterObserver | null): void {
    this.#observer = observer;
    for (const queue of Object.values(this.queues)) queue.observer = observer;
  }

  trace(tracer: WorkTracer | null): void {
    this.tracer = tracer;
    for (const queue of Object.values(this.queues)) queue.tracer = tracer;
  }

  /** A statement was answered, or has failed. @param duration in milliseconds */
  answered(name: StatementName, duration: number, error: unknown = null): void {
    const meter = this.#statements[name];
    meter.duration.record(duration);
    if (error !== null) meter.failed += 1;
    this.#observer?.answered(name, duration, error);
  }

  queueStats(): Record<QueueName, QueueStats> {
    const { find, create, commit, login, delete: ends, renew } = this.queues;
    return {
      find: find.stats(),
      create: create.stats(),
      commit: commit.stats(),
      login: login.stats(),
      delete: ends.stats(),
      renew: renew.stats(),
    };
  }

  statementStats(): Record<StatementName, StatementStats> {
    return byStatement((name) => {
      const { duration, failed } = this.#statements[name];
      return { duration: duration.stats(), failed };
    });
  }
}

function byStatement<Value>(valueOf: (name: StatementName) => Value): Record<StatementName, Value> {
  return Object.fromEntries(STATEMENTS.map((name) => [name, valueOf(name)])) as Record<StatementName, Value>;
}
