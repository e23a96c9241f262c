import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionDataError } from '../../../../lib/session.errors.js';
import { type Change, changesOf, SAVED, TOO_LARGE, useWriteBatcher } from './fake-database.js';

describe('WriteBatcher folds the commits of a session', () => {
  const { answers, commit, database, expectIdle } = useWriteBatcher();

  beforeEach(() => commit('first', 'busy'));

  it('in order: what a later commit sets or removes counts', async () => {
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

  it('with the last lifetime, a renewal if one of them renews, and the earliest deadline', async () => {
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
    ['changes that depend on the data', { set: { x: 'text' } }, { increment: { x: 1 } }, {}],
    ['two generations', { set: { x: 1 } }, { set: { x: 2 } }, { generation: 1 }],
  ])('not where they have %s: these go one after the other', async (_what, one, two, options) => {
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

  it('not with a commit that depends on what it found: that one alone learns that the row has changed', async () => {
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

  it('and answers all of them, and no other, that their session is gone', async () => {
    commit('a', 'one');
    commit('b', 'one');
    commit('c', 'two');
    await database.answer();
    await database.answer(SAVED, { one: null });
    expect(answers).toEqual({ first: SAVED, a: null, b: null, c: SAVED });
    await expectIdle('one', 'two');
  });
});

describe('Where WriteBatcher would make the data too large,', () => {
  const { answers, commit, database, expectIdle } = useWriteBatcher();

  it('a commit by itself is refused, and no other', async () => {
    commit('first', 'busy');
    commit('large', 'one');
    commit('b', 'two');
    await database.answer();
    await database.answer(SAVED, { one: TOO_LARGE });
    expect(answers).toEqual({ first: SAVED, large: expect.any(SessionDataError), b: SAVED });
    await expectIdle('one', 'two');
  });

  it('commits that were folded are sent one by one, and only the one that is too large is refused', async () => {
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
