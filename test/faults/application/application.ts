import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ApplicationSettings, type Report, SETTINGS } from './protocol.js';

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));
/** How long it may take to start, in milliseconds. */
const PATIENCE = 30_000;

/** An application in a process of its own. */
export class Application {
  readonly settings: ApplicationSettings;
  /** What went wrong in it that must not: a crash, a promise that nobody looked at, an exception that nobody caught. */
  readonly wrongs: string[] = [];
  /** What it answered with 500. */
  readonly failures: string[] = [];
  #child: ChildProcess | null = null;
  /** Ended on purpose. */
  #isEnding = false;

  constructor(settings: ApplicationSettings) {
    this.settings = settings;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('The application is not running.');
    return pid;
  }

  async start(): Promise<void> {
    const env = { ...process.env, [SETTINGS]: JSON.stringify(this.settings) };
    // Ctrl-C in a terminal is for the one that started it, which ends it in turn.
    const child = fork(MAIN, [], { env, execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
    this.#child = child;
    this.#isEnding = false;
    child.on('exit', (code, signal) => {
      if (!this.#isEnding) this.wrongs.push(`the application ended by itself (${signal ?? code})`);
      this.#child = null;
    });
    const listening = new Promise<void>((resolve) => {
      child.on('message', (report: Report) => {
        if ('isListening' in report) resolve();
        else if ('unhandled' in report) this.wrongs.push(`unhandled rejection: ${report.unhandled}`);
        else if ('failure' in report) this.failures.push(report.failure);
        else this.wrongs.push(`uncaught exception: ${report.uncaught}`);
      });
    });
    const gone = once(child, 'exit').then(() => {
      throw new Error('The application did not start.');
    });
    gone.catch(() => {});
    const late = pause(PATIENCE, undefined, { ref: false }).then(() => {
      throw new Error(`The application did not start within ${PATIENCE} ms.`);
    });
    await Promise.race([listening, gone, late]);
  }

  /** Waits for its end, which is no crash: it was told to end itself. */
  async ended(): Promise<void> {
    this.#isEnding = true;
    if (this.#child !== null) await once(this.#child, 'exit');
  }

  /** Sends it a signal that is to end it, and waits. Returns its exit code; `null` if the signal has killed it. */
  async end(signal: 'SIGTERM' | 'SIGKILL', patience = 10_000): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    this.#isEnding = true;
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    const timer = setTimeout(() => {
      this.wrongs.push(`the application did not end within ${patience} ms of ${signal}`);
      child.kill('SIGKILL');
    }, patience);
    const [code] = await exited;
    clearTimeout(timer);
    return code;
  }

  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Asks it for something that is no visit. */
  async ask(path: string, body: object): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.settings.port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
    return response.status;
  }
}
