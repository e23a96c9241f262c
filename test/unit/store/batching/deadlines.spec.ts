import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { deadlinesOf, watchDeadlines } from '../../../../lib/store/batching/deadlines.js';

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

describe('Deadlines', () => {
  it('have a first and a last', () => {
    expect(deadlinesOf([{ deadline: 2 }, { deadline: 1 }, { deadline: 3 }])).toEqual({ first: 1, last: 3 });
  });

  it('reject each waiter soon after its own, until the watch is ended', () => {
    jest.useFakeTimers({ doNotFake: ['performance'] });
    jest.spyOn(globalThis, 'setImmediate').mockImplementation(((callback: () => void) => callback()) as never);
    const rejected: string[] = [];
    const waiter = (name: string, deadline: number) => ({
      deadline,
      reject: (error: unknown) => rejected.push(`${name} ${String(error)}`),
    });
    let now = 1_000;
    const pass = (time: number): void => {
      now += time;
      jest.advanceTimersByTime(time);
    };
    const waiters = [waiter('late', 900), waiter('b', 1_100), waiter('a', 1_050), waiter('c', 1_200)];
    const end = watchDeadlines(
      waiters,
      () => now,
      () => 'error' as never,
    );
    expect(rejected).toEqual(['late error']);
    pass(59);
    expect(rejected).toEqual(['late error']);
    pass(1);
    expect(rejected).toEqual(['late error', 'a error']);
    pass(50);
    expect(rejected).toEqual(['late error', 'a error', 'b error']);
    end();
    expect(jest.getTimerCount()).toBe(0);
    pass(200);
    expect(rejected).toHaveLength(3);
  });

  it('reject nothing once the watch is ended, also where the last of what has arrived is still being taken in', () => {
    jest.useFakeTimers({ doNotFake: ['performance'] });
    const arrivals: (() => void)[] = [];
    jest
      .spyOn(globalThis, 'setImmediate')
      .mockImplementation(((callback: () => void) => arrivals.push(callback)) as never);
    let errors = 0;
    const waiters = [{ deadline: 5, reject: () => {} }];
    const end = watchDeadlines(
      waiters,
      () => (arrivals.length === 0 ? 0 : 100),
      () => new Error(String(++errors)),
    );
    jest.advanceTimersByTime(14);
    expect(arrivals).toHaveLength(0);
    jest.advanceTimersByTime(86);
    expect(arrivals).toHaveLength(1);
    end();
    arrivals[0]?.();
    expect([errors, jest.getTimerCount()]).toEqual([0, 0]);
  });

  it('are watched no longer once the last is over', () => {
    jest.useFakeTimers();
    watchDeadlines(
      [{ deadline: 5, reject: () => {} }],
      () => 100,
      () => new Error(),
    )();
    watchDeadlines(
      [{ deadline: 5, reject: () => {} }],
      () => 100,
      () => new Error(),
    );
    expect(jest.getTimerCount()).toBe(0);
  });
});
