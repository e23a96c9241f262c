import { describe, expect, it } from '@jest/globals';
import { NO_CHANGES } from '../../../../lib/session/data/changes.js';
import { changesBetween, foldChanges, hasSwallowedIncrement } from '../../../../lib/session/data/merge.js';

/** What is sent of a key that was this, and is that by now. */
function sent(before: unknown, live: unknown, additions: { increment?: number[]; push?: unknown[] }) {
  const { increment, push } = additions;
  const changes = changesBetween(
    before === undefined ? {} : { key: before },
    { key: live },
    {
      increment: new Map(increment === undefined ? [] : [['key', increment]]),
      push: new Map(push === undefined ? [] : [['key', push]]),
    },
  );
  return Object.entries(changes ?? {}).flatMap(([kind, of]) =>
    [...(of as Iterable<unknown>)].map((one) => [kind, one]),
  );
}

describe('A key that was changed beyond additions', () => {
  it.each<[string, unknown, unknown, { increment?: number[]; push?: unknown[] }, unknown]>([
    ['an array was there, and then a number', undefined, 1, { increment: [1], push: ['a'] }, ['set', ['key', '1']]],
    [
      'a number was there, and then an array',
      undefined,
      ['a'],
      { increment: [1], push: ['a'] },
      ['set', ['key', '["a"]']],
    ],
    ['a text was there that looks like a sum', 'x', 'x1', { increment: [1] }, ['set', ['key', '"x1"']]],
    ['a number was there that no array begins with', 5, ['a'], { push: ['a'] }, ['set', ['key', '["a"]']]],
    [
      'a text was there, whose characters are no items',
      'x',
      ['x', 'a'],
      { push: ['a'] },
      ['set', ['key', '["x","a"]']],
    ],
  ])('is sent as a whole: %s', (_what, before, live, additions, expected) => {
    expect(sent(before, live, additions)).toEqual([expected]);
  });

  it('is sent as an addition where it was null', () => {
    expect(sent(null, 2, { increment: [2] })).toEqual([['increment', ['key', 2]]]);
    expect(sent(null, ['a'], { push: ['a'] })).toEqual([['push', ['key', '["a"]']]]);
  });
});

describe('An increment that rounding swallows', () => {
  const huge = 2 ** 60;
  const swallows = (before: unknown, live: unknown, increment: number[], push: unknown[] = []) =>
    hasSwallowedIncrement(before === undefined ? {} : { n: before }, live === undefined ? {} : { n: live }, {
      increment: new Map([['n', increment]]),
      push: new Map(push.length === 0 ? [] : [['n', push]]),
    });

  it('is one, unless it comes to nothing, or the key was changed beyond it', () => {
    expect([
      swallows(huge, huge, [1]),
      swallows(huge, huge, [1, -1]),
      swallows(1, 1, [1]),
      swallows(undefined, undefined, [1]),
      swallows(huge, huge, [1], ['a']),
    ]).toEqual([true, false, false, false, false]);
  });
});

describe('Items that two changes append', () => {
  const push = (items: string) => ({ ...NO_CHANGES, push: new Map([['key', items]]) });

  it.each([
    ['["a"]', '["b"]', '["a","b"]'],
    ['["a"]', '[]', '["a"]'],
    ['[]', '["b"]', '["b"]'],
  ])('are %s and %s', (first, then, expected) => {
    expect(foldChanges(push(first), push(then))?.push).toEqual(new Map([['key', expected]]));
  });
});
