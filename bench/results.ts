import type { Platform } from './contestants.js';
import type { Machine } from './environment/machine.js';
import type { PostgresOrigin } from './environment/postgres-server.js';
import type { Spread } from './measure/statistics.js';

export type Method = 'GET' | 'POST';

/** What one turn of one contestant showed; what is spent is per request. `null` where it cannot be told. */
export interface Sample {
  readonly perSecond: number;
  /** In milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** SQL statements, counted by the database. */
  readonly statements: number;
  /** The same, counted where they are sent. */
  readonly queries: number;
  readonly walBytes: number;
  /** Of all updates of rows. */
  readonly hotShare: number | null;
  /** CPU time in microseconds: of the database's processes, and of the server under test. */
  readonly postgresCpu: number | null;
  readonly serverCpu: number | null;
  readonly redisCommands: number | null;
}

/** The samples of all rounds, put together. */
export interface Figures extends Who {
  readonly connections: number;
  readonly spread: { readonly [Key in keyof Sample]: Null<Sample[Key], Spread> };
}
type Null<Value, Result> = null extends Value ? Result | null : Result;

interface Who {
  readonly contestant: string;
  readonly platform: Platform;
  readonly method: Method;
}

/** A run at a fixed rate. Latencies in milliseconds. */
export interface OpenFigures extends Who {
  readonly rate: number;
  readonly perSecond: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
  /** How much the medians are above those of the bare server on the same framework; `null` where there is none. */
  readonly addedP50: number | null;
  readonly addedP99: number | null;
  /** Whether it kept up with the rate in every round. */
  readonly holds: boolean;
}

/** Everything one run found out: what `results/latest.json` holds. */
export interface Results {
  readonly date: string;
  readonly machine: Machine;
  readonly versions: { readonly postgres: string; readonly redis: string | null; readonly wrk: string | null };
  readonly setup: {
    readonly rounds: number;
    readonly duration: number;
    readonly warmUp: number;
    readonly sessions: number;
    readonly bytesPerSession: number;
    readonly poolSize: number;
    readonly postgres: PostgresOrigin;
    readonly statementsCountedBy: 'pg_stat_statements' | 'pg_stat_database';
  };
  readonly closedLoop: readonly Figures[];
  readonly openLoop: readonly OpenFigures[];
  /** What could not be measured, and why. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}
