import { describe, expect, it } from '@jest/globals';
import { type CommitRequest } from '../../../../lib/store/batching/commit-request.js';
import { SessionStoreUnavailableError } from '../../../../lib/session.errors.js';
import { REFUSED, SAVED, turn, useWriteBatcher } from './fake-database.js';

describe('WriteBatcher, where the database refuses a batch,', () => {
  const { answers, commit, database, expectIdle, pass } = useWriteBatcher();

  it('sends the commits of a small batch one by one, four at a time, and only the one refused again fails', async () => {
    commit('first', 'busy');
    for (const id of ['one', 'two', 'three', 'four', 'five']) commit(id, id);
    await database.answer();
    await database.refuse();
    expect(answers).toEqual({ first: SAVED });
    expect(database.underWay).toEqual([['one'], ['two'], ['three'], ['four']]);
    await database.answer();
    expect(database.underWay).toEqual([['two'], ['three'], ['four'], ['five']]);
    await database.refuse();
    for (let n = 0; n < 3; n++) await database.answer();
    expect(answers).toEqual({ first: SAVED, one: SAVED, two: REFUSED, three: SAVED, four: SAVED, five: SAVED });
    await expectIdle('one', 'two', 'three', 'four', 'five');
  });

  it('finds the one of 64 that is refused in 17 statements, four at a time, beside what comes meanwhile', async () => {
    const ids = Array.from({ length: 64 }, (_, n) => `s${n}`);
    commit('first', 'busy');
    for (const id of ids) commit(id, id);
    await database.answer();
    await database.refuse();
    expect(database.underWay.map(({ length }) => length)).toEqual([8, 8, 8, 8]);
    commit('other', 'new');
    await turn();
    expect(database.underWay).toHaveLength(5);
    while (database.underWay.length > 0) {
      const isBad = database.underWay[0]?.includes('s20');
      await (isBad ? database.refuse() : database.answer());
    }
    expect(Object.keys(answers)).toHaveLength(66);
    expect(Object.entries(answers).filter(([, answer]) => answer !== SAVED)).toEqual([['s20', REFUSED]]);
    expect(database.statements).toHaveLength(1 + 1 + 8 + 8 + 1);
    await expectIdle('s20', 'new');
  });

  it('gives up what has no time left before it gets its turn beside the batches, and does not send it', async () => {
    commit('first', 'busy');
    for (const id of ['one', 'two', 'three', 'four']) commit(id, id);
    commit('five', 'five', undefined, { deadline: 100 });
    await database.answer();
    await database.refuse();
    await pass(111);
    expect(answers['five']).toEqual(expect.any(SessionStoreUnavailableError));
    for (let n = 0; n < 4; n++) await database.answer();
    expect(database.underWay).toEqual([]);
    await expectIdle('one', 'five');
  });

  it('takes apart what was folded, in the order of each session, and sends what comes meanwhile last', async () => {
    commit('first', 'busy');
    for (const name of ['a1', 'bad', 'a3']) commit(name, 'one');
    for (const name of ['b1', 'b2']) commit(name, 'two');
    await database.answer();
    commit('a4', 'one');
    await database.refuse();
    commit('a5', 'one');
    commit('other', 'three');
    const order: object[] = [];
    for (let next = 2; Object.keys(answers).length < 9; next++) {
      const sets = (database.statements[next] as CommitRequest[]).map(({ changes }) => [
        ...(changes.data?.set.keys() ?? []),
      ]);
      order.push(sets);
      await (sets.flat().includes('bad') ? database.refuse() : database.answer());
    }
    expect(order.filter((sets) => JSON.stringify(sets).includes('a'))).toEqual([
      [['a1', 'bad', 'a3']],
      [['a1']],
      [['bad']],
      [['a3']],
      expect.arrayContaining([['a4', 'a5']]),
    ]);
    expect(order.filter((sets) => JSON.stringify(sets).includes('b1'))).toEqual([[['b1', 'b2']]]);
    expect(answers['bad']).toBe(REFUSED);
    expect(Object.values(answers).filter((answer) => answer === SAVED)).toHaveLength(8);
    await expectIdle('one', 'two', 'three');
  });

  it('keeps the commits of a session apart, and in order, though its row is locked in between', async () => {
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

  it('fails a commit that was alone in its statement at once, without trying again', async () => {
    commit('bad', 'one');
    await database.refuse();
    expect(answers).toEqual({ bad: REFUSED });
    expect(database.statements).toHaveLength(1);
    await expectIdle('one');
  });

  it('fails the commits whose deadline passes before their turn, and goes on with the others', async () => {
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
