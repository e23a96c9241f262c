import { describe, expect, it, jest } from '@jest/globals';
import { mapsWith } from '../maps.js';
import type { CommitRequest } from '../../../../lib/store/batching/commit-request.js';
import { WriteBatcher, type WriteRequest } from '../../../../lib/store/batching/write-batcher.js';
import { changesOf, DOWN, NEVER, SAVED, turn, useWriteBatcher } from './fake-database.js';

describe('WriteBatcher', () => {
  const { answers, commit, database, expectIdle, restart, write } = useWriteBatcher();

  it('sends a commit at once, as it is, while no statement is under way', async () => {
    const changes = changesOf({ set: { a: 1 }, ttl: 9, renew: true });
    const request = { id: 'one', generation: 3, changes, found: null, deadline: 7 };
    const committing = write(request);
    expect(database.statements).toEqual([[expect.objectContaining(request)]]);
    await database.answer();
    expect(await committing).toBe(SAVED);
    await expectIdle('one');
  });

  it('sends the commits of one turn of the event loop together, unless told when to send', async () => {
    restart();
    for (const id of ['one', 'two', 'one']) commit(id, id);
    expect(database.statements).toEqual([]);
    await turn();
    expect(database.sent).toEqual(['one', 'two']);
    await database.answer();
    expect(answers).toEqual({ one: SAVED, two: SAVED });
  });

  it('keeps what comes while a statement is under way for the next one: one statement at a time', async () => {
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

  it('changes no more than 64 sessions in one statement, in the order of their commits', async () => {
    for (let n = 0; n < 150; n++) commit(`c${n}`, `s${n}`);
    while (Object.keys(answers).length < 150) await database.answer();
    expect(database.statements.map((batch) => batch.length)).toEqual([1, 64, 64, 21]);
    expect(database.statements.flat().map(({ id }) => id)).toEqual(Array.from({ length: 150 }, (_, n) => `s${n}`));
  });

  it('lets lighter commits overtake those that a statement has no room for, which go with the next ones, the oldest first', async () => {
    for (const id of ['heavy-1', 'heavy-2', 'heavy-3', 'heavy-4']) database.parts.set(id, 0.5);
    commit('first', 'busy');
    for (const id of ['light-1', 'heavy-1', 'heavy-2', 'heavy-3', 'light-2', 'heavy-4']) commit(id, id);
    await database.answer();
    expect(database.sent).toEqual(['light-1', 'heavy-1', 'heavy-2', 'light-2']);
    for (const id of ['light-3', 'light-4']) commit(id, id);
    await database.answer();
    expect(database.sent).toEqual(['heavy-3', 'heavy-4', 'light-3', 'light-4']);
    await database.answer();
    expect(Object.values(answers)).toEqual(Array.from({ length: 9 }, () => SAVED));
    await expectIdle('heavy-1', 'heavy-4');
  });

  it('sends a commit that a statement has no room for with no other that takes room', async () => {
    database.parts.set('huge', 3);
    database.parts.set('heavy', 0.1);
    commit('first', 'busy');
    for (const id of ['huge', 'heavy', 'light']) commit(id, id);
    await database.answer();
    expect(database.sent).toEqual(['huge', 'light']);
    await database.answer();
    expect(database.sent).toEqual(['heavy']);
  });

  it('changes each session once in a statement, however many commits it has, and answers each of them', async () => {
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

  it('fails all commits of a batch when the database cannot be reached, tries none again, and goes on with later ones', async () => {
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

  it('takes an error that the target throws like one that it rejects with', async () => {
    jest.spyOn(database, 'write').mockImplementationOnce(() => {
      throw DOWN;
    });
    commit('a', 'one');
    await turn();
    expect(answers).toEqual({ a: DOWN });
    await expectIdle('one');
  });

  it('writes requests to a session one after the other where its store cannot fold them', async () => {
    const written: string[][] = [];
    const plain = new WriteBatcher<WriteRequest & { readonly name: string }, string>({
      operation: 'save a session',
      now: () => 0,
      write: async (requests) => {
        written.push(requests.map(({ name }) => name));
        return requests.map(({ name }) => name);
      },
    });
    const names = ['a', 'b'].map((name) => plain.write({ id: 'one', deadline: NEVER, name }));
    expect([await Promise.all(names), written]).toEqual([
      ['a', 'b'],
      [['a'], ['b']],
    ]);
  });

  it('keeps nothing in memory of sessions whose commits are answered', async () => {
    const maps = await mapsWith('one', () => ['a', 'b'].forEach((name) => commit(name, 'one')));
    expect(maps.map(({ size }) => size)).toEqual([1]);
    commit('c', 'two');
    while (answers['c'] === undefined) await database.answer();
    expect([answers, maps[0]?.size]).toEqual([{ a: SAVED, b: SAVED, c: SAVED }, 0]);
  });

  it('gives up nothing that is being written, where that keeps the deadlines by itself', async () => {
    const written = Promise.withResolvers<string[]>();
    const target = { operation: 'save', now: () => performance.now(), write: () => written.promise };
    const outcomes = [true, false].map((keepsDeadlines) => {
      const plain = new WriteBatcher<WriteRequest, string>({ ...target, keepsDeadlines }, (send) => send());
      return plain.write({ id: 'one', deadline: performance.now() + 10 }).catch(() => 'given up');
    });
    jest.advanceTimersByTime(1_000);
    await turn();
    written.resolve(['written']);
    expect(await Promise.all(outcomes)).toEqual(['written', 'given up']);
  });
});
