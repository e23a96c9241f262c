import { parseArgs } from 'node:util';
import { inQuotes } from '../shown.js';
import { UsageError } from './usage-error.js';

export const PROGRAM = 'nestjs-mikro-session';

/** An option as it is typed: `--name`, or `--name <value>`. */
export interface CommandOption {
  readonly name: string;
  /** What its value is, for the help; a flag unless given. */
  readonly value?: string;
  readonly help: string;
}

/** A command, as far as its arguments go. */
export interface Typed {
  readonly name: string;
  readonly options: readonly CommandOption[];
  /** How many arguments it takes at most. */
  readonly arguments: number;
}

/** What every command takes. */
export const GLOBAL_OPTIONS: readonly CommandOption[] = [
  { name: 'url', value: 'url', help: 'the database; DATABASE_URL unless given' },
  { name: 'config', value: 'file', help: 'a configuration of MikroORM, as its default export, instead of --url' },
  { name: 'schema', value: 'name', help: 'the schema of the table; that of the configuration, or the search path' },
  { name: 'table', value: 'name', help: 'the name of the table; that of the configuration, or "sessions"' },
  { name: 'json', help: 'print JSON' },
  { name: 'help', help: 'print this' },
  { name: 'version', help: 'print the version' },
];

/** What was typed after the name of the program. */
export class Arguments {
  /** Without the name of the command. */
  readonly positionals: readonly string[];
  readonly #options: ReadonlyMap<string, string | true>;

  constructor(positionals: readonly string[], options: ReadonlyMap<string, string | true>) {
    this.positionals = positionals;
    this.#options = options;
  }

  /** The value of an option. */
  text(name: string): string | undefined {
    const value = this.#options.get(name);
    return value === true ? undefined : value;
  }

  /** Whether an option was typed. */
  has(name: string): boolean {
    return this.#options.has(name);
  }
}

/** The name of the command, as it was typed; `undefined` where there is none. */
export function commandNameOf(args: readonly string[]): string | undefined {
  return tokensOf(args, GLOBAL_OPTIONS).find((token) => token.kind === 'positional')?.value;
}

/**
 * @param command `null` where only global options can be there
 * @throws {UsageError} for an option that there is not, a value that is missing or too much
 */
export function parseArguments(args: readonly string[], command: Typed | null): Arguments {
  const known = [...GLOBAL_OPTIONS, ...(command?.options ?? [])];
  const help = `See "${[PROGRAM, ...(command === null ? [] : [command.name]), '--help'].join(' ')}".`;
  const positionals: string[] = [];
  const options = new Map<string, string | true>();
  for (const token of tokensOf(args, known)) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = known.find(({ name }) => name === token.name);
    const typed = `${inQuotes(token.rawName)}`;
    if (option === undefined) throw new UsageError(`There is no option ${typed}. ${help}`);
    if (option.value === undefined) {
      if (token.value !== undefined) throw new UsageError(`The option ${typed} takes no value. ${help}`);
      options.set(option.name, true);
      continue;
    }
    // What looks like the next option is no value, unless it is written as one.
    const isMissing = token.value === undefined || (!token.inlineValue && token.value.startsWith('-'));
    if (isMissing || token.value === '') {
      throw new UsageError(`The option ${typed} needs a value: ${typed.slice(1, -1)}=<${option.value}>. ${help}`);
    }
    options.set(option.name, token.value);
  }
  const own = command === null ? positionals : positionals.slice(1);
  const surplus = own[command?.arguments ?? 0];
  if (surplus !== undefined) throw new UsageError(`${inQuotes(surplus)} is one argument too many. ${help}`);
  return new Arguments(own, options);
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

function tokensOf(args: readonly string[], known: readonly CommandOption[]): Token[] {
  const options = Object.fromEntries(
    known.map(({ name, value }) => [name, { type: value === undefined ? ('boolean' as const) : ('string' as const) }]),
  );
  // Not strict: what Node says of a mistake is several sentences.
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}
