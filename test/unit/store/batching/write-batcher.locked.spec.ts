import { describe, expect, it, jest } from '@jest/globals';
import { SessionStoreUnavailableError } from '../../../../lib/session.errors.js';
import { SAVED, turn, useWriteBatcher } from './fake-database.js';

describe('WriteBatcher, where a row is locked,', () => {
  const { answers, commit, database, expectIdle, pass } = useWriteBatcher();

  it('pauses the session of a row that another transaction has locked, and goes on with all others', async () => {
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

  it('has a session that has waited for a lock of another table wait alone from then on, beside all others', async () => {
    commit('a', 'one');
    await database.answer('waited');
    await pass(1);
    expect(database.underWay).toEqual([['one']]);
    commit('b', 'two');
    await turn();
    expect(database.underWay).toEqual([['one'], ['two']]);
    commit('c', 'three');
    commit('d', 'one');
    await database.answer('waited');
    await database.answer();
    expect(database.underWay).toEqual([['three']]);
    await database.answer();
    await pass(2);
    expect([database.underWay, database.set]).toEqual([[['one']], { a: true }]);
    await database.answer();
    expect(database.set).toEqual({ d: true });
    await database.answer();
    expect(answers).toEqual({ a: SAVED, b: SAVED, c: SAVED, d: SAVED });
    await expectIdle('one', 'two', 'three');
  });

  it('sends the commits that come for the session meanwhile along with those that wait, in order', async () => {
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

  it.each<['locked' | 'waited', number[], [number, number]]>([
    ['locked', [1, 2, 4, 5, 5], [2.5, 7.495]],
    ['waited', [1, 2, 4, 8, 16, 32, 50, 50], [25, 74.95]],
  ])(
    'backs off twice as long every time, up to a limit, and from half to one and a half of that (%s)',
    async (outcome, pauses, [least, most]) => {
      commit('a', 'one');
      for (const pause of pauses) {
        const count = database.statements.length;
        await database.answer(outcome);
        await pass(pause - 1);
        expect(database.statements).toHaveLength(count);
        await pass(1);
        expect(database.statements).toHaveLength(count + 1);
      }
      for (const [random, longest] of [
        [0, least],
        [0.999, most],
      ] as const) {
        jest.mocked(Math.random).mockReturnValue(random);
        const count = database.statements.length;
        await database.answer(outcome);
        await pass(Math.ceil(longest) - 2);
        expect(database.statements).toHaveLength(count);
        await pass(2);
        expect(database.statements).toHaveLength(count + 1);
      }
      await database.answer();
      await expectIdle('one');
    },
  );

  it('starts over with a short pause once the row was written, though more commits were waiting', async () => {
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

  it('does not fold waiting commits of two generations, and answers the older when its session is gone', async () => {
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

describe('A commit in WriteBatcher', () => {
  const { answers, commit, database, expectIdle, pass } = useWriteBatcher();

  it('is refused, and never sent, when its deadline passes behind a statement that takes long', async () => {
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

  it('is refused, and not sent again, when its deadline passes while its row is locked', async () => {
    commit('a', 'one', undefined, { deadline: 3 });
    await database.answer('locked');
    await pass(1);
    await database.answer('locked');
    await pass(2);
    expect(answers).toEqual({ a: expect.any(SessionStoreUnavailableError) });
    expect(database.statements).toHaveLength(2);
    await expectIdle('one');
  });

  it('is refused alone when it was folded with others whose deadlines are later', async () => {
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
