import { createHash } from 'node:crypto';
import { glob, readFile } from 'node:fs/promises';

/**
 * Of the files that patterns name, some lines, as Stryker takes them; the same for the same seed, and of a file that has changed
 * those that stayed where they were.
 */
export async function sampleOf(patterns, percent, seed) {
  const excluded = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!'));
  const lines = [];
  for await (const file of glob(wanted, { exclude: excluded })) {
    const count = (await readFile(file, 'utf8')).split('\n').length;
    for (let line = 1; line <= count; line++) {
      if (shareOf(`${seed} ${file} ${line}`) * 100 < percent) lines.push(`${file}:${line}-${line}`);
    }
  }
  return lines;
}

/** A number from 0 to 1, as good as random. */
function shareOf(text) {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}
