import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Programs } from './programs.js';
import { freePort } from '../ports.js';

const execute = promisify(execFile);

/** How a server is told to stop: `pg_ctl stop -m …`. */
export type StopMode = 'fast' | 'immediate';

/** What the application connects as: an ordinary user, to which the server reserves no connections. */
export const APPLICATION_ROLE = 'application';
const ADMIN = 'postgres';

const SETTINGS = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
max_wal_size = '64MB'
wal_keep_size = '32MB'
`;

/** A PostgreSQL server of a test's own, in a folder, that can be treated badly. */
export class Cluster {
  readonly port: number;
  readonly folder: string;
  readonly #programs: Programs;
  readonly #password: string;

  private constructor(programs: Programs, folder: string, port: number, password: string) {
    this.#programs = programs;
    this.folder = folder;
    this.port = port;
    this.#password = password;
  }

  /** Makes the files of a server, which is not started. */
  static async make(programs: Programs, folder: string, settings = ''): Promise<Cluster> {
    const password = randomBytes(24).toString('base64url');
    const file = `${folder}.password`;
    await writeFile(file, password, { mode: 0o600 });
    await programs.own(file);
    const flags = ['--auth=scram-sha-256', '--encoding=UTF8', '--no-locale', '--no-sync', '--wal-segsize=1'];
    await programs.run('initdb', ['-D', folder, `--username=${ADMIN}`, `--pwfile=${file}`, ...flags]);
    await rm(file);
    const port = await freePort();
    await appendFile(join(folder, 'postgresql.conf'), `${SETTINGS}${settings}\nport = ${port}\n`);
    return new Cluster(programs, folder, port, password);
  }

  /** Another server with the same files, while this one is stopped. Neither is started. */
  async copy(folder: string): Promise<Cluster> {
    await execute('cp', ['-a', this.folder, folder]);
    const port = await freePort();
    await appendFile(join(folder, 'postgresql.conf'), `port = ${port}\n`);
    return new Cluster(this.#programs, folder, port, this.#password);
  }

  /** Makes it follow another server, from its next start on. */
  async follow(other: Cluster): Promise<void> {
    const signal = join(this.folder, 'standby.signal');
    await writeFile(signal, '');
    await this.#programs.own(signal);
    const source = `host=127.0.0.1 port=${other.port} user=${ADMIN} password=${this.#password} application_name=standby`;
    await appendFile(join(this.folder, 'postgresql.conf'), `primary_conninfo = '${source}'\n`);
  }

  /** Settings for its next start. */
  async configure(settings: string): Promise<void> {
    await appendFile(join(this.folder, 'postgresql.conf'), `${settings}\n`);
  }

  async start(): Promise<void> {
    await this.#programs.run('pg_ctl', ['start', '-w', '-s', '-D', this.folder, '-l', `${this.folder}.log`]);
  }

  async stop(mode: StopMode): Promise<void> {
    await this.#programs.run('pg_ctl', ['stop', '-w', '-s', '-m', mode, '-D', this.folder]);
  }

  async promote(): Promise<void> {
    await this.#programs.run('pg_ctl', ['promote', '-w', '-s', '-D', this.folder]);
  }

  async isRunning(): Promise<boolean> {
    return this.#programs.run('pg_ctl', ['status', '-D', this.folder]).then(
      () => true,
      () => false,
    );
  }

  /** Stops it if it runs, and removes its files. */
  async remove(): Promise<void> {
    if (await this.isRunning()) await this.stop('immediate');
    await rm(this.folder, { recursive: true, force: true });
    await rm(`${this.folder}.log`, { force: true });
  }

  /** Freezes the server with all its processes. Returns what thaws them. */
  async freeze(): Promise<() => void> {
    // Line 1 of postmaster.pid (https://www.postgresql.org/docs/18/storage-file-layout.html).
    const server = Number((await readFile(join(this.folder, 'postmaster.pid'), 'utf8')).split('\n')[0]);
    process.kill(server, 'SIGSTOP');
    const { stdout } = await execute('ps', ['-A', '-o', 'pid=,ppid=']);
    const pids = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
    const children = pids.filter(([, parent]) => parent === server).map(([pid]) => pid);
    for (const pid of children) signal(pid, 'SIGSTOP');
    return () => {
      for (const pid of [server, ...children]) signal(pid, 'SIGCONT');
    };
  }

  url(database: string, role = ADMIN, port = this.port): string {
    return `postgresql://${role}:${this.#password}@127.0.0.1:${port}/${database}`;
  }

  /**
   * A connection past all proxies.
   *
   * @param role the superuser, unless another is named
   * @param patience how long anything may take, in milliseconds
   */
  async connect(database = 'postgres', role = ADMIN, patience = 120_000): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.url(database, role),
      application_name: 'test',
      connectionTimeoutMillis: patience,
      query_timeout: patience,
    });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  /** Runs a statement on a connection of its own. */
  async query<Row extends object = Record<string, unknown>>(
    database: string,
    text: string,
    values: unknown[] = [],
  ): Promise<Row[]> {
    const client = await this.connect(database);
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Waits until it takes connections again. */
  async answers(patience = 10_000): Promise<void> {
    for (const deadline = Date.now() + patience; ; await pause(20)) {
      try {
        await this.query('postgres', 'select 1');
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }

  /** The role that applications connect as, with the same password. */
  async createRole(): Promise<void> {
    await this.query('postgres', `create role ${APPLICATION_ROLE} login password '${this.#password}'`);
  }

  /** A new database that is the application's own. */
  async createDatabase(name: string): Promise<void> {
    await this.query('postgres', `create database ${name} owner ${APPLICATION_ROLE}`);
  }

  /** Gives a file or folder to the user that it runs as. */
  own(path: string): Promise<void> {
    return this.#programs.own(path);
  }

  /** As a file of PgBouncer's has users. */
  get userList(): string {
    return `"${APPLICATION_ROLE}" "${this.#password}"\n`;
  }
}

/** A process may have ended by itself meanwhile. */
function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
