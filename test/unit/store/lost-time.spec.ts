import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { LostTime } from '../../../lib/store/lost-time.js';

afterEach(() => {
  jest.useRealTimers();
});

describe('The time that this process has lost', () => {
  it('is counted from the start, by a timer that keeps no process alive', () => {
    const interval = jest.spyOn(globalThis, 'setInterval');
    const lost = new LostTime();
    lost.start();
    const timer = interval.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
    expect(lost.total(performance.now() + 10_000)).toBeGreaterThan(9_900);
    lost.stop();
    interval.mockRestore();
  });

  it('is that by which its timer is late, beyond 25 ms', () => {
    jest.useFakeTimers();
    const lost = new LostTime();
    expect(lost.total()).toBe(0);
    lost.start();
    const start = performance.now();
    jest.advanceTimersByTime(200);
    expect([lost.total(), lost.total(start + 275), lost.total(start + 350)]).toEqual([0, 0, 100]);
    expect(lost.total(start + 351)).toBe(100);
    lost.stop();
    expect([jest.getTimerCount(), lost.total(start + 10_000)]).toEqual([0, 100]);
    lost.stop();
    lost.start();
    expect(lost.total()).toBe(100);
    lost.stop();
  });
});
