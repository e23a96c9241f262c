import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { withTimeLimit } from '../../../lib/store/time-limit.js';
import { blockFor } from '../../support/block.js';

afterEach(() => {
  jest.useRealTimers();
});

describe('withTimeLimit', () => {
  it('gives what had arrived while a handler computed', async () => {
    jest.useRealTimers();
    const nextTurn = (): Promise<string> => new Promise((resolve) => setImmediate(resolve, 'arrived'));
    // Timers come first then.
    await nextTurn();
    const outcome = withTimeLimit(nextTurn(), 10, () => 'late');
    blockFor(30);
    expect(await outcome).toBe('arrived');
  });

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  });

  it('gives what comes in time, or the error, and leaves no timer', async () => {
    const late = (): never => {
      throw new Error('late');
    };
    expect(await withTimeLimit(Promise.resolve(1), 100, late)).toBe(1);
    const error = new Error('failed');
    await expect(withTimeLimit(Promise.reject(error), 100, late)).rejects.toBe(error);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('gives what stands in for it once the time is up', async () => {
    const never = new Promise<never>(() => {});
    const outcome = withTimeLimit(never, 100, () => 'late');
    let settled: unknown = 'not yet';
    void outcome.then((value) => (settled = value));
    await jest.advanceTimersByTimeAsync(99);
    expect(settled).toBe('not yet');
    await jest.advanceTimersByTimeAsync(1);
    expect(settled).toBe('late');
  });
});
