import type { QueueName, StatementName } from './session-stats.js';

/** Told of each value of a histogram, as it is recorded: for histograms that are kept elsewhere. */
export interface MeterObserver {
  /** @param size how many requests the statement carries */
  sent(queue: QueueName, size: number): void;
  /** @param wait in milliseconds */
  waited(queue: QueueName, wait: number): void;
  /**
   * @param duration in milliseconds
   * @param error why it failed; `null` where it was answered
   */
  answered(statement: StatementName, duration: number, error: unknown): void;
}

/** Told of work as it is done, to show it as a trace. */
export interface WorkTracer {
  /** What the work under way belongs to; `null` for nothing. It is kept with what waits in a queue. */
  origin(): unknown;
  /** Runs the sending of a statement that is for all of these. */
  batch<Result>(origins: readonly unknown[], send: () => Result): Result;
  /** Runs a statement. */
  statement<Result>(name: StatementName, send: () => Promise<Result>): Promise<Result>;
}
