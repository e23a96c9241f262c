import type { Results } from '../results.js';
import { lossesOf } from './losses.js';
import { setupOf } from './setup.js';
import { asText } from './table.js';
import { tablesOf } from './tables.js';
import { targetTable } from './targets.js';

/** A run, as the terminal shows it. */
export function consoleReport(results: Results): string {
  const targets = targetTable(results);
  const losses = lossesOf(results);
  return [
    '',
    ...setupOf(results),
    '',
    ...tablesOf(results).map(asText),
    ...(targets.rows.length > 0 ? [asText(targets)] : []),
    ...(losses.length > 0 ? ['Where ours is behind', ...losses.map((loss) => `- ${loss}`), ''] : []),
    ...results.missing.map(({ name, reason }) => `MISSING: ${name}. ${reason}`),
    '',
  ].join('\n');
}
