import { describe, expect, it } from '@jest/globals';
import { SessionDataError } from '../../../../lib/session.errors.js';
import { concernsOne, halvesOf, marksOne } from '../../../../lib/store/batching/splitting.js';

describe('A batch', () => {
  it('is split in two, the first half not the smaller', () => {
    expect([halvesOf([1, 2]), halvesOf([1, 2, 3])]).toEqual([
      [[1], [2]],
      [[1, 2], [3]],
    ]);
  });

  it('is split for an error of a value, and one that is marked', () => {
    const error = new Error('marked');
    expect([concernsOne(error), concernsOne(new SessionDataError('', '')), concernsOne('text')]).toEqual([
      false,
      true,
      false,
    ]);
    expect(marksOne(error)).toBe(error);
    expect(concernsOne(error)).toBe(true);
  });
});
