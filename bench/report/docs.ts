import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { Results } from '../results.js';
import type { ScaleResults } from '../scale-results.js';
import { chartOf } from './chart.js';
import { pageOf } from './page.js';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const PAGE = join(ROOT, 'docs', 'performance.md');
const CHART = join(ROOT, 'docs', 'performance.svg');
const SCALE = join(ROOT, 'bench', 'results', 'scale.json');

/** Writes `docs/performance.md` and the chart in it. */
export async function writeDocs(results: Results): Promise<void> {
  await writeFile(CHART, chartOf(results));
  const text = pageOf(results, await scaleResults(), await readFile(PAGE, 'utf8'));
  await writeFile(PAGE, await format(text, { ...(await resolveConfig(PAGE)), parser: 'markdown' }));
}

async function scaleResults(): Promise<ScaleResults | null> {
  try {
    return JSON.parse(await readFile(SCALE, 'utf8')) as ScaleResults;
  } catch {
    return null;
  }
}
