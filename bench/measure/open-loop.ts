import { setTimeout as pause } from 'node:timers/promises';
import { KeepAliveConnection } from './keep-alive-connection.js';
import { percentile } from './statistics.js';
import { ROUTES } from './turn.js';

/** What is sent, and how often. */
export interface Schedule {
  readonly port: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly cookies: readonly string[];
  /** Requests a second, arriving at random, as those of independent visitors do. */
  readonly rate: number;
  readonly seconds: number;
}

/** What came of it. Latencies in milliseconds. */
export interface OpenLoopResult {
  readonly offered: number;
  /** Answers a second, within the time. */
  readonly perSecond: number;
  /** Whether it kept up. */
  readonly holds: boolean;
  readonly p50: number;
  readonly p99: number;
}

/**
 * Beyond that many at once, requests wait here; their latency counts from their appointed time all the same. All are open before
 * the first request is due: Node accepts one a turn of its event loop (https://github.com/libuv/libuv/pull/3696), so that one that
 * is opened under load waits for as many turns as there are others.
 */
const MOST_CONNECTIONS = 512;
/** How long answers may still come afterwards, in milliseconds. */
const PATIENCE = 2_000;

/**
 * Load that does not wait for answers: latency counts from the moment a request was due, so a server that stalls cannot
 * slow down who measures it.
 *
 * @throws {Error} if an answer is not of status class 2, or the server hangs up.
 */
export async function openLoop(
  schedule: Schedule,
  signal: AbortSignal,
  until?: Promise<unknown>,
): Promise<OpenLoopResult> {
  const run = new OpenLoop(schedule);
  try {
    return await run.run(signal, until);
  } finally {
    run.close();
  }
}

class OpenLoop {
  readonly #schedule: Schedule;
  readonly #idle: KeepAliveConnection[] = [];
  readonly #all: KeepAliveConnection[] = [];
  /** When each of those that wait was due. */
  #waiting: number[] = [];
  #waitingFrom = 0;
  readonly #latencies: number[] = [];
  readonly #underWay = new Set<{ readonly due: number }>();
  #failure: unknown = null;
  #at: number;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.#at = Math.floor(Math.random() * schedule.cookies.length);
  }

  /** Ends after the time, or, if there is something to wait for, with it. */
  async run(signal: AbortSignal, until?: Promise<unknown>): Promise<OpenLoopResult> {
    const { rate, seconds } = this.#schedule;
    await this.#open();
    const start = performance.now();
    let end = start + seconds * 1000;
    let isOver = until === undefined;
    if (until !== undefined) {
      const stop = (): void => void (isOver = true);
      until.then(stop, stop);
    }
    let sent = 0;
    let due = start;
    for (;;) {
      signal.throwIfAborted();
      if (this.#failure !== null) throw this.#failure;
      const now = performance.now();
      if (until !== undefined && isOver) end = Math.min(end, now);
      while (due <= Math.min(now, end)) {
        this.#send(due);
        sent += 1;
        due += (-Math.log(1 - Math.random()) * 1000) / rate;
      }
      if (now >= end) break;
      await pause(1);
    }
    const answered = this.#latencies.length;
    const last = performance.now() + PATIENCE;
    while (this.#underWay.size + this.#waiting.length > this.#waitingFrom && performance.now() < last) await pause(5);
    if (this.#failure !== null) throw this.#failure;
    return this.#result(sent, answered, (end - start) / 1000);
  }

  close(): void {
    for (const connection of this.#all) connection.close();
  }

  #result(sent: number, answered: number, seconds: number): OpenLoopResult {
    const now = performance.now();
    // Who is still waiting has waited at least that long.
    const unanswered = [...this.#waiting.slice(this.#waitingFrom), ...Array.from(this.#underWay, ({ due }) => due)];
    const all = Float64Array.from([...this.#latencies, ...unanswered.map((due) => now - due)]).toSorted();
    return {
      offered: sent / seconds,
      perSecond: answered / seconds,
      holds: answered >= 0.95 * sent,
      p50: percentile(all, 0.5),
      p99: percentile(all, 0.99),
    };
  }

  #send(due: number): void {
    const connection = this.#idle.pop();
    if (connection === undefined) this.#waiting.push(due);
    else void this.#use(connection, due);
  }

  /** Each has been answered a request, and so accepted. */
  async #open(): Promise<void> {
    const { port } = this.#schedule;
    for (let left = MOST_CONNECTIONS; left > 0; left--) this.#all.push(new KeepAliveConnection(port));
    await Promise.all(this.#all.map((connection) => this.#ask(connection, 'GET', ROUTES.GET)));
    this.#idle.push(...this.#all);
  }

  async #use(connection: KeepAliveConnection, first: number): Promise<void> {
    const { method, path } = this.#schedule;
    for (let due: number | undefined = first; due !== undefined; due = this.#next()) {
      const request = { due };
      this.#underWay.add(request);
      try {
        await this.#ask(connection, method, path);
      } catch (error) {
        this.#failure ??= error;
        return;
      } finally {
        this.#underWay.delete(request);
      }
      this.#latencies.push(performance.now() - due);
    }
    this.#idle.push(connection);
  }

  #next(): number | undefined {
    const due = this.#waiting[this.#waitingFrom];
    if (due === undefined) {
      this.#waiting = [];
      this.#waitingFrom = 0;
    } else {
      this.#waitingFrom += 1;
    }
    return due;
  }

  async #ask(connection: KeepAliveConnection, method: string, path: string): Promise<void> {
    const { cookies } = this.#schedule;
    this.#at = (this.#at + 1) % cookies.length;
    const request = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: ${cookies[this.#at]}\r\n\r\n`;
    const status = await connection.send(request);
    if (status < 200 || status > 299) throw new Error(`An answer in the open loop had the status ${status}.`);
  }
}
