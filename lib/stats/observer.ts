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
