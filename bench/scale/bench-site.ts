import type pg from 'pg';
import { type Contestant, CONTESTANTS } from '../contestants.js';
import type { Environment } from '../environment/environment.js';
import { connect } from '../environment/postgres-server.js';
import { POOL_SIZE } from '../measure/entrant.js';
import { ServerProcess } from '../server-process.js';
import type { Setting } from '../servers/setting.js';
import { Filler } from './filler.js';

const NAME = 'ours on express';

/** Our module on Express, with a table that can be filled. */
export class BenchSite {
  readonly database: pg.Client;
  readonly filler: Filler;
  readonly #setting: Setting;

  private constructor(setting: Setting, database: pg.Client) {
    this.#setting = setting;
    this.database = database;
    this.filler = new Filler(database);
  }

  static async open(environment: Environment, signal: AbortSignal): Promise<BenchSite> {
    const setting: Setting = {
      contestant: CONTESTANTS.find(({ name }) => name === NAME) as Contestant,
      databaseUrl: await environment.postgres.createDatabase('scale'),
      redisUrls: [],
      poolSize: POOL_SIZE,
      secret: '',
      idleSeconds: 6 * 3600,
    };
    // Creates the table.
    await (await ServerProcess.start(setting, signal)).stop();
    return new BenchSite(setting, await connect(setting.databaseUrl));
  }

  async withServer<Result>(signal: AbortSignal, use: (server: ServerProcess) => Promise<Result>): Promise<Result> {
    const server = await ServerProcess.start(this.#setting, signal);
    try {
      return await use(server);
    } finally {
      await server.stop();
    }
  }

  /** One of PostgreSQL's settings. */
  async setting(name: string): Promise<string> {
    const { rows } = await this.database.query<{ value: string }>('select current_setting($1) as value', [name]);
    return rows[0]?.value ?? '';
  }

  async close(): Promise<void> {
    await this.database.end();
  }
}
