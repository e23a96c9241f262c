import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { jittered, longerPause, paused } from '../../../../lib/store/batching/backoff.js';

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

describe('A pause', () => {
  it('grows twice as long each time, up to a limit', () => {
    expect([longerPause(1), longerPause(25), longerPause(26), longerPause(80, 100)]).toEqual([2, 50, 50, 100]);
  });

  it('is half to one and a half times as long as it is called', () => {
    const random = jest.spyOn(Math, 'random').mockReturnValue(0);
    expect(jittered(10)).toBe(5);
    random.mockReturnValue(0.9);
    expect(jittered(10)).toBe(14);
  });

  it('is waited for, unless there is no such time left', async () => {
    jest.useFakeTimers();
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    const waiting = paused(10, 11);
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(10);
    expect([await waiting, await paused(10, 10), await paused(10, 9)]).toEqual([true, false, false]);
  });
});
