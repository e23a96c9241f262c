import type { SessionId } from '../../session/token.js';
import { SessionStoreUnavailableError } from '../../session.errors.js';
import { QueueMeter } from '../../stats/queue-meter.js';
import { deadlinesOf, type Waiting, watchDeadlines } from './deadlines.js';
import { concernsOne, halvesOf } from './splitting.js';

/** What the batcher needs of its store. */
export interface FindTarget<Found> {
  /** The clock of deadlines, in milliseconds. */
  now(): number;
  /** Looks up sessions in one statement, until a deadline; those that are absent or expired are left out. */
  findMany(ids: readonly SessionId[], deadline: number): Promise<Found[]>;
}

interface Waiter<Found> extends Waiting {
  readonly id: SessionId;
  /** When it came, as the meter says it. */
  readonly since: number;
  readonly origin: unknown;
  resolve(found: Found | null): void;
}

/** A statement that is under way, or about to be. */
interface Batch<Found> {
  readonly waiters: Waiter<Found>[];
  readonly sessions: Map<SessionId, Waiter<Found>[]>;
}

/**
 * Of 64 requests at a time, one half is worked on while the other is looked up: with more, all of them would wait. (With 64,
 * PostgreSQL spends a twentieth less, and where a statement takes long, as with ten million sessions, a tenth gets lost.)
 */
const MOST_SESSIONS = 32;
/** While the database works on one statement, the next is on its way. */
const MOST_UNDER_WAY = 2;
/** How long a few wait for company while a bigger statement is under way, in milliseconds. */
const LONGEST_WAIT = 5;

/** How many sessions go into a statement, and how many statements are under way, at most. */
interface BatchLimits {
  readonly sessions: number;
  readonly underWay: number;
}

/**
 * Looks up together what is asked for at the same time: all that is asked for in one turn of the event loop, and what
 * comes while statements are under way. It never joins a statement that was sent before.
 */
export class LookupBatcher<Found extends { readonly id: SessionId }> {
  readonly #target: FindTarget<Found>;
  readonly #meter: QueueMeter;
  readonly #limits: BatchLimits;
  #waiting: Waiter<Found>[] = [];
  readonly #underWay = new Set<Batch<Found>>();
  #isTurnOver = true;
  #patience: NodeJS.Timeout | undefined;

  constructor(
    target: FindTarget<Found>,
    meter = new QueueMeter('find'),
    limits: BatchLimits = { sessions: MOST_SESSIONS, underWay: MOST_UNDER_WAY },
  ) {
    this.#target = target;
    this.#meter = meter;
    this.#limits = limits;
  }

  /** A live session, or `null`. */
  find(id: SessionId, deadline: number): Promise<Found | null> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        id,
        since: this.#meter.joined(),
        origin: this.#meter.origin(),
        deadline,
        resolve,
        reject,
      });
      if (!this.#isTurnOver || this.#underWay.size === this.#limits.underWay) return;
      this.#isTurnOver = false;
      setImmediate(() => {
        this.#isTurnOver = true;
        this.#sendMore(false);
      });
    });
  }

  #sendMore(isUrgent: boolean): void {
    while (this.#waiting.length > 0 && this.#underWay.size < this.#limits.underWay) {
      if (!isUrgent && this.#waiting.length < this.#carried) {
        // A second statement that carries less than the first costs more than it is worth, unless the first takes long.
        this.#patience ??= setTimeout(() => this.#sendMore(true), LONGEST_WAIT);
        return;
      }
      clearTimeout(this.#patience);
      this.#patience = undefined;
      const batch = this.#next();
      if (batch.waiters.length > 0) void this.#send(batch);
    }
  }

  /** How many sessions the statement under way looks up. */
  get #carried(): number {
    for (const { sessions } of this.#underWay) return sessions.size;
    return 0;
  }

  async #send(batch: Batch<Found>): Promise<void> {
    const { waiters, sessions } = batch;
    this.#underWay.add(batch);
    const stopWatching = watchDeadlines(
      waiters,
      () => this.#target.now(),
      () => this.#tooLate(),
    );
    try {
      const find = (): Promise<void> => this.#find([...sessions.keys()], sessions, deadlinesOf(waiters).last);
      await this.#meter.send(waiters, find);
    } finally {
      stopWatching();
      this.#underWay.delete(batch);
      this.#sendMore(false);
    }
  }

  /** A statement that fails, maybe for one of its sessions, is split until that one is alone. */
  async #find(ids: SessionId[], sessions: Batch<Found>['sessions'], deadline: number): Promise<void> {
    const waitersOf = (id: SessionId): Waiter<Found>[] => sessions.get(id) ?? [];
    try {
      for (const found of await this.#target.findMany(ids, deadline)) {
        for (const waiter of waitersOf(found.id)) waiter.resolve(found);
      }
      // A promise that is resolved stays as it is.
      for (const waiter of ids.flatMap(waitersOf)) waiter.resolve(null);
    } catch (error) {
      if (ids.length > 1 && concernsOne(error)) {
        for (const half of halvesOf(ids)) await this.#find(half, sessions, deadline);
      } else {
        for (const waiter of ids.flatMap(waitersOf)) waiter.reject(error);
      }
    }
  }

  /** The waiting look-ups, as many as go into a statement; those that have waited too long are rejected. */
  #next(): Batch<Found> {
    const now = this.#target.now();
    const sentAt = performance.now();
    const waiters: Waiter<Found>[] = [];
    const sessions = new Map<SessionId, Waiter<Found>[]>();
    let taken = 0;
    for (const waiter of this.#waiting) {
      const same = sessions.get(waiter.id);
      if (same === undefined && sessions.size === this.#limits.sessions) break;
      taken++;
      this.#meter.left(waiter.since, sentAt);
      if (waiter.deadline <= now) {
        waiter.reject(this.#tooLate());
        continue;
      }
      waiters.push(waiter);
      if (same === undefined) sessions.set(waiter.id, [waiter]);
      else same.push(waiter);
    }
    this.#waiting = this.#waiting.slice(taken);
    if (waiters.length > 0) this.#meter.sent(waiters.length);
    return { waiters, sessions };
  }

  #tooLate(): SessionStoreUnavailableError {
    this.#meter.late += 1;
    return new SessionStoreUnavailableError('find a session', {
      cause: new Error('its turn did not come in time: the database is slow'),
    });
  }
}
