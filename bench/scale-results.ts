import type { Machine } from './environment/machine.js';
import type { Spread } from './measure/statistics.js';

/** Requests a second of `GET /read`, with that many sessions in the table. */
export interface LookupFigures {
  readonly rows: number;
  readonly tableBytes: number;
  readonly connections: number;
  readonly perSecond: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
}

/** What the sweep of expired sessions does to the visitors of the others. Latencies in milliseconds. */
export interface SweepFigures {
  readonly expiredRows: number;
  readonly liveRows: number;
  /** Counting requests a second. */
  readonly rate: number;
  readonly seconds: Spread | null;
  readonly purged: number;
  readonly without: { readonly p50: Spread; readonly p99: Spread };
  readonly during: { readonly p50: Spread; readonly p99: Spread };
  /** Why it did not come to an end, if it did not. */
  readonly failure: string | null;
}

/** What `results/scale.json` holds. */
export interface ScaleResults {
  readonly date: string;
  readonly machine: Machine;
  readonly postgres: string;
  /** As PostgreSQL writes it. */
  readonly sharedBuffers: string;
  readonly rounds: number;
  readonly duration: number;
  readonly lookups: readonly LookupFigures[];
  readonly sweep: SweepFigures | null;
}
