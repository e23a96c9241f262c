import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const REPOSITORY = resolve(import.meta.dirname, '../..');

/** How a program ended, and what it has printed. */
export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Runs a program of Node.js. Resolves for a failure as well. */
export async function runNode(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  // With the variables of this Jest, a Jest inside would take itself for one of its workers.
  const clean = { ...process.env, NODE_OPTIONS: undefined, JEST_WORKER_ID: undefined, NODE_ENV: undefined };
  try {
    const { stdout, stderr } = await run(process.execPath, args, { cwd, env: { ...clean, ...env }, timeout: 120_000 });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number | null; stdout: string; stderr: string };
    return { code: code ?? 1, output: stdout + stderr };
  }
}

/** The packed module with other packages, installed once: the folders below find them. */
export class PackedModule {
  private constructor(private readonly home: string) {}

  static async install(packages: readonly string[]): Promise<PackedModule> {
    const home = await mkdtemp(join(tmpdir(), 'session-consumers-'));
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', home];
    const { stdout } = await run('npm', pack, { cwd: REPOSITORY });
    const tarball = join(home, (JSON.parse(stdout) as [{ filename: string }])[0].filename);
    await writeFile(join(home, 'package.json'), JSON.stringify({ private: true }));
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball, ...packages], { cwd: home });
    return new PackedModule(home);
  }

  /** A file of an installed package. */
  file(path: string): string {
    return join(this.home, 'node_modules', path);
  }

  /** A fresh folder with these files. */
  async folder(files: Readonly<Record<string, string>>): Promise<string> {
    const folder = await mkdtemp(join(this.home, 'app-'));
    await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
    return folder;
  }

  async remove(): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}
