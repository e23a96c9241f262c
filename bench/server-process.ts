import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Setting } from './servers/setting.js';

/** What a server tells its parent. */
export type ServerMessage =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'statistics'; readonly queries: number; readonly rss: number; readonly heap: number };

/** How long a server may take to start, to answer and to stop, in milliseconds. */
const PATIENCE = 30_000;

/** A contestant that listens, in a process of its own. */
export class ServerProcess {
  readonly port: number;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #output: Output;

  private constructor(child: ChildProcess, port: number, output: Output) {
    this.#output = output;
    this.#child = child;
    this.port = port;
    this.pid = child.pid as number;
  }

  /** @throws {Error} with what the server wrote to stderr, if it does not start. */
  static async start(setting: Setting, signal: AbortSignal, execArgv: readonly string[] = []): Promise<ServerProcess> {
    const child = fork(join(import.meta.dirname, 'server.js'), [JSON.stringify(setting)], {
      execArgv: [...execArgv],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4000)));
    const output = new Output(setting.contestant.name, child);
    try {
      const message = await messageOf(child, signal);
      if (message.kind === 'ready') return new ServerProcess(child, message.port, output);
      throw new Error('It sent something else than its port.');
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error(`The server "${setting.contestant.name}" did not start. ${errors}`.trim(), { cause: error });
    }
  }

  /**
   * How many queries it has sent to PostgreSQL, and its memory in bytes; its heap without what can be collected, if it was
   * started with `--expose-gc`.
   */
  async statistics(): Promise<{ queries: number; rss: number; heap: number }> {
    const answer = messageOf(this.#child, new AbortController().signal);
    this.#child.send('statistics');
    const message = await answer;
    if (message.kind !== 'statistics') throw new Error('The server sent something else than its statistics.');
    return message;
  }

  /** Ends it, by force if it does not go by itself. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE);
    this.#child.disconnect();
    await ended;
    clearTimeout(force);
    this.#output.report();
  }
}

async function messageOf(child: ChildProcess, signal: AbortSignal): Promise<ServerMessage> {
  const over = new AbortController();
  const until = AbortSignal.any([over.signal, signal, AbortSignal.timeout(PATIENCE)]);
  const ended = once(child, 'exit', { signal: until }).then(([code]) => {
    throw new Error(`The process ended with ${String(code)}.`);
  });
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal: until }), ended])) as unknown[];
    return message as ServerMessage;
  } finally {
    ended.catch(() => {});
    over.abort();
  }
}

/** What a server logs, which may be a lot when it is overloaded. */
class Output {
  readonly #name: string;
  #first = '';
  #lines = 0;

  constructor(name: string, child: ChildProcess) {
    this.#name = name;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (this.#first === '') this.#first = text.split('\n', 1)[0] ?? '';
      this.#lines += text.split('\n').length - 1;
    });
  }

  /** Passes on the first line, and how many there were. */
  report(): void {
    if (this.#lines > 0) process.stderr.write(`${this.#name} logged ${this.#lines} lines, the first: ${this.#first}\n`);
  }
}
