import { Worker } from 'node:worker_threads';

/** How long nothing may go on, in seconds. */
const PATIENCE = 60;

// As text, for a worker's file would have to be loaded by a path.
const WATCH = `
const { writeSync } = require('node:fs');
const { workerData } = require('node:worker_threads');
const { beats, titles, patience } = workerData;
for (let last = -1; ; ) {
  const now = Atomics.load(beats, 0);
  if (now !== last) last = now;
  else if (Atomics.load(beats, 1) === 1) {
    const text = Buffer.from(titles.slice(0, beats[3])).toString();
    writeSync(2, 'HANGS: nothing has gone on for ' + patience + ' s, in one of these:\\n' + text + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }
  Atomics.wait(beats, 2, 0, patience * 1000);
}`;

/** Ends the process, and says where it was, when a case hangs it: such a case cannot be timed from within. */
export class Watchdog {
  /** How many cases have begun; whether to watch; what is waited on, and never changes; how long the titles are. */
  readonly #beats = new Int32Array(new SharedArrayBuffer(16));
  readonly #titles = new Uint8Array(new SharedArrayBuffer(4_096));
  readonly #worker = new Worker(WATCH, {
    eval: true,
    workerData: { beats: this.#beats, titles: this.#titles, patience: PATIENCE },
  });

  constructor() {
    this.#worker.unref();
  }

  /** These are what is tried from now on. */
  watch(titles: readonly string[]): void {
    this.#beats[3] = Buffer.from(this.#titles.buffer).write(titles.join('\n'));
    this.beat();
    Atomics.store(this.#beats, 1, 1);
  }

  /** Something goes on. */
  beat(): void {
    Atomics.add(this.#beats, 0, 1);
  }

  async close(): Promise<void> {
    Atomics.store(this.#beats, 1, 0);
    await this.#worker.terminate();
  }
}
