import type { ClusterSample } from './cluster/turn.js';
import type { Machine } from './environment/machine.js';
import type { Spread } from './measure/statistics.js';
import type { Method } from './results.js';

/** What one contestant showed in all rounds. */
export interface ClusterFigures {
  readonly contestant: string;
  readonly method: Method;
  readonly sessions: number;
  /** Of the application. */
  readonly processes: number;
  readonly spread: { readonly [Key in keyof ClusterSample]: Spread };
}

/** What `results/cluster.json` holds. */
export interface ClusterResults {
  readonly date: string;
  readonly machine: Machine;
  readonly versions: { readonly postgres: string; readonly redis: string; readonly wrk: string };
  readonly rounds: number;
  readonly duration: number;
  readonly connections: number;
  readonly figures: readonly ClusterFigures[];
}
