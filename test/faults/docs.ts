import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { cellsOf, COLUMNS } from './report.js';
import type { Row } from './verdict.js';

/** Where the table goes: compiled, this file is in test/faults/dist/faults. */
const PAGE = new URL('../../../../docs/reliability.md', import.meta.url);
const BEGIN = '<!-- npm run test:faults -- --write writes from here -->';
const END = '<!-- to here -->';

/** Puts a run into docs/reliability.md, in the place of the one before. */
export async function writePage(rows: readonly Row[], seed: number, postgres: string): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  const from = page.indexOf(BEGIN) + BEGIN.length;
  const to = page.indexOf(END);
  if (to < from) throw new Error(`docs/reliability.md has no place for the table: "${BEGIN}" and "${END}".`);
  const text = [setting(seed, postgres), table(rows)].join('\n\n');
  await writeFile(PAGE, `${page.slice(0, from)}\n\n${text}\n\n${page.slice(to)}`);
}

function setting(seed: number, postgres: string): string {
  const date = new Date().toISOString().slice(0, 10);
  const cpu = cpus()[0]?.model.trim() ?? 'unknown';
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${date}, ${availableParallelism()} cores of ${cpu}, ${memory} GiB, Node.js ${process.version.slice(1)}, PostgreSQL ${postgres}, seed ${seed}.`;
}

function table(rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const lines = rows.map((row) => {
    const broken = row.broken.length === 0 ? '' : ' **(a promise was broken)**';
    return line([`\`${row.name}\`: ${row.title}${broken}`, ...cellsOf(row)]);
  });
  const alignment = COLUMNS.map((_, index) => (index === 0 || index === 2 ? '---' : '---:'));
  return [line(COLUMNS), line(alignment), ...lines].join('\n');
}
