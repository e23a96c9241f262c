import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { untilDeadline } from '../../../lib/store/until-deadline.js';

describe('untilDeadline', () => {
  const LATE = new Error('late');
  let told: number;
  /** By how much the clock of the deadline has stood still, in milliseconds. */
  let stood: number;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    [told, stood] = [0, 0];
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const late = (): Error => {
    told += 1;
    return LATE;
  };

  /** Says what has come of a promise that has so many milliseconds. */
  function outcomeOf(promise: Promise<unknown>, time: number): () => unknown {
    let outcome: unknown = 'nothing yet';
    const end = performance.now() + time;
    untilDeadline(promise, () => end - (performance.now() - stood), late).then(
      (value) => (outcome = value),
      (error: unknown) => (outcome = error),
    );
    return () => outcome;
  }
  async function pass(time: number): Promise<void> {
    await jest.advanceTimersByTimeAsync(time);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const never = new Promise<never>(() => {});

  it('gives what comes in time, or its error, and leaves no timer', async () => {
    const error = new Error('failed');
    const outcomes = [outcomeOf(Promise.resolve(1), 100), outcomeOf(Promise.reject(error), 100)];
    await pass(0);
    expect([outcomes.map((outcome) => outcome()), jest.getTimerCount(), told]).toEqual([[1, error], 0, 0]);
  });

  it('fails when the time is up, by five milliseconds, for a timer may be early', async () => {
    const [outcome, without] = [outcomeOf(never, 99.5), outcomeOf(never, -50)];
    await pass(4);
    expect(without()).toBe('nothing yet');
    await pass(1);
    expect(without()).toBe(LATE);
    await pass(99);
    expect(outcome()).toBe('nothing yet');
    await pass(1);
    expect([outcome(), told, jest.getTimerCount()]).toEqual([LATE, 2, 0]);
  });

  it('waits for as much longer as the clock has stood still meanwhile', async () => {
    const outcome = outcomeOf(never, 100);
    stood = 50;
    await pass(105);
    expect(outcome()).toBe('nothing yet');
    await pass(49);
    expect(outcome()).toBe('nothing yet');
    await pass(1);
    expect(outcome()).toBe(LATE);
  });

  it('fails where nothing is left, to the millisecond', async () => {
    const outcome = outcomeOf(never, 100);
    stood = 5;
    await pass(105);
    expect(outcome()).toBe(LATE);
  });

  it.each([0, 50])('takes in what has arrived by then, where the clock has stood still for %i ms', async (time) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    // Read after timers, as what arrives is.
    setTimeout(() => setImmediate(() => resolve('arrived')), 105);
    const outcome = outcomeOf(promise, 100);
    stood = time;
    // Both timers in one turn of the event loop.
    jest.advanceTimersByTime(105);
    await pass(0);
    expect([outcome(), told, jest.getTimerCount()]).toEqual(['arrived', 0, 0]);
  });
});
