import { execFile } from 'node:child_process';
import { mkdir, rmdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Ending } from '../ending.js';
import { Skipped } from '../fault.js';
import type { Cluster } from './cluster.js';

const execute = promisify(execFile);

/**
 * A small disk, in memory, that belongs to the user that a server runs as. Returns its folder.
 *
 * @param ending gets what takes it away again
 * @throws {Skipped} where this process may not mount one
 */
export async function mountDisk(cluster: Cluster, folder: string, mebibytes: number, ending: Ending): Promise<string> {
  await mkdir(folder);
  ending.add(() => rmdir(folder));
  try {
    await execute('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0755`, 'none', folder]);
  } catch (error) {
    throw new Skipped(`a small disk cannot be mounted here: ${(error as { stderr?: string }).stderr?.trim()}`);
  }
  ending.add(() => execute('umount', [folder]));
  await cluster.own(folder);
  return folder;
}
