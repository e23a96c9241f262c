import type { SessionId } from '../session/credential.js';
import type { StoredSession } from '../session/stored-session.js';
import { SessionStoreUnavailableError } from '../session.errors.js';
import { type Waiting, watchDeadlines } from './overdue.js';

/** What the batcher needs of its store. */
export interface FindTarget {
  now(): number;
  /** Looks up sessions in one statement, until a deadline; those that are absent or expired are left out. */
  findMany(ids: readonly SessionId[], deadline: number): Promise<StoredSession[]>;
}

interface Waiter extends Waiting {
  resolve(stored: StoredSession | null): void;
}

const MOST_SESSIONS = 64;
/** While the database works on one statement, the next is on its way. */
const MOST_UNDER_WAY = 2;

/**
 * Looks up together what is asked for at the same time: a look-up goes at once when there is nothing to wait for, and
 * else joins all that wait for one of the statements under way. It never joins a statement that was sent before.
 */
export class FindBatcher {
  readonly #target: FindTarget;
  #waiting = new Map<SessionId, Waiter[]>();
  #underWay = 0;

  constructor(target: FindTarget) {
    this.#target = target;
  }

  /** A live session, or `null`. */
  find(id: SessionId, deadline: number): Promise<StoredSession | null> {
    return new Promise((resolve, reject) => {
      const waiter = { deadline, resolve, reject };
      const waiters = this.#waiting.get(id);
      if (waiters === undefined) this.#waiting.set(id, [waiter]);
      else waiters.push(waiter);
      if (this.#underWay < MOST_UNDER_WAY) void this.#send();
    });
  }

  async #send(): Promise<void> {
    this.#underWay++;
    while (this.#waiting.size > 0) {
      const batch = this.#next();
      if (batch.size === 0) continue;
      const waiters = [...batch.values()].flat();
      const stopWatching = watchDeadlines(waiters, () => this.#target.now(), tooLate);
      try {
        const deadline = Math.max(...waiters.map((waiter) => waiter.deadline));
        const found = new Map<SessionId, StoredSession>();
        for (const stored of await this.#target.findMany([...batch.keys()], deadline)) found.set(stored.id, stored);
        for (const [id, same] of batch) for (const waiter of same) waiter.resolve(found.get(id) ?? null);
      } catch (error) {
        for (const waiter of waiters) waiter.reject(error);
      } finally {
        stopWatching();
      }
    }
    this.#underWay--;
  }

  /** Those who wait, as many as go into a statement; whoever has waited too long is told so. */
  #next(): Map<SessionId, Waiter[]> {
    const now = this.#target.now();
    const batch = new Map<SessionId, Waiter[]>();
    for (const [id, waiters] of this.#waiting) {
      if (batch.size === MOST_SESSIONS) break;
      this.#waiting.delete(id);
      for (const waiter of waiters) if (waiter.deadline <= now) waiter.reject(tooLate());
      const inTime = waiters.filter((waiter) => waiter.deadline > now);
      if (inTime.length > 0) batch.set(id, inTime);
    }
    return batch;
  }
}

function tooLate(): SessionStoreUnavailableError {
  return new SessionStoreUnavailableError('find a session', {
    cause: new Error('its turn did not come in time: the database is slow'),
  });
}
