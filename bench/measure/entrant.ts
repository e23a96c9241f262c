import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Contestant } from '../contestants.js';
import type { Environment } from '../environment/environment.js';
import { connect } from '../environment/postgres-server.js';
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
    const { contestant, databaseUrl } = this;
    const redis = this.#environment.redis.get(contestant.store);
    if (redis !== undefined) return redis.sumOfCounts();
    if (contestant.sumOfCounts === undefined) return null;
    const client = await connect(databaseUrl);
    try {
      const { rows } = await client.query<{ sum: string }>(contestant.sumOfCounts);
      return Number(rows[0]?.sum);
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
