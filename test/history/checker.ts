import { checkBags } from './bags.js';
import { checkCredentials } from './credentials.js';
import { checkRows, checkTags } from './endings.js';
import { type Facts, factsOf } from './facts.js';
import { checkFlashes } from './flashes.js';
import type { History, Violation } from './history.js';
import { checkRegisters } from './registers.js';

const CHECKS: readonly ((facts: Facts) => void)[] = [
  checkRegisters,
  checkBags,
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
  const facts = factsOf(history);
  for (const one of CHECKS) one(facts);
  return facts.violations;
}
