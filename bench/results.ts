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
  /** Which of ours the rate follows from. */
  readonly rateOf: string;
  readonly perSecond: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
  /** How much the medians are above those of the bare server on the same framework; `null` where there is none. */
  readonly addedP50: number | null;
  readonly addedP99: number | null;
  /** Whether it kept up with the rate in every round. */
  readonly holds: boolean;
}

/** What every session is once in its life: filled for the first time, and signed in. */
export type Act = 'login' | 'first write';

/** What it takes to do that in many sessions, in each once. CPU times in microseconds a request. */
export interface OnceFigures {
  readonly contestant: string;
  readonly platform: Platform;
  readonly act: Act;
  /** Of one round. */
  readonly requests: number;
  readonly perSecond: Spread;
  readonly serverCpu: Spread | null;
  readonly postgresCpu: Spread | null;
}

/** From the fork of a process until it listens, in milliseconds. */
export interface StartFigures {
  /** Of each of the two. */
  readonly starts: number;
  readonly without: Spread;
  readonly with: Spread;
  /** With the module ÷ without it: of the medians, and the extremes of the pairs that were started one after the other. */
  readonly ratio: Spread;
}

/** What a process needs for sessions in use, in bytes, after a garbage collection. */
export interface MemoryFigures {
  readonly sessions: number;
  /** How many it had that it is compared with. */
  readonly fewSessions: number;
  /** How many requests each process has answered. */
  readonly requests: number;
  readonly many: MemoryUse;
  readonly few: MemoryUse;
}
export interface MemoryUse {
  readonly rss: Spread;
  readonly heap: Spread;
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
    /** For a server that has been under load already. */
    readonly warmUpAgain: number;
    readonly sessions: number;
    readonly bytesPerSession: number;
    readonly poolSize: number;
    readonly postgres: PostgresOrigin;
    readonly statementsCountedBy: 'pg_stat_statements' | 'pg_stat_database';
  };
  readonly closedLoop: readonly Figures[];
  readonly openLoop: readonly OpenFigures[];
  readonly once: readonly OnceFigures[];
  readonly start: StartFigures | null;
  readonly memory: MemoryFigures | null;
  /** What could not be measured, and why. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}
