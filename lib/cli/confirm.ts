import { createInterface } from 'node:readline/promises';
import type { CommandContext } from './command.js';
import { UsageError } from './usage-error.js';

/**
 * Asks on a terminal whether to go on; not with `--yes`.
 *
 * @throws {UsageError} where there is no terminal to ask on
 */
export async function confirmed(
  { arguments: args, stdin, output }: CommandContext,
  question: string,
): Promise<boolean> {
  if (args.has('yes')) return true;
  assertCanAsk({ arguments: args, stdin });
  const terminal = createInterface({ input: stdin, output: output.stderr });
  // Where the terminal goes away, there is no answer.
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  const answer = await Promise.race([terminal.question(`${question} [y/N] `), closed]);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** @throws {UsageError} where an answer is needed, and there is no terminal to ask on */
export function assertCanAsk({ arguments: args, stdin }: Pick<CommandContext, 'arguments' | 'stdin'>): void {
  if (args.has('yes') || stdin.isTTY) return;
  throw new UsageError('There is no terminal to ask whether that is meant. Give --yes if it is.');
}
