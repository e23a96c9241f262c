import type { SessionId } from '../session/credential.js';
import type { StoredSession } from '../session/stored-session.js';
import { SessionStoreUnavailableError } from '../session.errors.js';

/** What the batcher needs of its store. */
export interface FindTarget {
  now(): number;
  /** Looks up sessions in one statement, until a deadline; those that are absent or expired are left out. */
  findMany(ids: readonly SessionId[], deadline: number): Promise<StoredSession[]>;
}

interface Waiter {
  /** In milliseconds of the store's clock. */
  readonly deadline: number;
  resolve(stored: StoredSession | null): void;
  reject(error: unknown): void;
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
      try {
        // Whoever has waited longest decides: nobody is to wait longer than their own time for an answer.
        const deadline = Math.min(...Array.from(batch.values(), ([first]) => (first as Waiter).deadline));
        if (deadline <= this.#target.now()) throw tooLate();
        const found = new Map<SessionId, StoredSession>();
        for (const stored of await this.#target.findMany([...batch.keys()], deadline)) found.set(stored.id, stored);
        for (const [id, waiters] of batch) for (const waiter of waiters) waiter.resolve(found.get(id) ?? null);
      } catch (error) {
        for (const waiters of batch.values()) for (const waiter of waiters) waiter.reject(error);
      }
    }
    this.#underWay--;
  }

  #next(): Map<SessionId, Waiter[]> {
    const batch = this.#waiting;
    if (batch.size <= MOST_SESSIONS) {
      this.#waiting = new Map();
      return batch;
    }
    const first = new Map<SessionId, Waiter[]>();
    for (const [id, waiters] of batch) {
      if (first.size === MOST_SESSIONS) break;
      first.set(id, waiters);
      batch.delete(id);
    }
    return first;
  }
}

function tooLate(): SessionStoreUnavailableError {
  return new SessionStoreUnavailableError('find a session', {
    cause: new Error('its turn did not come in time: the database is slow'),
  });
}
