import type { SessionId } from '../session/credential.js';
import { foldChanges, type SessionChanges } from '../session/changes.js';
import type { CommittedTimes } from '../session/persistence.js';
import { SessionDataError, SessionStoreUnavailableError } from '../session.errors.js';
import type { FoundValues } from './found-values.js';
import { type Waiting, watchDeadlines } from './overdue.js';

/** Changes to one session, on their way to the database. */
export interface CommitRequest {
  readonly id: SessionId;
  readonly generation: number;
  readonly changes: SessionChanges;
  /** What the data must still say for the changes to be written; `null` for anything. */
  readonly found: FoundValues | null;
  /** After this, in milliseconds of the store's clock, they must not be written any more. */
  readonly deadline: number;
}

/**
 * What became of a request: written; `large`: too big; `changed`: what was found is not there any more; `locked` by
 * somebody else: try again; `gone`: nobody to write to.
 */
export type CommitOutcome = CommittedTimes | 'large' | 'changed' | 'locked' | 'gone';

/** What the batcher needs of its store. */
export interface CommitTarget {
  now(): number;
  /**
   * Writes changes, one request a session, in one statement. Rejects with `SessionDataError` when the database refused
   * a value, and then has written none of them.
   */
  write(requests: readonly CommitRequest[]): Promise<CommitOutcome[]>;
  tooLarge(): SessionDataError;
}

interface Waiter extends CommitRequest, Waiting {
  /** Whether it must not share a statement: with others it was refused, and nobody knows whose fault that was. */
  alone: boolean;
  resolve(times: CommittedTimes | 'changed' | null): void;
}

/** The commits of one session, in order. */
interface Lane {
  readonly id: SessionId;
  waiters: Waiter[];
  /** Whether it stands in the queue, is being written, or pauses because its row is locked. */
  isBusy: boolean;
  pause: number;
}

/** Commits that go to the database as one: those of one session, folded into one request. */
interface Group {
  readonly lane: Lane;
  readonly waiters: Waiter[];
  readonly request: CommitRequest;
}

/** Beyond this a statement takes so long that waiting for it costs more than it saves. */
const MOST_SESSIONS = 64;
const LONGEST_PAUSE = 50;

/**
 * Group commit: one statement is under way at a time, and whatever is to be committed meanwhile goes with the next.
 * Commits of the same session are folded into one, in order. What goes wrong with one session stays with it: a locked
 * row pauses its own session only, and a batch that the database refuses falls apart until the culprit stands alone.
 */
export class CommitBatcher {
  readonly #target: CommitTarget;
  readonly #soon: (send: () => void) => void;
  readonly #lanes = new Map<SessionId, Lane>();
  #queue: Lane[] = [];
  #isWriting = false;

  /** @param soon when to send what nothing is in the way of: at the end of this turn of the event loop, with what else it brings */
  constructor(target: CommitTarget, soon: (send: () => void) => void = setImmediate) {
    this.#target = target;
    this.#soon = soon;
  }

  /** The times after the commit; `null` when the session is gone; `'changed'` when what was found is. */
  commit(request: CommitRequest & { readonly found: null }): Promise<CommittedTimes | null>;
  commit(request: CommitRequest): Promise<CommittedTimes | 'changed' | null>;
  commit(request: CommitRequest): Promise<CommittedTimes | 'changed' | null> {
    return new Promise((resolve, reject) => {
      let lane = this.#lanes.get(request.id);
      if (lane === undefined) {
        lane = { id: request.id, waiters: [], isBusy: false, pause: 1 };
        this.#lanes.set(request.id, lane);
      }
      lane.waiters.push({ ...request, alone: false, resolve, reject });
      if (!lane.isBusy) this.#enqueue(lane);
    });
  }

  #enqueue(lane: Lane): void {
    lane.isBusy = true;
    this.#queue.push(lane);
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#soon(() => void this.#write());
  }

  async #write(): Promise<void> {
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
      const waiters = batch.flatMap((group) => group.waiters);
      const stopWatching = watchDeadlines(waiters, () => this.#target.now(), tooLate);
      try {
        const outcomes = await this.#target.write(batch.map((group) => group.request));
        for (const [index, group] of batch.entries()) this.#settle(group, outcomes[index] as CommitOutcome);
      } catch (error) {
        this.#failed(batch, error);
      } finally {
        stopWatching();
      }
    }
    this.#isWriting = false;
  }

  #nextBatch(): Group[] {
    const batch: Group[] = [];
    while (this.#queue.length > 0 && batch.length < MOST_SESSIONS) {
      const lane = this.#queue[0] as Lane;
      if (batch.length > 0 && lane.waiters[0]?.alone) break;
      this.#queue.shift();
      const group = this.#nextGroup(lane);
      if (group === null) continue;
      batch.push(group);
      if (group.waiters[0]?.alone) break;
    }
    return batch;
  }

  #nextGroup(lane: Lane): Group | null {
    const now = this.#target.now();
    const waiters: Waiter[] = [];
    let request: CommitRequest | null = null;
    while (lane.waiters.length > 0) {
      const waiter = lane.waiters[0] as Waiter;
      if (waiter.deadline <= now) waiter.reject(tooLate());
      else {
        const folded: CommitRequest | null = request === null ? waiter : fold(request, waiter);
        if (folded === null) break;
        request = folded;
        waiters.push(waiter);
      }
      lane.waiters.shift();
      if (waiter.alone && waiters.length > 0) break;
    }
    if (request !== null) return { lane, waiters, request };
    this.#release(lane);
    return null;
  }

  #settle({ lane, waiters }: Group, outcome: CommitOutcome): void {
    if (outcome === 'locked') {
      lane.waiters.unshift(...waiters);
      const pause = lane.pause * (0.5 + Math.random());
      lane.pause = Math.min(lane.pause * 2, LONGEST_PAUSE);
      setTimeout(() => this.#enqueue(lane), pause);
      return;
    }
    lane.pause = 1;
    if (outcome === 'large' && waiters.length > 1) this.#takeApart(lane, waiters);
    else if (outcome === 'large') waiters[0]?.reject(this.#target.tooLarge());
    else for (const waiter of waiters) waiter.resolve(outcome === 'gone' ? null : outcome);
    this.#release(lane);
  }

  #failed(batch: readonly Group[], error: unknown): void {
    const isOneCommit = batch.length === 1 && batch[0]?.waiters.length === 1;
    for (const { lane, waiters } of batch) {
      if (error instanceof SessionDataError && !isOneCommit) this.#takeApart(lane, waiters);
      else for (const waiter of waiters) waiter.reject(error);
      this.#release(lane);
    }
  }

  #takeApart(lane: Lane, waiters: readonly Waiter[]): void {
    for (const waiter of waiters) waiter.alone = true;
    lane.waiters.unshift(...waiters);
  }

  /** It is nobody's turn in this lane, unless somebody waits. */
  #release(lane: Lane): void {
    if (lane.waiters.length > 0) {
      this.#queue.push(lane);
    } else {
      lane.isBusy = false;
      this.#lanes.delete(lane.id);
    }
  }
}

/** One request for two; `null` when they must go one after the other. */
function fold(first: CommitRequest, then: Waiter): CommitRequest | null {
  if (then.alone || first.generation !== then.generation) return null;
  if (first.found !== null || then.found !== null) return null;
  if (first.changes.lifetime !== null && then.changes.lifetime !== null) return null;
  const [one, two] = [first.changes.data, then.changes.data];
  const data = one === null || two === null ? (one ?? two) : foldChanges(one, two);
  if (data === null && (one !== null || two !== null)) return null;
  return {
    id: first.id,
    generation: first.generation,
    found: null,
    changes: {
      data,
      lifetime: then.changes.lifetime ?? first.changes.lifetime,
      renew: first.changes.renew || then.changes.renew,
    },
    deadline: Math.min(first.deadline, then.deadline),
  };
}

function tooLate(): SessionStoreUnavailableError {
  return new SessionStoreUnavailableError('save a session', {
    cause: new Error('its turn did not come in time: the database is slow, or another transaction holds the row'),
  });
}
