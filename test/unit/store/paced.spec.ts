import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { paced } from '../../../lib/store/paced.js';

describe('paced()', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it.each([
    { removed: 100, rest: 20 },
    { removed: 500, rest: 100 },
    { removed: 0, rest: 2 },
  ])('rests for $rest ms after a batch of $removed rows', async ({ removed, rest }) => {
    let asked = 0;
    const handedOn: number[] = [];
    async function* batches(): AsyncGenerator<readonly string[]> {
      for (; asked < 2;) {
        asked += 1;
        yield await Promise.resolve(Array.from({ length: removed }, (_, index) => `${asked}.${index}`));
      }
    }
    const done = (async () => {
      for await (const batch of paced(batches())) handedOn.push(batch.length);
    })();
    await jest.advanceTimersByTimeAsync(rest - 1);
    expect({ asked, handedOn }).toEqual({ asked: 1, handedOn: [removed] });
    await jest.advanceTimersByTimeAsync(1);
    expect({ asked, handedOn }).toEqual({ asked: 2, handedOn: [removed, removed] });
    await jest.advanceTimersByTimeAsync(rest);
    await done;
  });
});
