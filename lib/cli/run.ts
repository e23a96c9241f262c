import { readFileSync } from 'node:fs';
import { commandNameOf, parseArguments, PROGRAM } from './arguments.js';
import { type Command, EXIT, type ExitCode } from './command.js';
import { COMMANDS } from './commands/index.js';
import { failureText } from './failure.js';
import { helpOf, helpOfCommand } from './help.js';
import { Output } from './output.js';
import { inQuotes } from '../shown.js';
import { UsageError } from './usage-error.js';

/**
 * Does what was typed. Never rejects: what goes wrong is a sentence on standard error.
 *
 * @param args what was typed after the name of the program
 * @returns how the process is to end
 */
export async function run(
  args: readonly string[],
  { stdin, stdout, stderr, env }: Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env'>,
): Promise<ExitCode> {
  try {
    const command = commandOf(args);
    const parsed = parseArguments(args, command);
    const output = new Output(stdout, stderr, parsed.has('json'));
    if (parsed.has('version')) {
      output.answer({ version: version() }, version());
      return EXIT.fine;
    }
    if (parsed.has('help')) {
      stdout.write(`${command === null ? helpOf(COMMANDS) : helpOfCommand(command)}\n`);
      return EXIT.fine;
    }
    if (command === null) {
      output.note(helpOf(COMMANDS));
      return EXIT.usage;
    }
    return await command.run({ arguments: parsed, output, stdin, env });
  } catch (error) {
    stderr.write(`${error instanceof UsageError ? error.message : failureText(error)}\n`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}

/** The command that was typed, or `null` for none. @throws {UsageError} for one that there is not */
function commandOf(args: readonly string[]): Command | null {
  const name = commandNameOf(args);
  if (name === undefined) return null;
  const command = COMMANDS.find((one) => one.name === name);
  if (command !== undefined) return command;
  throw new UsageError(`There is no command ${inQuotes(name)}. See "${PROGRAM} --help".`);
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
