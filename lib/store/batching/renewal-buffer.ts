import { OneAtATime } from '../../session/one-at-a-time.js';
import type { SessionId } from '../../session/token.js';
import type { Access, StoreListener } from '../../session-store.js';
import { QueueMeter } from '../../stats/queue-meter.js';
import { outsideRequests } from '../outside-requests.js';
import { concernsOne, halvesOf } from './splitting.js';

/** What became of accesses; those of dead sessions are in neither list. */
export interface RenewalOutcome {
  readonly renewed: readonly SessionId[];
  /** Locked by other transactions: to be tried again. */
  readonly locked: readonly SessionId[];
}

/** What the buffer needs of its store. */
export interface RenewalTarget {
  /** Moves expiries forward in one statement, never back, and never those of dead sessions. */
  renew(accesses: readonly Pick<Access, 'id' | 'at'>[]): Promise<RenewalOutcome>;
}

type RenewalListener = Pick<StoreListener, 'renewed' | 'renewalFailed' | 'renewalRefused'>;

/** In how many statements the accesses of one period are written: a big one would hold up all others under load. */
const PARTS = 25;
/** In milliseconds. A shorter period is not worth parts, and is too short a pause before another try. */
const SHORT = 10;

/** More would not be written within the time that a statement has. */
const MOST_ACCESSES = 250;

/** A renewal that waits. */
interface Waiting {
  /** When the session was last accessed, in milliseconds of the store's clock. */
  at: number;
  /** The part of a period in which it was first accessed, counted from the start. */
  readonly part: number;
  /** Since when it waits, as the meter says it. */
  since: number;
}

/**
 * Write-behind buffer of renewals: collects accesses and writes them together, each with its age. So a session that is used a
 * hundred times a second costs a share of one statement, and collecting never lengthens its life.
 */
export class RenewalBuffer {
  readonly #target: RenewalTarget;
  readonly #every: number;
  readonly #parts: number;
  readonly #listener: RenewalListener;
  readonly #meter: QueueMeter;
  #accesses = new Map<SessionId, Waiting>();
  /** What the statement under way is for. */
  #sending: ReadonlyMap<SessionId, Waiting> = new Map();
  #part = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #flushes = new OneAtATime();
  /** The last part that is to be written by the next run. */
  #due = -Infinity;
  /** The run behind the one under way: all that ask for one meanwhile share it, however long the other takes. */
  #nextRun: Promise<void> | null = null;
  #closing = false;

  /** @param every how long accesses are collected, in milliseconds */
  constructor(target: RenewalTarget, every: number, listener: RenewalListener, meter = new QueueMeter('renew')) {
    this.#target = target;
    this.#every = every;
    this.#parts = every < SHORT ? 1 : PARTS;
    this.#listener = listener;
    this.#meter = meter;
  }

  add({ id, at, expiresAt }: Access): void {
    // What comes after the first is in the same statement: a session is written once a period at most.
    const waiting = this.#accesses.get(id);
    if (waiting === undefined) {
      this.#accesses.set(id, { at, part: this.#part, since: this.#meter.joined() });
    } else {
      waiting.at = Math.max(waiting.at, at);
    }
    // A session that would expire while its renewal is still being collected cannot wait.
    if (this.#closing || expiresAt - at <= 2 * this.#every) void this.flush();
    else this.#wait();
  }

  /** Writes what has been collected. Never rejects. */
  flush(): Promise<void> {
    return this.#flush(Infinity);
  }

  /** Has what is left, and what still comes, written at once: nothing must be waiting when the pool closes. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.flush();
    // What the store could not take is not tried again, unless something comes.
    this.#stopWaiting();
  }

  /** How long the access that waits longest to be written has, in milliseconds; 0 where none does. */
  oldest(): number {
    let since = Infinity;
    for (const accesses of [this.#accesses, this.#sending]) {
      for (const waiting of accesses.values()) since = Math.min(since, waiting.since);
    }
    return since === Infinity ? 0 : performance.now() - since;
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(period = this.#every): void {
    this.#timer ??= outsideRequests(() => setTimeout(() => this.#tick(), period / this.#parts));
  }

  #tick(): void {
    this.#timer = undefined;
    this.#part++;
    void this.#flush(this.#part - this.#parts);
    if (this.#accesses.size > 0) this.#wait();
  }

  /**
   * Writes what was first accessed in a part up to this one: each once, as what could not be written waits again, and nothing
   * more where the store cannot be reached.
   */
  #flush(part: number): Promise<void> {
    this.#due = Math.max(this.#due, part);
    if (!this.#flushes.isBusy) return this.#flushes.run(() => this.#writeDue());
    this.#nextRun ??= this.#flushes.run(() => {
      this.#nextRun = null;
      return this.#writeDue();
    });
    return this.#nextRun;
  }

  async #writeDue(): Promise<void> {
    const part = this.#due;
    this.#due = -Infinity;
    for (let left = this.#accesses.size; left > 0;) {
      const due = this.#take(part, Math.min(left, MOST_ACCESSES));
      if (due.size === 0) return;
      left -= due.size;
      this.#sending = due;
      const isReached = await this.#write(due);
      this.#sending = new Map();
      if (!isReached) return;
    }
  }

  #take(part: number, most: number): Map<SessionId, Waiting> {
    const due = new Map<SessionId, Waiting>();
    const sentAt = performance.now();
    // A map keeps the order in which its keys were first set.
    for (const [id, waiting] of this.#accesses) {
      if (waiting.part > part || due.size === most) break;
      due.set(id, waiting);
      this.#accesses.delete(id);
      this.#meter.left(waiting.since, sentAt);
    }
    if (this.#accesses.size === 0) this.#stopWaiting();
    return due;
  }

  /** @returns whether the store could be reached */
  async #write(accesses: ReadonlyMap<SessionId, Waiting>): Promise<boolean> {
    this.#meter.sent(accesses.size);
    try {
      const renew = (): Promise<RenewalOutcome> =>
        this.#target.renew(Array.from(accesses, ([id, { at }]) => ({ id, at })));
      // Later than the requests that it is for, and part of none.
      const { renewed, locked } = await this.#meter.send([], renew);
      this.#meter.locked += locked.length;
      this.#keep(accesses, locked);
      this.#listener.renewed(renewed.map((id) => ({ id, at: (accesses.get(id) as Waiting).at })));
      return true;
    } catch (error) {
      if (concernsOne(error)) return this.#split(accesses, error);
      this.#keep(accesses, [...accesses.keys()]);
      this.#report(() => this.#listener.renewalFailed(error));
      return false;
    }
  }

  /** Until the session that the database refuses is alone: its renewal is dropped, as it would be refused again. */
  async #split(accesses: ReadonlyMap<SessionId, Waiting>, error: unknown): Promise<boolean> {
    const [id] = accesses.keys();
    if (accesses.size === 1) {
      this.#report(() => this.#listener.renewalRefused(id as SessionId, error));
      return true;
    }
    const [first, second] = halvesOf([...accesses]);
    if (await this.#write(new Map(first))) return this.#write(new Map(second));
    this.#keep(
      accesses,
      second.map(([one]) => one),
    );
    return false;
  }

  #report(report: () => void): void {
    try {
      report();
    } catch {
      // Nothing can be told of a logger that fails: no request waits for a renewal.
    }
  }

  /** For the next time, unless a newer access has come. */
  #keep(accesses: ReadonlyMap<SessionId, Waiting>, ids: readonly SessionId[]): void {
    for (const id of ids) {
      const failed = accesses.get(id) as Waiting;
      const newer = this.#accesses.get(id);
      if (newer !== undefined) {
        newer.since = Math.min(newer.since, failed.since);
        continue;
      }
      this.#accesses.set(id, { at: failed.at, part: this.#part, since: failed.since });
      this.#meter.waiting += 1;
    }
    if (this.#accesses.size > 0 && !this.#closing) this.#wait(Math.max(this.#every, SHORT));
  }
}
