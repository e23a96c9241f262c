import { checkCountersAndLists } from './counters-and-lists.js';
import { checkCredentials } from './credentials.js';
import { checkRows, checkTags } from './final-state.js';
import { type Analysis, analyse } from './analysis.js';
import { checkFlashes } from './flashes.js';
import type { History, Violation } from './history.js';
import { checkRegisters } from './registers.js';

const CHECKS: readonly ((analysis: Analysis) => void)[] = [
  checkRegisters,
  checkCountersAndLists,
  checkFlashes,
  checkCredentials,
  checkRows,
  checkTags,
];

/**
 * The promises that a history breaks. Sound: whatever parallel requests may do to one another is no violation, for only
 * what was answered before something else began is taken to come before it.
 */
export function check(history: History): readonly Violation[] {
  const analysis = analyse(history);
  for (const one of CHECKS) one(analysis);
  return analysis.violations;
}
