import type pg from 'pg';
import type { PostgresServer } from '../environment/postgres-server.js';
import type { RedisServer } from '../environment/redis-server.js';
import type { ServerProcess } from '../server-process.js';
import { cpuTimeOf, cpuTimeOfFamily, postmasterOf } from './cpu-time.js';

/** What the meters show, all of it counted from some moment on. `null` where it cannot be told. */
export interface Reading {
  /** SQL statements, as the database counts them; transactions, where it does not. */
  readonly statements: number;
  /** SQL statements, as the server's process sent them. */
  readonly queries: number;
  readonly walBytes: number;
  readonly updates: number;
  readonly hotUpdates: number;
  /** In microseconds. */
  readonly postgresCpu: number | null;
  readonly serverCpu: number | null;
  readonly redisCommands: number | null;
}

/** What a server and the stores behind it have spent. */
export class Meters {
  readonly #server: ServerProcess;
  readonly #postgres: PostgresServer;
  readonly #redis: RedisServer | null;
  readonly #database: pg.Client;

  /** @param database a connection to the contestant's own database */
  constructor(server: ServerProcess, postgres: PostgresServer, redis: RedisServer | null, database: pg.Client) {
    this.#server = server;
    this.#postgres = postgres;
    this.#redis = redis;
    this.#database = database;
  }

  /** Measures what some work costs. */
  async around<Result>(work: () => Promise<Result>): Promise<{ result: Result; spent: Reading }> {
    // The meters read the contestant's own database outermost, so that they do not count themselves.
    const tablesBefore = await this.#tables();
    const before = await this.#read();
    const result = await work();
    const after = await this.#read();
    const tablesAfter = await this.#tables();
    return {
      result,
      spent: {
        statements: after.statements - before.statements,
        queries: after.queries - before.queries,
        walBytes: after.walBytes - before.walBytes,
        updates: tablesAfter.updates - tablesBefore.updates,
        hotUpdates: tablesAfter.hotUpdates - tablesBefore.hotUpdates,
        postgresCpu: difference(after.postgresCpu, before.postgresCpu),
        serverCpu: difference(after.serverCpu, before.serverCpu),
        redisCommands: difference(after.redisCommands, before.redisCommands),
      },
    };
  }

  async #read(): Promise<Omit<Reading, 'updates' | 'hotUpdates'>> {
    const { admin } = this.#postgres;
    const { rows } = await admin.query<{ pid: number; wal: string }>(
      `select pg_backend_pid() as pid, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as wal`,
    );
    const [row] = rows;
    const postmaster = await postmasterOf(row?.pid ?? 0);
    return {
      statements: await this.#statements(),
      queries: (await this.#server.statistics()).queries,
      walBytes: Number(row?.wal),
      postgresCpu: postmaster === null ? null : await cpuTimeOfFamily(postmaster),
      serverCpu: await cpuTimeOf(this.#server.pid),
      redisCommands: (await this.#redis?.commands()) ?? null,
    };
  }

  async #statements(): Promise<number> {
    const sql = this.#postgres.countsStatements
      ? `select sum(calls) as count from pg_stat_statements s join pg_database d on d.oid = s.dbid where d.datname = $1`
      : `select xact_commit as count from pg_stat_database where datname = $1`;
    const { rows } = await this.#postgres.admin.query<{ count: string | null }>(sql, [this.#database.database]);
    return Number(rows[0]?.count ?? 0);
  }

  /** Processes report these with up to a second's delay: good for a share, not for a count. */
  async #tables(): Promise<{ updates: number; hotUpdates: number }> {
    const { rows } = await this.#database.query<{ updates: string | null; hot: string | null }>(
      'select sum(n_tup_upd) as updates, sum(n_tup_hot_upd) as hot from pg_stat_user_tables',
    );
    return { updates: Number(rows[0]?.updates ?? 0), hotUpdates: Number(rows[0]?.hot ?? 0) };
  }
}

function difference(after: number | null, before: number | null): number | null {
  return after === null || before === null ? null : after - before;
}
