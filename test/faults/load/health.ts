import { setTimeout as pause } from 'node:timers/promises';
import { HttpClient } from './http.js';

const EVERY = 50;

/** Asks `/health` again and again, as whoever decides whether a process is to be replaced does. */
export class Health {
  readonly #http: HttpClient;
  /** The longest answer, in milliseconds. */
  longest = 0;
  /** Answers that were none, or no success. */
  failures = 0;
  #isOver = false;
  #isExpected = true;
  #asking: Promise<void> = Promise.resolve();

  constructor(port: number) {
    this.#http = new HttpClient(port);
  }

  start(): void {
    this.#asking = this.#ask();
  }

  /** While the application is ended on purpose, no answer is expected of it. */
  expect(isExpected: boolean): void {
    this.#isExpected = isExpected;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#asking;
    this.#http.close();
  }

  async #ask(): Promise<void> {
    for (; !this.#isOver; await pause(EVERY)) {
      const wasExpected = this.#isExpected;
      const { begin, end, status } = await this.#http.send('GET', '/health', null);
      if (!wasExpected || !this.#isExpected) continue;
      if (status !== 200) this.failures += 1;
      this.longest = Math.max(this.longest, end - begin);
    }
  }
}
