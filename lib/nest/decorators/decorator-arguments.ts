import { CIRCULAR_IMPORT } from '../../options/members.js';
import { kindOf } from '../../session/data/json.js';
import { SessionConfigurationError } from '../../session.errors.js';
import { inQuotes } from '../../shown.js';

/**
 * @param written how the decorator is written, such as `@Public()`
 * @throws {SessionConfigurationError} where it was called with what it stands on.
 */
export function assertParentheses(written: string, given: readonly unknown[], isBare = standsOn(given)): void {
  if (!isBare) return;
  throw new SessionConfigurationError(
    `${written.replace(/\(.*/, '')} stands without its parentheses, so it decorates nothing. Fix: write ${written}.`,
  );
}

/** Whether these are a class, or a prototype and its method, or a function and its context (ECMAScript's own decorators). */
function standsOn([target, member]: readonly unknown[]): boolean {
  if (typeof target === 'function') return (target.prototype as unknown) !== undefined || member !== undefined;
  if (typeof target !== 'object' || target === null || member === undefined) return false;
  return Object.hasOwn(target, member as PropertyKey);
}

/** @throws {SessionConfigurationError} for any argument: `@Public(false)` would mean the same as `@Public()`. */
export function assertNoArguments(written: string, given: readonly unknown[]): void {
  assertParentheses(written, given);
  if (given.length === 0) return;
  throw new SessionConfigurationError(
    `${written} takes no arguments. Fix: write ${written}, or leave it out where it is not meant.`,
  );
}

export function wrongArgument(decorator: string, takes: string, value: unknown): SessionConfigurationError {
  const found = typeof value === 'string' ? inQuotes(value) : kindOf(value);
  const fix = value === undefined ? CIRCULAR_IMPORT : 'Fix: correct it';
  return new SessionConfigurationError(`${decorator} takes ${takes}, but got ${found}. ${fix}.`);
}
