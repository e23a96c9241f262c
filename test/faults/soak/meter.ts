import { readdir, readFile } from 'node:fs/promises';
import type { World } from '../world.js';

/** What is looked at while a soak goes on. */
interface Reading {
  /** Of the application, in MiB. */
  readonly memory: number;
  readonly descriptors: number;
  /** Connections of the application that the server has. */
  readonly connections: number;
  /** The share of updates since the last reading that touched no index (HOT). */
  readonly hotShare: number;
  /** With its indexes, in MiB. */
  readonly tableMiB: number;
  readonly rows: number;
}

const COLUMNS = ['minute', 'memory', 'descriptors', 'connections', 'HOT', 'table', 'rows', 'faults', 'operations'];
const WIDTH = 13;
/** How many descriptors more than after the start there may be in the end: connections come and go. */
const MORE_DESCRIPTORS = 40;
/** How much of the memory after the start there may be in the end. */
const MORE_MEMORY = 2;

/** The head of the lines of a {@link Meter}. */
export function headline(): string {
  return COLUMNS.map((name) => name.padStart(WIDTH)).join('');
}

/** Reads the figures of the application and of the table. */
export class Meter {
  readonly #world: World;
  readonly #begin = performance.now();
  readonly #readings: Reading[] = [];
  #updates = { all: 0, hot: 0 };

  constructor(world: World) {
    this.#world = world;
  }

  async line(faults: number, operations: number): Promise<string> {
    const reading = await this.#read();
    this.#readings.push(reading);
    const minute = Math.round((performance.now() - this.#begin) / 60_000);
    const { memory, descriptors, connections, hotShare, tableMiB, rows } = reading;
    const cells = [
      minute,
      `${memory.toFixed(0)} MiB`,
      descriptors,
      connections,
      Number.isNaN(hotShare) ? '–' : `${(hotShare * 100).toFixed(1)} %`,
      `${tableMiB.toFixed(1)} MiB`,
      rows,
      faults,
      operations,
    ];
    return cells.map((cell) => String(cell).padStart(WIDTH)).join('');
  }

  /** What grew that must not. The first reading is from before all is warm. */
  leaks(): string[] {
    const [, first = this.#readings[0]] = this.#readings;
    const last = this.#readings.at(-1);
    if (first === undefined || last === undefined) return [];
    const stories: string[] = [];
    if (last.descriptors > first.descriptors + MORE_DESCRIPTORS) {
      stories.push(`${last.descriptors} descriptors in the end, ${first.descriptors} after the start`);
    }
    if (last.memory > first.memory * MORE_MEMORY) {
      stories.push(`${Math.round(last.memory)} MiB in the end, ${Math.round(first.memory)} after the start`);
    }
    return stories;
  }

  async #read(): Promise<Reading> {
    const { pid } = this.#world.application;
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const descriptors = (await readdir(`/proc/${pid}/fd`)).length;
    const connections = (await this.#world.pids()).length;
    const [table] = await this.#world.query<{ all: number; hot: number; size: number; rows: number }>(
      `select n_tup_upd::int as all, n_tup_hot_upd::int as hot, pg_total_relation_size(relid)::int as size,
              (select count(*)::int from sessions) as rows
       from pg_stat_user_tables where relname = 'sessions'`,
    );
    const { all = 0, hot = 0, size = 0, rows = 0 } = table ?? {};
    // A server that has crashed counts anew.
    const before = all < this.#updates.all ? { all: 0, hot: 0 } : this.#updates;
    this.#updates = { all, hot };
    return {
      memory: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024,
      descriptors,
      connections,
      hotShare: (hot - before.hot) / (all - before.all),
      tableMiB: size / 2 ** 20,
      rows,
    };
  }
}
