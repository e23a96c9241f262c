import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { SessionChanges } from '../../../../lib/session/data/changes.js';
import type { CommittedTimes } from '../../../../lib/session-store.js';
import { SessionDataError, SessionError, SessionStoreUnavailableError } from '../../../../lib/session.errors.js';
import { type CommitOutcome, type CommitRequest, foldCommits } from '../../../../lib/store/batching/commit-request.js';
import { WriteBatcher, type Written } from '../../../../lib/store/batching/write-batcher.js';

const SAVED: CommittedTimes = { ttl: 1, lastAccessAt: 3, expiresAt: 4, endsAt: 5 };
const REFUSED = new SessionDataError('', 'refused');
const DOWN = new SessionStoreUnavailableError('save a session');
const NEVER = 1e9;

interface Change {
  set?: Record<string, unknown>;
  unset?: string[];
  increment?: Record<string, number>;
  push?: Record<string, unknown[]>;
  ttl?: number;
  renew?: boolean;
}

function changesOf({ set = {}, unset = [], increment = {}, push = {}, ttl, renew = false }: Change): SessionChanges {
  const texts = (values: object) => new Map(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]));
  const data = { set: texts(set), unset, increment: new Map(Object.entries(increment)), push: texts(push) };
  const isEmpty = data.set.size + unset.length + data.increment.size + data.push.size === 0;
  return { data: isEmpty ? null : data, lifetime: ttl === undefined ? null : { ttl, absolute: undefined }, renew };
}

const TOO_LARGE = new SessionDataError('', 'too large');
type Outcome = Written<CommitOutcome>;

/** A database whose statements the test answers. */
class FakeDatabase {
  readonly operation = 'save a session';
  readonly fold = foldCommits;
  readonly statements: CommitRequest[][] = [];
  time = 0;
  mostUnderWay = 0;
  readonly #waiting: { resolve: (outcomes: Outcome[]) => void; reject: (error: unknown) => void }[] = [];

  now(): number {
    return this.time;
  }

  write(requests: readonly CommitRequest[]): Promise<Outcome[]> {
    this.statements.push([...requests]);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.mostUnderWay = Math.max(this.mostUnderWay, this.#waiting.length);
    });
  }

  /** The last statement, as the sessions it changes. */
  get sent(): string[] {
    return (this.statements.at(-1) ?? []).map(({ id }) => id);
  }

  /** What the last statement sets in its only session. */
  get set(): object {
    const [request] = this.statements.at(-1) as [CommitRequest];
    return Object.fromEntries([...(request.changes.data?.set ?? [])].map(([key, text]) => [key, JSON.parse(text)]));
  }

  /** Answers the statement under way: for all its sessions alike, but for those named. */
  async answer(outcome: Outcome = SAVED, others: Record<string, Outcome> = {}): Promise<void> {
    const requests = this.statements.at(-1) ?? [];
    this.#waiting.shift()?.resolve(requests.map(({ id }) => (id in others ? (others[id] as Outcome) : outcome)));
    await turn();
  }

  async refuse(error: unknown = REFUSED): Promise<void> {
    this.#waiting.shift()?.reject(error);
    await turn();
  }
}

/** Lets everything go on that waits for nothing but its turn. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('WriteBatcher', () => {
  let database: FakeDatabase;
  let batcher: WriteBatcher<CommitRequest, CommitOutcome>;
  /** What became of the commits, by name, in the order in which they were answered. */
  let answers: Record<string, unknown>;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    database = new FakeDatabase();
    batcher = new WriteBatcher(database, (send) => send());
    answers = {};
  });

  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  /** Commits to a session; what becomes of it is noted under the name. */
  function commit(
    name: string,
    id: string,
    change: Change = { set: { [name]: true } },
    options: Partial<CommitRequest> = {},
  ): void {
    const { generation = 0, found = null, deadline = NEVER } = options;
    batcher.write({ id, generation, changes: changesOf(change), found, deadline }).then(
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

  describe('collects', () => {
    it('nothing when there is nothing to wait for: a commit is sent at once, as it is', async () => {
      const changes = changesOf({ set: { a: 1 }, ttl: 9, renew: true });
      const request = { id: 'one', generation: 3, changes, found: null, deadline: 7 };
      const committing = batcher.write(request);
      expect(database.statements).toEqual([[expect.objectContaining(request)]]);
      await database.answer();
      expect(await committing).toBe(SAVED);
      await expectIdle('one');
    });

    it('what one turn of the event loop brings, unless told otherwise', async () => {
      batcher = new WriteBatcher(database);
      for (const id of ['one', 'two', 'one']) commit(id, id);
      expect(database.statements).toEqual([]);
      await turn();
      expect(database.sent).toEqual(['one', 'two']);
      await database.answer();
      expect(answers).toEqual({ one: SAVED, two: SAVED });
    });

    it('what comes while a statement is under way, and sends it with the next: one at a time', async () => {
      commit('a', 'one');
      for (const id of ['two', 'three', 'four']) commit(id, id);
      expect(database.statements).toHaveLength(1);
      await database.answer();
      expect(database.sent).toEqual(['two', 'three', 'four']);
      commit('b', 'one');
      expect(database.statements).toHaveLength(2);
      await database.answer();
      expect(database.sent).toEqual(['one']);
      await database.answer();
      expect(Object.keys(answers)).toEqual(['a', 'two', 'three', 'four', 'b']);
      expect(database.mostUnderWay).toBe(1);
      await expectIdle('one', 'two');
    });

    it('no more than 64 sessions in one statement, first come first served', async () => {
      for (let n = 0; n < 150; n++) commit(`c${n}`, `s${n}`);
      while (Object.keys(answers).length < 150) await database.answer();
      expect(database.statements.map((batch) => batch.length)).toEqual([1, 64, 64, 21]);
      expect(database.statements.flat().map(({ id }) => id)).toEqual(Array.from({ length: 150 }, (_, n) => `s${n}`));
    });

    it('each session once in a statement, however often it comes, and answers everybody', async () => {
      commit('first', 'busy');
      for (let n = 0; n < 100; n++) commit(`c${n}`, 'one', { increment: { n: 1 }, push: { list: [n] } });
      commit('other', 'two');
      await database.answer();
      expect(database.sent).toEqual(['one', 'two']);
      const [{ changes }] = database.statements[1] as [CommitRequest];
      expect(changes.data?.increment).toEqual(new Map([['n', 100]]));
      expect(changes.data?.push.get('list')).toBe(JSON.stringify(Array.from({ length: 100 }, (_, n) => n)));
      await database.answer();
      expect(Object.keys(answers)).toHaveLength(102);
      expect(new Set(Object.values(answers))).toEqual(new Set([SAVED]));
    });
  });

  describe('folds the commits of a session', () => {
    beforeEach(() => commit('first', 'busy'));

    it('in order: what a later one sets or removes is what counts', async () => {
      commit('a', 'one', { set: { x: 1, y: 1 } });
      commit('b', 'one', { set: { x: 2, z: 2 } });
      commit('c', 'one', { unset: ['y'], increment: { x: 3 } });
      await database.answer();
      const data = database.statements[1]?.[0]?.changes.data;
      expect(data).toEqual({
        set: new Map([
          ['x', '5'],
          ['z', '2'],
        ]),
        unset: ['y'],
        increment: new Map(),
        push: new Map(),
      });
    });

    it('with the last lifetime, an access if one of them was, and the earliest deadline', async () => {
      commit('a', 'one', { set: { x: 1 }, renew: true }, { deadline: 500 });
      commit('b', 'one', { ttl: 7 }, { deadline: 400 });
      commit('c', 'one', { increment: { n: 1 } }, { deadline: 600 });
      await database.answer();
      const data = { set: new Map([['x', '1']]), unset: [], increment: new Map([['n', 1]]), push: new Map() };
      expect(database.statements[1]).toEqual([
        {
          id: 'one',
          generation: 0,
          changes: { data, lifetime: { ttl: 7, absolute: undefined }, renew: true },
          found: null,
          deadline: 400,
        },
      ]);
    });

    it.each<[string, Change, Change, object]>([
      ['two lifetimes', { ttl: 1 }, { ttl: 2 }, {}],
      ['what depends on the data', { set: { x: 'text' } }, { increment: { x: 1 } }, {}],
      ['two generations', { set: { x: 1 } }, { set: { x: 2 } }, { generation: 1 }],
    ])('but not %s, which go one after the other', async (_what, one, two, options) => {
      commit('a', 'one', one);
      commit('b', 'one', two, options);
      commit('c', 'one', { set: { c: 1 } }, options);
      commit('d', 'two');
      await database.answer();
      expect(database.sent).toEqual(['one', 'two']);
      expect(database.statements[1]?.[0]?.changes).toEqual(changesOf(one));
      expect(Object.keys(answers)).toEqual(['first']);
      await database.answer();
      expect(Object.keys(answers)).toEqual(['first', 'a', 'd']);
      expect(database.statements[2]?.[0]?.generation).toBe('generation' in options ? 1 : 0);
      await database.answer();
      expect(Object.keys(answers)).toEqual(['first', 'a', 'd', 'b', 'c']);
      expect(database.statements).toHaveLength(3);
      await expectIdle('one', 'two');
    });

    it('but not what is only to be written if something is still there, which alone is told that it is not', async () => {
      const found = new Map([['x', '1']]);
      commit('a', 'one');
      commit('b', 'one', { set: { x: 2 } }, { found });
      commit('c', 'one');
      commit('d', 'two');
      await database.answer();
      expect(database.sent).toEqual(['one', 'two']);
      await database.answer();
      expect(database.statements[2]).toEqual([expect.objectContaining({ id: 'one', found })]);
      await database.answer('changed');
      expect(database.statements[3]).toEqual([expect.objectContaining({ id: 'one', found: null })]);
      await database.answer();
      expect(answers).toEqual({ first: SAVED, a: SAVED, b: 'changed', c: SAVED, d: SAVED });
      await expectIdle('one', 'two');
    });

    it('and tells all of them when the session is gone, and nobody else', async () => {
      commit('a', 'one');
      commit('b', 'one');
      commit('c', 'two');
      await database.answer();
      await database.answer(SAVED, { one: null });
      expect(answers).toEqual({ first: SAVED, a: null, b: null, c: SAVED });
      await expectIdle('one', 'two');
    });
  });

  describe('when a row is locked by somebody else', () => {
    it('pauses that session, and goes on with all others', async () => {
      commit('a', 'locked');
      commit('b', 'two');
      await database.answer('locked');
      expect(database.sent).toEqual(['two']);
      await database.answer();
      commit('c', 'three');
      expect(database.sent).toEqual(['three']);
      await database.answer();
      expect(database.statements).toHaveLength(3);
      await pass(1);
      expect(database.sent).toEqual(['locked']);
      await database.answer();
      expect(answers).toEqual({ a: SAVED, b: SAVED, c: SAVED });
      await expectIdle('locked', 'two', 'three');
    });

    it('sends what comes for it meanwhile along with what waits, in order', async () => {
      commit('a', 'one', { set: { x: 'a', a: 1 } });
      await database.answer('locked');
      commit('b', 'one', { set: { x: 'b', b: 1 } });
      await turn();
      expect(database.statements).toHaveLength(1);
      await pass(1);
      expect(database.set).toEqual({ x: 'b', a: 1, b: 1 });
      await database.answer('locked');
      commit('c', 'one', { set: { x: 'c', c: 1 } });
      await pass(2);
      expect(database.set).toEqual({ x: 'c', a: 1, b: 1, c: 1 });
      await database.answer();
      expect(answers).toEqual({ a: SAVED, b: SAVED, c: SAVED });
      await expectIdle('one');
    });

    it('waits twice as long every time, but never longer than 50 ms (and at random: half to one and a half of it)', async () => {
      commit('a', 'one');
      for (const pause of [1, 2, 4, 8, 16, 32, 50, 50]) {
        const count = database.statements.length;
        await database.answer('locked');
        await pass(pause - 1);
        expect(database.statements).toHaveLength(count);
        await pass(1);
        expect(database.statements).toHaveLength(count + 1);
      }
      for (const [random, most] of [
        [0, 25],
        [0.999, 75],
      ] as const) {
        jest.mocked(Math.random).mockReturnValue(random);
        const count = database.statements.length;
        await database.answer('locked');
        await pass(most - 2);
        expect(database.statements).toHaveLength(count);
        await pass(2);
        expect(database.statements).toHaveLength(count + 1);
      }
      await database.answer();
      await expectIdle('one');
    });

    it('starts over with a short pause once it was got at, though more was waiting', async () => {
      commit('a', 'one', { ttl: 1 });
      commit('b', 'one', { ttl: 2 });
      await database.answer('locked');
      await pass(1);
      await database.answer('locked');
      await pass(2);
      await database.answer();
      await database.answer('locked');
      await pass(1);
      await database.answer();
      expect(answers).toEqual({ a: SAVED, b: SAVED });
      await expectIdle('one');
    });

    it('does not fold across generations what waits, and answers the older when it is gone', async () => {
      commit('a', 'one', { set: { x: 1 } });
      await database.answer('locked');
      commit('b', 'one', { set: { x: 2 } }, { generation: 1 });
      await pass(1);
      expect(database.statements[1]?.[0]?.generation).toBe(0);
      await database.answer(null);
      expect(database.statements[2]?.[0]?.generation).toBe(1);
      await database.answer();
      expect(answers).toEqual({ a: null, b: SAVED });
      await expectIdle('one');
    });
  });

  describe('when a deadline passes', () => {
    it('behind a statement that takes long, refuses the commit and never sends it', async () => {
      commit('first', 'busy');
      commit('late', 'one', undefined, { deadline: 100 });
      commit('later', 'one', undefined, { deadline: 101 });
      commit('other', 'two', undefined, { deadline: 50 });
      database.time = 100;
      await database.answer();
      expect(answers).toEqual({
        first: SAVED,
        late: expect.any(SessionStoreUnavailableError),
        other: expect.any(SessionStoreUnavailableError),
      });
      expect(database.statements).toHaveLength(2);
      expect(database.set).toEqual({ later: true });
      await database.answer();
      expect(answers['later']).toBe(SAVED);
      await expectIdle('one', 'two');
    });

    it('while its row is locked, refuses the commit and never sends it again', async () => {
      commit('a', 'one', undefined, { deadline: 3 });
      await database.answer('locked');
      await pass(1);
      await database.answer('locked');
      await pass(2);
      expect(answers).toEqual({ a: expect.any(SessionStoreUnavailableError) });
      expect(database.statements).toHaveLength(2);
      await expectIdle('one');
    });

    it('only for one of those that were folded, still sends the others', async () => {
      commit('first', 'busy');
      commit('late', 'one', undefined, { deadline: 10 });
      commit('early', 'one', undefined, { deadline: 1000 });
      await database.answer();
      database.time = 10;
      // That is what the database says when the statement came too late for one deadline.
      await database.answer('locked');
      await pass(1);
      expect(answers).toEqual({ first: SAVED, late: expect.any(SessionStoreUnavailableError) });
      expect(database.set).toEqual({ early: true });
      await database.answer();
      expect(answers['early']).toBe(SAVED);
      await expectIdle('one');
    });
  });

  describe('when the database refuses a batch', () => {
    it('sends its commits one by one, in order, and only the culprit fails', async () => {
      commit('first', 'busy');
      commit('a', 'one');
      commit('bad', 'two');
      commit('c', 'three');
      await database.answer();
      await database.refuse();
      expect(answers).toEqual({ first: SAVED });
      const order: string[][] = [];
      while (Object.keys(answers).length < 4) {
        order.push(database.sent);
        await (database.sent[0] === 'two' ? database.refuse() : database.answer());
      }
      expect(order).toEqual([['one'], ['two'], ['three']]);
      expect(answers).toEqual({ first: SAVED, a: SAVED, bad: REFUSED, c: SAVED });
      await expectIdle('one', 'two', 'three');
    });

    it('takes apart what was folded, keeping the order of each session, and what comes meanwhile goes last', async () => {
      commit('first', 'busy');
      for (const name of ['a1', 'bad', 'a3']) commit(name, 'one');
      for (const name of ['b1', 'b2']) commit(name, 'two');
      await database.answer();
      commit('a4', 'one');
      await database.refuse();
      commit('a5', 'one');
      commit('other', 'three');
      const order: object[] = [];
      while (Object.keys(answers).length < 9) {
        const sets = (database.statements.at(-1) as CommitRequest[]).map(({ changes }) => [
          ...(changes.data?.set.keys() ?? []),
        ]);
        order.push(sets);
        await (sets.flat().includes('bad') ? database.refuse() : database.answer());
      }
      expect(order.filter((sets) => JSON.stringify(sets).includes('a'))).toEqual([
        [['a1']],
        [['bad']],
        [['a3']],
        expect.arrayContaining([['a4', 'a5']]),
      ]);
      expect(
        order.filter((sets) => JSON.stringify(sets).includes('b') && !JSON.stringify(sets).includes('bad')),
      ).toEqual([[['b1']], [['b2']]]);
      expect(answers['bad']).toBe(REFUSED);
      expect(Object.values(answers).filter((answer) => answer === SAVED)).toHaveLength(8);
      await expectIdle('one', 'two', 'three');
    });

    it('keeps them apart, and in order, though the row is locked in between', async () => {
      commit('first', 'busy');
      commit('a1', 'one');
      commit('a2', 'one');
      await database.answer();
      await database.refuse();
      expect(database.set).toEqual({ a1: true });
      await database.answer('locked');
      commit('a3', 'one');
      await pass(1);
      expect(database.set).toEqual({ a1: true });
      await database.refuse();
      expect(database.set).toEqual({ a2: true });
      await database.answer('locked');
      await pass(2);
      expect(database.set).toEqual({ a2: true });
      await database.answer();
      expect(database.set).toEqual({ a3: true });
      await database.answer();
      expect(answers).toEqual({ first: SAVED, a1: REFUSED, a2: SAVED, a3: SAVED });
      await expectIdle('one');
    });

    it('refuses a commit that has stood alone at once, without trying again', async () => {
      commit('bad', 'one');
      await database.refuse();
      expect(answers).toEqual({ bad: REFUSED });
      expect(database.statements).toHaveLength(1);
      await expectIdle('one');
    });

    it('refuses those whose deadline passes before their turn, and goes on with the others', async () => {
      commit('first', 'busy');
      commit('late', 'one', undefined, { deadline: 10 });
      commit('early', 'one');
      await database.answer();
      database.time = 10;
      await database.refuse();
      expect(answers).toEqual({ first: SAVED, late: expect.any(SessionStoreUnavailableError) });
      expect(database.set).toEqual({ early: true });
      await database.answer();
      expect(answers['early']).toBe(SAVED);
      await expectIdle('one');
    });
  });

  describe('when the data would be too large', () => {
    it('refuses a commit that stands alone, and nobody else', async () => {
      commit('first', 'busy');
      commit('large', 'one');
      commit('b', 'two');
      await database.answer();
      await database.answer(SAVED, { one: TOO_LARGE });
      expect(answers).toEqual({ first: SAVED, large: expect.any(SessionDataError), b: SAVED });
      await expectIdle('one', 'two');
    });

    it('takes apart what was folded, and refuses only the one that is', async () => {
      commit('first', 'busy');
      for (const name of ['a', 'large', 'c']) commit(name, 'one');
      await database.answer();
      await database.answer(TOO_LARGE);
      commit('d', 'one');
      expect(answers).toEqual({ first: SAVED });
      expect(database.set).toEqual({ a: true });
      await database.answer();
      expect(database.set).toEqual({ large: true });
      await database.answer(TOO_LARGE);
      expect(database.set).toEqual({ c: true });
      await database.answer();
      expect(database.set).toEqual({ d: true });
      await database.answer();
      expect(Object.keys(answers)).toEqual(['first', 'a', 'large', 'c', 'd']);
      expect(answers).toMatchObject({ a: SAVED, large: { message: 'too large' }, c: SAVED, d: SAVED });
      await expectIdle('one');
    });
  });

  describe('when the database cannot be reached', () => {
    it('fails all commits of the batch, tries none again, and goes on with what came after', async () => {
      commit('first', 'busy');
      for (const name of ['a', 'b']) commit(name, 'one');
      commit('c', 'two');
      await database.answer();
      commit('d', 'one');
      await database.refuse(DOWN);
      expect(answers).toEqual({ first: SAVED, a: DOWN, b: DOWN, c: DOWN });
      expect(database.sent).toEqual(['one']);
      expect(database.set).toEqual({ d: true });
      await database.answer();
      expect(answers['d']).toBe(SAVED);
      await expectIdle('one', 'two');
    });

    it('survives a target that throws instead of rejecting', async () => {
      jest.spyOn(database, 'write').mockImplementationOnce(() => {
        throw DOWN;
      });
      commit('a', 'one');
      await turn();
      expect(answers).toEqual({ a: DOWN });
      await expectIdle('one');
    });
  });

  it('keeps nothing in memory of sessions that are done with', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const target = {
      now: () => 0,
      write: (all: readonly CommitRequest[]) => Promise.resolve(all.map(() => SAVED)),
      operation: 'save a session',
      fold: foldCommits,
    };
    const real = new WriteBatcher(target);
    const changes = changesOf({ set: { a: 1 } });
    const commitMany = async (count: number) => {
      for (let n = 0; n < count; n++)
        await real.write({ id: `${Math.random()}-${n}`, generation: 0, changes, found: null, deadline: NEVER });
    };
    jest.restoreAllMocks();
    await commitMany(1_000);
    const before = used();
    await commitMany(50_000);
    expect(used() - before).toBeLessThan(2_000_000);
  });

  describe('whatever happens', () => {
    /** mulberry32 */
    function randomFrom(seed: number): () => number {
      let state = seed;
      return () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
      };
    }

    it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))(
      'answers every commit, writes each that it says it wrote once and in order, and no other (seed %i)',
      async (seed) => {
        const random = randomFrom(seed);
        const logs = new Map<string, number[]>();
        let underWay = 0;
        const target = {
          now: () => Date.now(),
          operation: 'save a session',
          fold: foldCommits,
          write: async (requests: readonly CommitRequest[]): Promise<Outcome[]> => {
            expect(++underWay).toBe(1);
            expect(new Set(requests.map(({ id }) => id)).size).toBe(requests.length);
            expect(requests.length).toBeLessThanOrEqual(64);
            await new Promise((resolve) => setTimeout(resolve, Math.ceil(random() * 3)));
            underWay--;
            const isDown = random() < 0.03;
            if (isDown) throw DOWN;
            if (requests.some(({ changes }) => changes.data?.set.has('bad'))) throw REFUSED;
            return requests.map(({ id, changes, deadline }) => {
              if (random() < 0.2 || deadline <= Date.now()) return 'locked';
              if (changes.data?.set.has('large')) return TOO_LARGE;
              if (id === 's0') return null;
              const log = logs.get(id) ?? [];
              logs.set(id, log);
              log.push(...(JSON.parse(changes.data?.push.get('log') ?? '[]') as number[]));
              return SAVED;
            });
          },
        };
        const soak = new WriteBatcher(target);
        const expected = new Map<string, number[]>();
        const wrong: unknown[] = [];
        const all: Promise<void>[] = [];
        const answered = new Set<string>();
        for (let n = 0; n < 400; n++) {
          const id = `s${Math.floor(random() * 6)}`;
          const kind = random();
          const set = kind < 0.04 ? { bad: true } : kind < 0.08 ? { large: true } : {};
          const changes = changesOf({ set, push: { log: [n] }, ...(random() < 0.1 && { ttl: n }) });
          const deadline = Date.now() + (random() < 0.2 ? random() * 40 : 1e6);
          all.push(
            soak.write({ id, generation: 0, changes, found: null, deadline }).then(
              (times) => {
                answered.add(times === null ? 'gone' : 'saved');
                if (times !== null)
                  expected.set(
                    id,
                    [...(expected.get(id) ?? []), n].toSorted((a, b) => a - b),
                  );
                if (times === null ? id !== 's0' : Object.keys(set).length > 0) wrong.push({ n, id, set, times });
              },
              (error: unknown) => {
                answered.add((error as Error).message);
                const isFair = error instanceof SessionDataError ? Object.keys(set).length > 0 : error !== undefined;
                if (!isFair || !(error instanceof SessionError)) wrong.push({ n, id, set, error });
              },
            ),
          );
          if (random() < 0.5) await jest.advanceTimersByTimeAsync(Math.floor(random() * 4));
        }
        const done = Promise.all(all);
        await jest.advanceTimersByTimeAsync(60_000);
        await done;
        expect(wrong).toEqual([]);
        expect([...answered].toSorted()).toEqual([DOWN.message, 'gone', 'refused', 'saved', 'too large']);
        expect(logs).toEqual(expected);
        expect(jest.getTimerCount()).toBe(0);
      },
    );
  });
});
