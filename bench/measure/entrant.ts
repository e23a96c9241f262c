import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Contestant } from '../contestants.js';
import type { Environment } from '../environment/environment.js';
import { connect } from '../environment/postgres-server.js';
import type { Census } from '../environment/redis-node.js';
import type { RedisServer } from '../environment/redis-server.js';
import { ServerProcess } from '../server-process.js';
import type { Setting } from '../servers/setting.js';
import { assertBare, assertCounted, assertCounts, seedSessions, writeCookies } from './sessions.js';

/** How many sessions everybody has. */
export const SESSIONS = 10_000;
/** How many connections to PostgreSQL everybody has. */
export const POOL_SIZE = 10;
/** Longer than the longest run, in seconds. */
const IDLE_SECONDS = 6 * 3600;

/** A contestant that has proved to work, with its sessions. */
export class Entrant {
  readonly contestant: Contestant;
  readonly cookies: readonly string[];
  readonly cookieFile: string;
  readonly databaseUrl: string;
  readonly #environment: Environment;
  readonly #setting: Setting;

  private constructor(environment: Environment, setting: Setting, cookies: readonly string[], cookieFile: string) {
    this.#environment = environment;
    this.#setting = setting;
    this.contestant = setting.contestant;
    this.databaseUrl = setting.databaseUrl;
    this.cookies = cookies;
    this.cookieFile = cookieFile;
  }

  /**
   * Creates its sessions over HTTP, and checks that it counts in them and finds the count again after a restart.
   *
   * @throws {Error} if it does not start, or gives a wrong answer.
   */
  static async admit(
    contestant: Contestant,
    environment: Environment,
    signal: AbortSignal,
    sessions = SESSIONS,
  ): Promise<Entrant> {
    const setting: Setting = {
      contestant,
      databaseUrl: await environment.postgres.createDatabase(contestant.name),
      redisUrls: environment.redis.get(contestant.store)?.urls ?? [],
      poolSize: POOL_SIZE,
      secret: randomBytes(32).toString('hex'),
      idleSeconds: IDLE_SECONDS,
    };
    const cookies = await withServer(setting, signal, async ({ port }) => {
      if (contestant.store !== 'none') return prepare(port, sessions, signal);
      await assertBare(port);
      return ['none=here'];
    });
    const probe = cookies[0] as string;
    if (contestant.store !== 'none') {
      await withServer(setting, signal, async ({ port }) => assertCounted(port, probe));
    }
    await vacuum(setting.databaseUrl);
    const file = join(environment.folder, `${contestant.name.replaceAll(/\W+/g, '-')}.cookies`);
    await writeCookies(file, cookies);
    return new Entrant(environment, setting, cookies, file);
  }

  /** Starts its server. The caller stops it. */
  start(signal: AbortSignal, execArgv: readonly string[] = []): Promise<ServerProcess> {
    return ServerProcess.start(this.#setting, signal, execArgv);
  }

  /** The sum of all counters, read past the server; `null` where that cannot be done. */
  async sumOfCounts(): Promise<number | null> {
    const { sumOfCounts } = this.contestant;
    const redis = this.#redis;
    if (redis !== undefined) return redis.sumOfCounts();
    if (sumOfCounts === undefined) return null;
    return Number((await this.#ask<{ sum: string }>(sumOfCounts)).sum);
  }

  /** How many sessions there are, and how many of them are somebody's, read past the server. @throws {Error} where none can tell. */
  async census(): Promise<Census> {
    const { census, name } = this.contestant;
    const redis = this.#redis;
    if (redis !== undefined) return redis.census();
    if (census === undefined) throw new Error(`Nothing says how to count the sessions of "${name}".`);
    const { sessions, owned } = await this.#ask<Record<keyof Census, string>>(census);
    return { sessions: Number(sessions), owned: Number(owned) };
  }

  get #redis(): RedisServer | undefined {
    return this.#environment.redis.get(this.contestant.store);
  }

  /** The only row that a question to its database gives. */
  async #ask<Row extends object>(sql: string): Promise<Row> {
    const client = await connect(this.databaseUrl);
    try {
      const { rows } = await client.query<Row>(sql);
      return rows[0] as Row;
    } finally {
      await client.end();
    }
  }
}

async function prepare(port: number, sessions: number, signal: AbortSignal): Promise<string[]> {
  const cookies = await seedSessions(port, sessions, signal);
  await assertCounts(port, cookies[0] as string);
  return cookies;
}

async function withServer<Result>(
  setting: Setting,
  signal: AbortSignal,
  use: (server: ServerProcess) => Promise<Result>,
): Promise<Result> {
  const server = await ServerProcess.start(setting, signal);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

/** So that nobody's first turn pays for everybody's seeding. */
async function vacuum(databaseUrl: string): Promise<void> {
  const client = await connect(databaseUrl);
  try {
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
}
