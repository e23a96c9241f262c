import { afterEach, beforeEach, expect, jest } from '@jest/globals';
import type { SessionChanges } from '../../../../lib/session/data/changes.js';
import type { CommittedTimes } from '../../../../lib/session-store.js';
import { SessionDataError, SessionStoreUnavailableError } from '../../../../lib/session.errors.js';
import { type CommitOutcome, type CommitRequest, foldCommits } from '../../../../lib/store/batching/commit-request.js';
import { WriteBatcher, type Written } from '../../../../lib/store/batching/write-batcher.js';

export const SAVED: CommittedTimes = { ttl: 1, lastAccessAt: 3, expiresAt: 4, endsAt: 5 };
export const REFUSED = new SessionDataError('', 'refused');
export const DOWN = new SessionStoreUnavailableError('save a session');
/** A deadline that does not pass. */
export const NEVER = 1e9;

export interface Change {
  set?: Record<string, unknown>;
  unset?: string[];
  increment?: Record<string, number>;
  push?: Record<string, unknown[]>;
  ttl?: number;
  renew?: boolean;
}

export function changesOf({
  set = {},
  unset = [],
  increment = {},
  push = {},
  ttl,
  renew = false,
}: Change): SessionChanges {
  const texts = (values: object) => new Map(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]));
  const data = { set: texts(set), unset, increment: new Map(Object.entries(increment)), push: texts(push) };
  const isEmpty = data.set.size + unset.length + data.increment.size + data.push.size === 0;
  return { data: isEmpty ? null : data, lifetime: ttl === undefined ? null : { ttl, absolute: undefined }, renew };
}

export const TOO_LARGE = new SessionDataError('', 'too large');
export type Outcome = Written<CommitOutcome>;

/** A database whose statements the test answers. */
export class FakeDatabase {
  readonly operation = 'save a session';
  readonly fold = foldCommits;
  statements: CommitRequest[][] = [];
  /** How much of a statement the commits to a session take. */
  readonly parts = new Map<string, number>();
  time = 0;
  mostUnderWay = 0;
  #waiting: {
    requests: readonly CommitRequest[];
    resolve: (outcomes: Outcome[]) => void;
    reject: (error: unknown) => void;
  }[] = [];

  /** As before the first statement. */
  reset(): void {
    this.statements = [];
    this.parts.clear();
    this.time = 0;
    this.mostUnderWay = 0;
    this.#waiting = [];
  }

  now(): number {
    return this.time;
  }

  partOf({ id }: CommitRequest): number {
    return this.parts.get(id) ?? 0;
  }

  write(requests: readonly CommitRequest[]): Promise<Outcome[]> {
    this.statements.push([...requests]);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ requests, resolve, reject });
      this.mostUnderWay = Math.max(this.mostUnderWay, this.#waiting.length);
    });
  }

  /** The last statement, as the sessions it changes. */
  get sent(): string[] {
    return (this.statements.at(-1) ?? []).map(({ id }) => id);
  }

  /** Those that are not answered, as the sessions they change. */
  get underWay(): string[][] {
    return this.#waiting.map(({ requests }) => requests.map(({ id }) => id));
  }

  /** What the last statement sets in its only session. */
  get set(): object {
    const [request] = this.statements.at(-1) as [CommitRequest];
    return Object.fromEntries([...(request.changes.data?.set ?? [])].map(([key, text]) => [key, JSON.parse(text)]));
  }

  /** Answers the oldest statement under way: for all its sessions alike, but for those named. */
  async answer(outcome: Outcome = SAVED, others: Record<string, Outcome> = {}): Promise<void> {
    const { requests, resolve } = this.#waiting.shift() ?? {};
    resolve?.((requests ?? []).map(({ id }) => (id in others ? (others[id] as Outcome) : outcome)));
    await turn();
  }

  async refuse(error: unknown = REFUSED): Promise<void> {
    this.#waiting.shift()?.reject(error);
    await turn();
  }
}

/** Lets everything go on that waits for nothing but its turn. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A batcher in front of a {@link FakeDatabase}, with a clock that stands still, anew for each test of a `describe` block. */
export function useWriteBatcher() {
  const database = new FakeDatabase();
  let batcher: WriteBatcher<CommitRequest, CommitOutcome>;
  /** What became of the commits, by name, in the order in which they were answered. */
  const answers: Record<string, unknown> = {};

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    database.reset();
    batcher = new WriteBatcher(database, (send) => send());
    for (const name of Object.keys(answers)) delete answers[name];
  });

  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  /** Begins anew, with a batcher that sends when it does by itself. */
  function restart(): void {
    batcher = new WriteBatcher(database);
  }

  function write(request: CommitRequest) {
    return batcher.write(request);
  }

  /** Commits to a session; what becomes of it is noted under the name. */
  function commit(
    name: string,
    id: string,
    change: Change = { set: { [name]: true } },
    options: Partial<CommitRequest> = {},
  ): void {
    const { generation = 0, found = null, deadline = NEVER } = options;
    write({ id, generation, changes: changesOf(change), found, deadline }).then(
      (times) => (answers[name] = times),
      (error: unknown) => (answers[name] = error),
    );
  }

  async function pass(milliseconds: number): Promise<void> {
    database.time += milliseconds;
    jest.advanceTimersByTime(milliseconds);
    await turn();
  }

  /** Fails if anything of a session is left over: its next commit would wait for that. */
  async function expectIdle(...ids: string[]): Promise<void> {
    expect(jest.getTimerCount()).toBe(0);
    for (const id of ids) {
      const count = database.statements.length;
      commit('afterwards', id);
      expect(database.statements).toHaveLength(count + 1);
      expect(database.set).toEqual({ afterwards: true });
      await database.answer();
      expect(answers['afterwards']).toBe(SAVED);
      delete answers['afterwards'];
    }
  }

  return { answers, commit, database, expectIdle, pass, restart, write };
}
