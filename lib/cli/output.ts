import { escaped } from '../shown.js';

/** Where a command says something: its answer on standard output, all else on standard error. */
export class Output {
  readonly isJson: boolean;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;

  constructor(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream, isJson: boolean) {
    this.stdout = stdout;
    this.stderr = stderr;
    this.isJson = isJson;
  }

  /** The answer: as JSON where that is wished, and as text otherwise. */
  answer(json: object, text: string): void {
    this.stdout.write(`${this.isJson ? jsonText(json) : text}\n`);
  }

  /** What is no answer. */
  note(text: string): void {
    this.stderr.write(`${text}\n`);
  }
}

/** JSON leaves some characters alone that move a terminal's cursor (U+009B), or the direction of what is read. */
function jsonText(json: object): string {
  const lines = JSON.stringify(json, null, 2).split('\n');
  return lines.map(escaped).join('\n');
}

/** `1,234 sessions`, and `1 session`. */
export function counted(count: number, one: string): string {
  return `${numbered(count)} ${one}${count === 1 ? '' : 's'}`;
}

export function numbered(count: number): string {
  return count.toLocaleString('en-US');
}
