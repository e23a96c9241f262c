import type { Arguments, Typed } from './arguments.js';
import type { Output } from './output.js';

/** How the process ends: what a script can tell apart. */
export const EXIT = {
  /** Done. */
  fine: 0,
  /** Not done, as the database or the table does not let it; or `doctor` has found something. */
  failed: 1,
  /** Not begun: what was typed has no meaning. */
  usage: 2,
  /** `doctor` could not look. */
  blind: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a command is given. */
export interface CommandContext {
  readonly arguments: Arguments;
  readonly output: Output;
  readonly stdin: NodeJS.ReadStream;
  readonly env: NodeJS.ProcessEnv;
}

/** One thing that the command line does. */
export interface Command extends Typed {
  /** One line for the list of commands, without a full stop. */
  readonly summary: string;
  /** How it is typed, without the name of the program. */
  readonly usage: string;
  /** What else its help says. */
  readonly details?: string;
  /** Rejects with a {@link UsageError} where it has to be typed otherwise. */
  run(context: CommandContext): Promise<ExitCode>;
}
