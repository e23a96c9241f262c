/** How often this process looks whether it was kept from its work, in milliseconds. */
const EVERY = 50;
/** What a timer may be late, in milliseconds, without anything being in its way. */
const SLACK = 25;

/**
 * How much time this process has lost, in milliseconds, in which it could not take in answers: a handler that computed blocked
 * the event loop, or the process was stopped. What is given up in the time that is left has really not been answered.
 */
export class LostTime {
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Infinity;

  /** Since the start. @param now that of `performance` */
  total(now = performance.now()): number {
    // The timer may not have had its turn yet.
    if (now > this.#dueAt + SLACK) this.#look(now);
    return this.#lost;
  }

  /** A clock in milliseconds that stands still while time is lost, and that nobody sets. */
  time(): number {
    const timer = performance.now();
    return timer - this.total(timer);
  }

  start(): void {
    this.#look(performance.now());
    this.#timer = setInterval(() => this.#look(performance.now()), EVERY);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#dueAt = Infinity;
  }

  #look(now: number): void {
    const late = now - this.#dueAt;
    if (late > SLACK) this.#lost += late;
    this.#dueAt = now + EVERY;
  }
}

/**
 * Calls back when what has arrived by now has been taken in, which the event loop does after timers
 * (https://nodejs.org/en/learn/asynchronous-work/event-loop-timers-and-nexttick).
 */
export function afterArrivals(callback: () => void): void {
  setImmediate(callback);
}
