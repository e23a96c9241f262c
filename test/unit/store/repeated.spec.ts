import { beforeEach, describe, expect, it } from '@jest/globals';
import { Repeated } from '../../../lib/store/repeated.js';

/** How many are remembered, at most. */
const MOST = 16 * 1024;

describe('Repeated', () => {
  let repeated: Repeated;
  let others: number;

  beforeEach(() => {
    repeated = new Repeated();
    others = 0;
  });

  /** So many others come, each once. */
  function come(count: number): void {
    for (let left = count; left > 0; left--) repeated.isAgain(`other ${others++}`);
  }

  it('knows who has come before', () => {
    expect([repeated.isAgain('a'), repeated.isAgain('a'), repeated.isAgain('b')]).toEqual([false, true, false]);
  });

  it('still knows it after half as many others as it remembers, and not after all of them', () => {
    repeated.isAgain('a');
    come(MOST / 2 - 1);
    repeated.isAgain('b');
    expect([repeated.isAgain('a'), repeated.isAgain('other 0')]).toEqual([true, true]);
    come(MOST / 2 - 2);
    expect(repeated.isAgain('a')).toBe(true);
    come(1);
    expect([repeated.isAgain('b'), repeated.isAgain('a')]).toEqual([true, false]);
  });

  it('does not know what it was told to forget, however long ago that came', () => {
    repeated.isAgain('a');
    repeated.forget('a');
    expect(repeated.isAgain('a')).toBe(false);
    come(MOST / 2);
    repeated.forget('a');
    expect(repeated.isAgain('a')).toBe(false);
  });
});
