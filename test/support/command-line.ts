import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { watch } from './leak-watch.js';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const MAIN = join(REPOSITORY, 'dist/cli/main.js');

/** How the command ended, and what it has printed. */
export interface CommandOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The variables of a user: of Jest's own, some would reach the command. */
function variables(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], TERM: 'xterm', ...own };
}

/** Runs the built command in a process of its own, without a terminal. */
export function command(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandOutcome> {
  return outcomeOf(process.execPath, [MAIN, ...args], env, '');
}

/** The same on a terminal, where both outputs are one. @param typed what is typed there */
export function commandOnTerminal(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  typed = '',
): Promise<CommandOutcome> {
  const line = [process.execPath, MAIN, ...args];
  // What BSD and util-linux have is not called alike.
  const options =
    process.platform === 'darwin'
      ? ['-q', '/dev/null', ...line]
      : ['-qec', line.map((part) => `'${part}'`).join(' '), '/dev/null'];
  return outcomeOf('script', options, env, typed);
}

/** @param typed comes once there is a question, for what comes earlier a terminal shows twice */
function outcomeOf(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  typed: string,
): Promise<CommandOutcome> {
  return new Promise((resolved, rejected) => {
    const child = spawn(program, args, { cwd: REPOSITORY, env: variables(env) });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const hadQuestion = stdout.includes('[y/N]');
      stdout += text;
      if (typed !== '' && !hadQuestion && stdout.includes('[y/N]')) child.stdin.write(typed);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    if (program !== 'script') child.stdin.end();
    child.once('error', rejected);
    child.once('close', (code) => {
      watch.said('what the command prints', [stdout, stderr]);
      resolved({ code, stdout, stderr });
    });
  });
}
