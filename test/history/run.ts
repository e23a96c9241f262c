import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Progress } from '#progress';
import type { SessionModuleOptions } from 'nestjs-mikro-session';
import pg from 'pg';
import { check } from './checker.js';
import { HttpClient } from './client.js';
import { openDatabase } from './database.js';
import { cacheBarrier } from './cache-barrier.js';
import { type Rows, rowsInPostgres, rowsInRedis } from './rows.js';
import { startServer, type ServerProcess } from './processes.js';
import { excerpt, Report } from './report.js';
import { ClientGroup, type RunContext } from './client-group.js';

/** How many violations of one rule are printed in full. */
const MOST_EXCERPTS = 3;

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '20000' },
    processes: { type: 'string', default: '2' },
    clients: { type: 'string', default: '24' },
    sessions: { type: 'string', default: '4' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    // Options of SessionModule besides, as JSON.
    options: { type: 'string', default: '{}' },
    // URLs of a Redis Cluster that is there, with commas between: instead of PostgreSQL.
    redis: { type: 'string' },
  },
});

function numberOf(name: keyof typeof values, least: number): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= least) return number;
  throw new Error(`--${name} takes a whole number of at least ${least}, not "${values[name]}".`);
}

class Run {
  readonly #operations = numberOf('operations', 1);
  readonly #processes = numberOf('processes', 1);
  readonly #sessions = numberOf('sessions', 1);
  readonly #clients = Math.max(1, Math.round(numberOf('clients', 1) / this.#sessions));
  readonly #seed = numberOf('seed', 0);
  readonly #options = JSON.parse(values.options) as SessionModuleOptions;
  readonly #report = new Report();
  readonly #ids: string[] = [];
  readonly #servers: ServerProcess[] = [];
  readonly #https: HttpClient[] = [];
  readonly #progress = new Progress(process.stdout, 'Played', 'operation', this.#operations);
  #left = this.#operations;
  #failure: Error | null = null;

  #say(text: string): void {
    this.#progress.end();
    process.stdout.write(`${text}\n`);
  }

  /** Starts nothing more; what is under way comes to its end. */
  stop(reason: string): void {
    this.#failure ??= new Error(reason);
    this.#left = 0;
  }

  /** Whether every promise was kept. */
  async play(): Promise<boolean> {
    this.#say(
      `seed ${this.#seed}: ${this.#operations} operations, ${this.#processes} processes, ${this.#sessions} shared ` +
        `cookies, ${this.#clients} clients to each, options ${Object.keys(this.#options).join(', ') || 'as they are'}`,
    );
    const database = values.redis === undefined ? await openDatabase() : null;
    if (values.redis !== undefined) process.env['HISTORY_REDIS'] = values.redis;
    const key = (this.#options.encryption?.keys[0] as string | undefined) ?? null;
    const rows =
      database === null
        ? await rowsInRedis((values.redis as string).split(','), key)
        : rowsInPostgres(poolOn(database.url), key);
    const started = performance.now();
    try {
      for (let count = this.#processes; count > 0; count--) {
        const server = await startServer(values.options, (reason) => this.stop(reason));
        this.#servers.push(server);
        this.#https.push(new HttpClient(server.port, this.#clients * this.#sessions));
      }
      await this.#groups(rows);
      if (this.#failure === null) await this.#checkAllEnded(rows);
    } finally {
      for (const http of this.#https) http.close();
      await Promise.all(this.#servers.map((server) => server.end()));
      await rows.close();
      await database?.leave();
    }
    this.#conclude((performance.now() - started) / 1_000);
    if (this.#failure !== null) throw this.#failure;
    return this.#report.violations === 0;
  }

  #conclude(seconds: number): void {
    const { operations, requests, episodes, sessions, violations, ambiguous, byRule } = this.#report;
    this.#say(this.#report.text());
    this.#say(`${operations} operations in ${requests} requests on ${sessions} sessions of ${episodes} episodes`);
    this.#say(`${ambiguous} ambiguous; ${seconds.toFixed(1)} s; seed ${this.#seed}`);
    const rules = Array.from(byRule, ([rule, count]) => `${rule}: ${count}`);
    this.#say(violations === 0 ? 'No violations.' : `${violations} violations (${rules.join(', ')}).`);
  }

  async #groups(rows: Rows): Promise<void> {
    let clock = 0;
    const context: RunContext = {
      seed: this.#seed,
      servers: this.#https,
      tick: () => ++clock,
      spend: (operations) => {
        if (this.#left <= 0) return false;
        this.#left -= operations;
        return true;
      },
      rowsOf: (ids) => rows.of(ids),
      barrier: this.#options.cache ? () => cacheBarrier(this.#https) : null,
    };
    await Promise.all(
      Array.from({ length: this.#sessions }, async (_, number) => {
        const group = new ClientGroup(number, this.#clients, context);
        while (this.#left > 0) this.#examine(await group.play());
      }),
    );
  }

  #examine({ history, profile, ids }: Awaited<ReturnType<ClientGroup['play']>>): void {
    const before = this.#report.operations;
    this.#report.add(history);
    this.#report.sessions += history.rows.length;
    this.#ids.push(...ids);
    if (this.#failure !== null) return;
    for (const violation of check(history)) {
      if (this.#report.addViolation(violation.rule) > MOST_EXCERPTS) continue;
      this.#say(`${excerpt(violation, history)}\n  (in an episode of kind "${profile.name}")`);
    }
    this.#progress.add(this.#report.operations - before);
  }

  /** Everything was ended in the end, so nothing may be there. */
  async #checkAllEnded(rows: Rows): Promise<void> {
    for (let from = 0; from < this.#ids.length; from += 10_000) {
      for (const { id } of await rows.of(this.#ids.slice(from, from + 10_000))) {
        this.#report.addViolation('dead session');
        this.#say(`VIOLATION (dead session): session ${id} is there at the end of the run, long after its own`);
      }
    }
  }
}

function poolOn(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => {});
  return pool;
}

async function main(): Promise<number> {
  const run = new Run();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => run.stop(`Interrupted (${signal}).`));
  }
  return (await run.play()) ? 0 : 1;
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 2;
  },
);
