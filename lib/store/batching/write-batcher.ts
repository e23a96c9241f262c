import type { SessionId } from '../../session/token.js';
import { SessionDataError, SessionStoreUnavailableError } from '../../session.errors.js';
import { QueueMeter } from '../../stats/queue-meter.js';
import { FIRST_PAUSE, jittered, LONGEST_FOR_ROW, longerPause } from './backoff.js';
import { type Waiting, watchDeadlines } from './deadlines.js';
import { Slots } from './slots.js';
import { concernsOne } from './splitting.js';

/** Something to be written to one session. */
export interface WriteRequest {
  readonly id: SessionId;
  /** After this, on the clock of deadlines, it must not be written any more. */
  readonly deadline: number;
}

/**
 * What became of a request: an outcome; an error: it alone is refused; `locked` by another transaction: try again; `waited` for a lock,
 * in vain: try again, and hold up no other.
 */
export type Written<Outcome> = Outcome | SessionDataError | 'locked' | 'waited';

/** What the batcher needs of its store. */
export interface WriteTarget<Request extends WriteRequest, Outcome> {
  /** To follow "the session store could not …". */
  readonly operation: string;
  /** The clock of deadlines, in milliseconds. */
  now(): number;
  /**
   * Writes requests, one a session, in one statement. Where it rejects, it has written none of them; an error that may be
   * about one of them is a `SessionDataError`, or marked by `marksOne()`.
   */
  write(requests: readonly Request[]): Promise<Written<Outcome>[]>;
  /**
   * Whether `write` keeps the deadlines by itself. Then nothing is given up here once it is handed over: `write` may still be
   * writing it.
   */
  readonly keepsDeadlines?: boolean;
  /** One request for two to the same session; `null` when they must go one after the other, as they must without it. */
  fold?(first: Request, then: Request): Request | null;
  /** How much of a statement a request takes, where 1 is all of it; unless given, only their number is limited. */
  partOf?(request: Request): number;
  /** Counts what goes through; unless given, what is counted is not read. */
  readonly meter?: QueueMeter;
  /** Where statements go that are beside the batches; unless given, a batcher has some of its own. */
  readonly slots?: Slots;
}

interface Waiter<Request, Outcome> extends Waiting {
  readonly request: Request;
  /** When it came, as the meter says it. */
  readonly since: number;
  readonly origin: unknown;
  /** Whether it must not share a statement: it holds up those that do, or was refused with them, for a reason that may be any of them. */
  alone: boolean;
  resolve(outcome: Outcome): void;
}

/** The requests to one session, in order. It stands in the queue, is being written, or pauses because its row is locked. */
interface Lane<Request, Outcome> {
  readonly id: SessionId;
  waiters: Waiter<Request, Outcome>[];
  pause: number;
}

/** What goes to the database as one: requests to one session, folded into one. */
interface Group<Request, Outcome> {
  readonly lane: Lane<Request, Outcome>;
  readonly waiters: Waiter<Request, Outcome>[];
  readonly request: Request;
}

/** Beyond this a statement takes so long that waiting for it costs more than it saves. */
const MOST_SESSIONS = 64;

/** Into how many a batch that was refused is cut. A piece of 64 that is refused again is cut into single requests. */
const PIECES = 8;

/** How many of them are under way at a time: where a statement takes long, one after the other would be too late. */
export const MOST_PIECES = 4;

/**
 * Group commit: one statement is under way at a time, and what is to be written meanwhile goes with the next. Requests to the
 * same session are folded into one, or go one after the other, in order. A fault of one session concerns no other: a locked
 * row pauses its own session only, and the requests of a batch that the database refuses are tried again in pieces, beside what
 * comes meanwhile.
 */
export class WriteBatcher<Request extends WriteRequest, Outcome> {
  readonly #target: WriteTarget<Request, Outcome>;
  readonly #meter: QueueMeter;
  readonly #soon: (send: () => void) => void;
  readonly #lanes = new Map<SessionId, Lane<Request, Outcome>>();
  #queue: Lane<Request, Outcome>[] = [];
  #isWriting = false;
  /** For what was refused, and is tried again in smaller statements. */
  readonly #slots: Slots;

  /** @param soon when to send what nothing is in the way of: at the end of this turn of the event loop, with what else it brings */
  constructor(target: WriteTarget<Request, Outcome>, soon: (send: () => void) => void = setImmediate) {
    this.#target = target;
    this.#meter = target.meter ?? new QueueMeter('commit');
    this.#slots = target.slots ?? new Slots(MOST_PIECES);
    this.#soon = soon;
  }

  /** Resolves to what became of the request. */
  write(request: Request): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const known = this.#lanes.get(request.id);
      const lane = known ?? { id: request.id, waiters: [], pause: FIRST_PAUSE };
      const since = this.#meter.joined();
      const origin = this.#meter.origin();
      lane.waiters.push({ request, since, origin, deadline: request.deadline, alone: false, resolve, reject });
      if (known !== undefined) return;
      this.#lanes.set(request.id, lane);
      this.#enqueue(lane);
    });
  }

  #enqueue(lane: Lane<Request, Outcome>): void {
    this.#queue.push(lane);
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#soon(() => void this.#writeAll());
  }

  async #writeAll(): Promise<void> {
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) await this.#write(batch);
    this.#isWriting = false;
  }

  /** Writes it beside the batches, when there is a slot; not what has no time left by then. */
  #writeBeside(piece: readonly Group<Request, Outcome>[]): void {
    const watched = piece.map((group) => ({ group, stopWatching: this.#watch([group]) }));
    this.#slots.run(async () => {
      const inTime: Group<Request, Outcome>[] = [];
      for (const { group, stopWatching } of watched) {
        if (this.#isLate(group)) {
          // Who waits for it is told, or was.
          this.#release(group.lane);
          continue;
        }
        stopWatching();
        inTime.push(group);
      }
      if (inTime.length > 0) await this.#write(inTime);
    });
  }

  #isLate({ waiters }: Group<Request, Outcome>): boolean {
    const now = this.#target.now();
    return this.#target.keepsDeadlines !== true && waiters.every(({ deadline }) => deadline <= now);
  }

  async #write(batch: readonly Group<Request, Outcome>[]): Promise<void> {
    const waiters = batch.flatMap((group) => group.waiters);
    this.#meter.sent(waiters.length);
    const stopWatching = this.#watch(batch);
    try {
      const write = (): Promise<Written<Outcome>[]> => this.#target.write(batch.map((group) => group.request));
      const outcomes = await this.#meter.send(waiters, write);
      for (const [index, group] of batch.entries()) this.#settle(group, outcomes[index] as Written<Outcome>);
    } catch (error) {
      this.#failed(batch, error);
    } finally {
      stopWatching();
    }
  }

  /** The oldest first. What fits no more waits for the next one, and lighter requests overtake it. */
  #nextBatch(): Group<Request, Outcome>[] {
    const batch: Group<Request, Outcome>[] = [];
    const heavy: Lane<Request, Outcome>[] = [];
    let taken = 0;
    while (this.#queue.length > 0 && batch.length < MOST_SESSIONS) {
      const lane = this.#queue.shift() as Lane<Request, Outcome>;
      const part = this.#partOf(lane);
      if (part > 0 && taken > 0 && taken + part > 1) {
        heavy.push(lane);
        continue;
      }
      const group = this.#nextGroup(lane);
      if (group === null) continue;
      if (group.waiters[0]?.alone) {
        this.#writeBeside([group]);
        continue;
      }
      batch.push(group);
      taken += part;
    }
    if (heavy.length > 0) this.#queue = [...heavy, ...this.#queue];
    return batch;
  }

  #partOf({ waiters: [first] }: Lane<Request, Outcome>): number {
    return first === undefined ? 0 : (this.#target.partOf?.(first.request) ?? 0);
  }

  #nextGroup(lane: Lane<Request, Outcome>): Group<Request, Outcome> | null {
    const now = this.#target.now();
    const sentAt = performance.now();
    const waiters: Waiter<Request, Outcome>[] = [];
    let request: Request | null = null;
    while (lane.waiters.length > 0) {
      const waiter = lane.waiters[0] as Waiter<Request, Outcome>;
      if (waiter.deadline <= now) waiter.reject(this.#tooLate());
      else {
        const folded: Request | null = request === null ? waiter.request : this.#fold(request, waiter);
        if (folded === null) break;
        request = folded;
        waiters.push(waiter);
      }
      lane.waiters.shift();
      this.#meter.left(waiter.since, sentAt);
      if (waiter.alone) break;
    }
    if (request !== null) return { lane, waiters, request };
    this.#release(lane);
    return null;
  }

  #settle({ lane, waiters }: Group<Request, Outcome>, outcome: Written<Outcome>): void {
    if (outcome === 'locked' || outcome === 'waited') {
      const hasWaited = outcome === 'waited';
      for (const waiter of waiters) waiter.alone ||= hasWaited;
      this.#putBack(lane, waiters);
      this.#meter.locked += waiters.length;
      setTimeout(() => this.#enqueue(lane), jittered(lane.pause));
      lane.pause = longerPause(lane.pause, hasWaited ? undefined : LONGEST_FOR_ROW);
      return;
    }
    lane.pause = FIRST_PAUSE;
    if (outcome instanceof SessionDataError) {
      if (waiters.length > 1) this.#unfold(lane, waiters);
      else for (const waiter of waiters) waiter.reject(outcome);
    } else {
      for (const waiter of waiters) waiter.resolve(outcome);
    }
    this.#release(lane);
  }

  #failed(batch: readonly Group<Request, Outcome>[], error: unknown): void {
    if (batch.length > 1 && concernsOne(error)) {
      this.#takeApart(batch);
      return;
    }
    for (const { lane, waiters } of batch) {
      if (waiters.length > 1 && concernsOne(error)) this.#unfold(lane, waiters);
      else for (const waiter of waiters) waiter.reject(error);
      this.#release(lane);
    }
  }

  #takeApart(batch: readonly Group<Request, Outcome>[]): void {
    const size = Math.ceil(batch.length / PIECES);
    for (let start = 0; start < batch.length; start += size) {
      const piece = batch.slice(start, start + size);
      if (size === 1) for (const { waiters } of piece) for (const waiter of waiters) waiter.alone = true;
      this.#writeBeside(piece);
    }
  }

  #unfold(lane: Lane<Request, Outcome>, waiters: readonly Waiter<Request, Outcome>[]): void {
    for (const waiter of waiters) waiter.alone = true;
    this.#putBack(lane, waiters);
  }

  #putBack(lane: Lane<Request, Outcome>, waiters: readonly Waiter<Request, Outcome>[]): void {
    lane.waiters.unshift(...waiters);
    this.#meter.waiting += waiters.length;
  }

  /** The lane is free for the requests that wait in it, or is closed. */
  #release(lane: Lane<Request, Outcome>): void {
    if (lane.waiters.length > 0) this.#enqueue(lane);
    else this.#lanes.delete(lane.id);
  }

  #fold(first: Request, then: Waiter<Request, Outcome>): Request | null {
    return then.alone ? null : (this.#target.fold?.(first, then.request) ?? null);
  }

  /** Rejects what waits in vain soon after its deadline. Returns how to end that. */
  #watch(batch: readonly Group<Request, Outcome>[]): () => void {
    return watchDeadlines(
      this.#target.keepsDeadlines ? [] : batch.flatMap(({ waiters }) => waiters),
      () => this.#target.now(),
      () => this.#tooLate(),
    );
  }

  #tooLate(): SessionStoreUnavailableError {
    this.#meter.late += 1;
    return new SessionStoreUnavailableError(this.#target.operation, {
      cause: new Error('its turn did not come in time: the database is slow, or another transaction holds the row'),
    });
  }
}
