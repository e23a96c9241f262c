import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { LostTime } from '../../../../lib/store/lost-time.js';
import { Line, SILENCE } from '../../../../lib/store/redis/line.js';

describe('The line of a client', () => {
  /** In milliseconds. */
  const TO_CONNECT = 5_000;
  const A_BIT = 10;
  let lost: number;
  let line: Line;
  const end = jest.fn();

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    lost = 0;
    line = new Line({ time: () => performance.now() - lost } as LostTime, TO_CONNECT);
    end.mockReset();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  async function pass(time: number): Promise<void> {
    await jest.advanceTimersByTimeAsync(time);
    await new Promise((resolve) => setImmediate(resolve));
  }

  it('ends a connection on which nothing happens, and the next one, too', async () => {
    for (const times of [1, 2]) {
      line.addEventListener('abort', end);
      await pass(TO_CONNECT - A_BIT);
      expect(end).toHaveBeenCalledTimes(times - 1);
      await pass(2 * A_BIT);
      expect(end).toHaveBeenCalledTimes(times);
    }
  });

  it('ends one that was alive, and is silent; by a clock that stands still while this process cannot listen', async () => {
    line.addEventListener('abort', end);
    await pass(TO_CONNECT / 2);
    line.alive();
    for (let times = 0; times < 5; times++) {
      await pass(SILENCE - A_BIT);
      line.alive();
    }
    lost = SILENCE;
    await pass(2 * SILENCE - A_BIT);
    expect(end).not.toHaveBeenCalled();
    await pass(2 * A_BIT);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('listens to what has arrived by then', async () => {
    // Read after timers.
    setTimeout(() => setImmediate(() => line.alive()), TO_CONNECT + 5);
    line.addEventListener('abort', end);
    // Both timers in one turn of the event loop.
    jest.advanceTimersByTime(TO_CONNECT + 5);
    await pass(0);
    expect(end).not.toHaveBeenCalled();
  });

  it('leaves no timer to a connection that has ended, and keeps no process alive', async () => {
    const timer = jest.spyOn(globalThis, 'setTimeout');
    line.addEventListener('abort', end);
    const set = timer.mock.results[0]?.value as NodeJS.Timeout;
    expect(set.hasRef()).toBe(false);
    line.removeEventListener('abort', end);
    expect(jest.getTimerCount()).toBe(0);
    await pass(2 * TO_CONNECT);
    expect(end).not.toHaveBeenCalled();
    timer.mockRestore();
  });
});
