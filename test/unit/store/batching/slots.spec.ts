import { describe, expect, it } from '@jest/globals';
import { Slots } from '../../../../lib/store/batching/slots.js';
import { slotsOf } from '../../../../lib/store/postgres/queues.js';
import { turn } from './fake-database.js';

/** Starts tasks that end when they are told. */
function started(slots: Slots, count: number): { readonly begun: number[]; end(task: number): Promise<void> } {
  const begun: number[] = [];
  const ends = Array.from({ length: count }, () => Promise.withResolvers<void>());
  for (const [task, { promise }] of ends.entries()) {
    slots.run(() => {
      begun.push(task);
      return promise;
    });
  }
  return {
    begun,
    end: async (task) => {
      ends[task]?.resolve();
      await turn();
    },
  };
}

describe('Slots', () => {
  it('run so many tasks at a time, and the others in the order in which they came', async () => {
    const tasks = started(new Slots(2), 5);
    expect(tasks.begun).toEqual([0, 1]);
    await tasks.end(1);
    expect(tasks.begun).toEqual([0, 1, 2]);
    await tasks.end(0);
    await tasks.end(2);
    expect(tasks.begun).toEqual([0, 1, 2, 3, 4]);
  });

  it.each([
    [1, 1],
    [4, 1],
    [6, 2],
    [10, 4],
    [50, 4],
    [null, 4],
  ])('of a store with %p connections are %i: most connections are for others', (connections, most) => {
    expect(started(slotsOf(connections), 9).begun).toHaveLength(most);
  });
});
