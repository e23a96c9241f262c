import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { StoredSession } from '../../../../lib/session/stored-session.js';
import { SessionStoreUnavailableError } from '../../../../lib/session.errors.js';
import { LookupBatcher } from '../../../../lib/store/batching/lookup-batcher.js';

const DOWN = new SessionStoreUnavailableError('find a session');
const NEVER = 1e9;

/** A database whose statements the test answers. */
class FakeDatabase {
  readonly statements: { ids: string[]; deadline: number }[] = [];
  time = 0;
  underWay = 0;
  readonly #waiting: { resolve: (found: StoredSession[]) => void; reject: (error: unknown) => void }[] = [];

  now(): number {
    return this.time;
  }

  findMany(ids: readonly string[], deadline: number): Promise<StoredSession[]> {
    this.statements.push({ ids: [...ids], deadline });
    this.underWay++;
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Answers the oldest statement under way with these sessions. */
  async answer(...ids: string[]): Promise<void> {
    this.underWay--;
    this.#waiting.shift()?.resolve(ids.map(sessionOf));
    await turn();
  }

  async refuse(error: unknown): Promise<void> {
    this.underWay--;
    this.#waiting.shift()?.reject(error);
    await turn();
  }

  get sent(): string[][] {
    return this.statements.map(({ ids }) => ids);
  }
}

const sessionOf = (id: string): StoredSession => ({ id }) as StoredSession;
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('LookupBatcher', () => {
  let database: FakeDatabase;
  let batcher: LookupBatcher<StoredSession>;
  let answers: [name: string, answer: unknown][];

  beforeEach(() => {
    database = new FakeDatabase();
    batcher = new LookupBatcher(database);
    answers = [];
  });

  // A statement that is never answered would keep the process waiting for its deadline.
  afterEach(async () => {
    while (database.underWay > 0) await database.answer();
  });

  function find(id: string, deadline = NEVER, name = id): void {
    batcher.find(id, deadline).then(
      (stored) => answers.push([name, stored === null ? null : stored.id]),
      (error: unknown) => answers.push([name, error]),
    );
  }

  /** Fails if a statement is still counted as under way, or somebody still waits. */
  async function expectIdle(): Promise<void> {
    expect(database.underWay).toBe(0);
    const count = database.statements.length;
    for (const id of ['x', 'y']) {
      find(id);
      await turn();
    }
    expect(database.sent.slice(count)).toEqual([['x'], ['y']]);
    await database.answer();
    await database.answer();
    expect(database.statements).toHaveLength(count + 2);
  }

  /** Has two statements under way, of one session each. */
  async function occupy(): Promise<void> {
    for (const id of ['a', 'b']) {
      find(id);
      await turn();
    }
    expect(database.sent).toEqual([['a'], ['b']]);
  }

  it('looks up together what is asked for in one turn of the event loop', async () => {
    for (const id of ['a', 'b', 'c']) find(id, 77);
    expect(database.statements).toEqual([]);
    await turn();
    expect(database.statements).toEqual([{ ids: ['a', 'b', 'c'], deadline: 77 }]);
    await database.answer('b', 'a');
    expect(answers).toEqual([
      ['b', 'b'],
      ['a', 'a'],
      ['c', null],
    ]);
    await expectIdle();
  });

  it('has two statements under way, and sends with the next what comes meanwhile', async () => {
    await occupy();
    for (const id of ['c', 'd', 'e']) find(id);
    await turn();
    expect(database.underWay).toBe(2);
    await database.answer('a');
    expect(database.sent).toEqual([['a'], ['b'], ['c', 'd', 'e']]);
    await database.answer('b');
    await database.answer('e', 'c');
    expect(answers).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['e', 'e'],
      ['c', 'c'],
      ['d', null],
    ]);
    await expectIdle();
  });

  it('sends a second statement when as many wait as the first carries, or when that takes long', async () => {
    for (const id of ['a', 'b', 'c']) find(id);
    await turn();
    for (const id of ['d', 'e']) find(id);
    await turn();
    expect(database.sent).toEqual([['a', 'b', 'c']]);
    find('f');
    await turn();
    expect(database.sent).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ]);
    await database.answer();
    find('g');
    while (database.underWay < 2) await turn();
    expect(database.sent.at(-1)).toEqual(['g']);
    await database.answer();
    await database.answer();
    await expectIdle();
  });

  it('sends what waits as soon as the statement under way is answered', async () => {
    for (const id of ['a', 'b', 'c']) find(id);
    await turn();
    find('d');
    await turn();
    await database.answer();
    expect(database.sent.at(-1)).toEqual(['d']);
    await database.answer('d');
    await expectIdle();
  });

  it('asks for a session once, however many wait for it, and answers all of them', async () => {
    await occupy();
    for (const [id, name] of ['ca', 'db', 'cc', 'cd'].entries()) find(name.charAt(0), NEVER, `${name}${id}`);
    await database.answer('a');
    expect(database.sent.at(-1)).toEqual(['c', 'd']);
    await database.answer();
    await database.answer('c');
    expect(answers.slice(2)).toEqual([
      ['ca0', 'c'],
      ['cc2', 'c'],
      ['cd3', 'c'],
      ['db1', null],
    ]);
    await expectIdle();
  });

  it('never joins a statement that was sent before: who asks later must not see what was before', async () => {
    for (const name of ['before', 'after', 'later']) {
      find('a', NEVER, name);
      await turn();
    }
    expect(database.sent).toEqual([['a'], ['a']]);
    await database.answer('a');
    expect(answers).toEqual([['before', 'a']]);
    expect(database.sent).toEqual([['a'], ['a'], ['a']]);
    await database.answer();
    await database.answer('a');
    expect(answers).toEqual([
      ['before', 'a'],
      ['after', null],
      ['later', 'a'],
    ]);
    await expectIdle();
  });

  it('asks for no more than 32 sessions in one statement, first come first served', async () => {
    await occupy();
    for (let n = 0; n < 200; n++) find(`s${n}`);
    while (answers.length < 202) await database.answer();
    expect(database.sent.slice(2).map((ids) => ids.length)).toEqual([32, 32, 32, 32, 32, 32, 8]);
    expect(database.sent.slice(2).flat()).toEqual(Array.from({ length: 200 }, (_, n) => `s${n}`));
    await expectIdle();
  });

  it('does not lose a request that joins a session that waits for the statement after the next', async () => {
    for (let n = 0; n < 80; n++) find(`s${n}`);
    await turn();
    find('s79', NEVER, 'joined');
    while (database.underWay > 0) await database.answer('s79');
    expect(answers).toHaveLength(81);
    expect(answers).toContainEqual(['joined', 's79']);
    expect(database.sent.flat().filter((id) => id === 's79')).toHaveLength(1);
  });

  it('has a statement take as long as the most patient can wait', async () => {
    await occupy();
    find('c', 300);
    find('d', 200);
    find('c', 250);
    await database.answer();
    expect(database.statements.at(-1)).toEqual({ ids: ['c', 'd'], deadline: 300 });
  });

  it('refuses a request that has waited too long for a turn, and sends nothing for it', async () => {
    await occupy();
    find('c', 100);
    database.time = 100;
    await database.answer('a');
    expect(answers).toEqual([
      ['a', 'a'],
      ['c', expect.any(SessionStoreUnavailableError)],
    ]);
    expect(database.statements).toHaveLength(2);
    await database.answer('b');
    await expectIdle();
  });

  it('fails those of a statement that fails, and goes on with the others', async () => {
    await occupy();
    for (const id of ['c', 'd', 'c']) find(id);
    await database.answer('a');
    find('e');
    await database.answer('b');
    await database.refuse(DOWN);
    expect(answers.slice(2)).toEqual([
      ['c', DOWN],
      ['c', DOWN],
      ['d', DOWN],
    ]);
    await database.answer('e');
    expect(answers.at(-1)).toEqual(['e', 'e']);
    await expectIdle();
  });

  it('survives a target that throws instead of rejecting', async () => {
    const findMany = database.findMany.bind(database);
    database.findMany = () => {
      throw DOWN;
    };
    find('a');
    await turn();
    expect(answers).toEqual([['a', DOWN]]);
    database.findMany = findMany;
    await expectIdle();
  });

  describe('what was wrong once', () => {
    it('refuses only a request that has waited too long: later ones still have time', async () => {
      await occupy();
      find('late', 100);
      find('early', 1000);
      database.time = 100;
      await database.answer('a');
      expect(answers.map(([name]) => name)).toEqual(['a', 'late']);
      expect(database.sent.at(-1)).toEqual(['early']);
    });
  });
});
