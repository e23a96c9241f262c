import { type CommandOption, GLOBAL_OPTIONS, PROGRAM } from './arguments.js';
import type { Command } from './command.js';
import { textTable } from './text-table.js';

/** All commands. */
export function helpOf(commands: readonly Command[]): string {
  const rows = commands.map(({ usage, summary }) => [`  ${usage}`, summary]);
  return [
    `Usage: ${PROGRAM} <command> [options]`,
    'Looks after the sessions in a database.',
    section('Commands', rows),
    section('Options', GLOBAL_OPTIONS.map(optionRow)),
    EXIT_CODES,
  ].join('\n\n');
}

/** One command. */
export function helpOfCommand({ usage, summary, details, options }: Command): string {
  return [
    `Usage: ${PROGRAM} ${usage} [options]`,
    `${summary}.${details === undefined ? '' : `\n${details}`}`,
    section('Options', [...options, ...GLOBAL_OPTIONS].map(optionRow)),
  ].join('\n\n');
}

const EXIT_CODES =
  'Ends with 0 when it is done, 1 when it is not or doctor has found something, 2 when the\n' +
  'command has no meaning, 3 when doctor could not look.';

function optionRow({ name, value, help }: CommandOption): string[] {
  return [`  --${name}${value === undefined ? '' : ` <${value}>`}`, help];
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  return textTable([`${title}:`, ''], rows, Infinity);
}
