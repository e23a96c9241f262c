import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { StoreClock } from '../../../lib/store/store-clock.js';

const DATABASE = 1_700_000_000_000;

describe('StoreClock', () => {
  let clock: StoreClock;

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    clock = new StoreClock();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('shows what the database said, and goes on from there', () => {
    clock.observe(DATABASE);
    expect(clock.now()).toBe(DATABASE);
    jest.advanceTimersByTime(1_234);
    expect(clock.now()).toBe(DATABASE + 1_234);
  });

  it('takes no notice of the clock of the application server', () => {
    clock.observe(DATABASE);
    jest.setSystemTime(DATABASE + 86_400_000);
    jest.advanceTimersByTime(1);
    expect(clock.now()).toBe(DATABASE + 1);
  });

  it('follows the first reading, however far back it is', () => {
    clock.observe(-5_000);
    expect(clock.now()).toBe(-5_000);
  });

  it('moves forward with an answer that was faster on its way', () => {
    clock.observe(DATABASE);
    jest.advanceTimersByTime(10);
    clock.observe(DATABASE + 15);
    expect(clock.now()).toBe(DATABASE + 15);
  });

  it('does not move back with an answer that came late', () => {
    clock.observe(DATABASE);
    jest.advanceTimersByTime(500);
    clock.observe(DATABASE + 100);
    expect(clock.now()).toBe(DATABASE + 500);
    jest.advanceTimersByTime(29_499);
    clock.observe(DATABASE + 100);
    expect(clock.now()).toBe(DATABASE + 29_999);
  });

  it('follows the database back once its best reading is half a minute old', () => {
    clock.observe(DATABASE);
    jest.advanceTimersByTime(30_000);
    clock.observe(DATABASE + 20_000);
    expect(clock.now()).toBe(DATABASE + 20_000);
  });

  it('does not take late answers for a sign that its best reading is fresh', () => {
    clock.observe(DATABASE);
    jest.advanceTimersByTime(20_000);
    clock.observe(DATABASE + 15_000);
    jest.advanceTimersByTime(10_000);
    clock.observe(DATABASE + 25_000);
    expect(clock.now()).toBe(DATABASE + 25_000);
  });

  it('starts no half minute anew with a reading that is just as good', () => {
    clock.observe(DATABASE);
    jest.advanceTimersByTime(20_000);
    clock.observe(DATABASE + 20_000);
    jest.advanceTimersByTime(10_000);
    clock.observe(DATABASE + 25_000);
    expect(clock.now()).toBe(DATABASE + 25_000);
  });

  it('starts the half minute anew with each better reading', () => {
    clock.observe(DATABASE);
    jest.advanceTimersByTime(20_000);
    clock.observe(DATABASE + 20_001);
    jest.advanceTimersByTime(20_000);
    clock.observe(DATABASE + 30_000);
    expect(clock.now()).toBe(DATABASE + 40_001);
  });
});
