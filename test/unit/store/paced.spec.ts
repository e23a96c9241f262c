import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { paced } from '../../../lib/store/paced.js';

describe('paced()', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('asks for the next batch 20 ms after it has handed on the last', async () => {
    const asked: number[] = [];
    async function* batches(): AsyncGenerator<number> {
      for (const batch of [1, 2]) {
        asked.push(batch);
        yield await Promise.resolve(batch);
      }
    }
    const handedOn: number[] = [];
    const done = (async () => {
      for await (const batch of paced(batches())) handedOn.push(batch);
    })();
    await jest.advanceTimersByTimeAsync(19);
    expect({ asked, handedOn }).toEqual({ asked: [1], handedOn: [1] });
    await jest.advanceTimersByTimeAsync(1);
    expect({ asked, handedOn }).toEqual({ asked: [1, 2], handedOn: [1, 2] });
    await jest.advanceTimersByTimeAsync(20);
    await done;
  });
});
