import { describe, expect, it } from '@jest/globals';
import { bothKeepers, type Gatekeeper } from '../../../lib/http/gatekeeper.js';

/** A keeper that notes what it is asked. */
function keeper(name: string, calls: string[], settling: Promise<void> | null): Gatekeeper {
  return {
    settleAnswer: (status) => {
      calls.push(`${name} settles ${status}`);
      return settling;
    },
    owesMore: () => name === 'second',
    beforeHeaders: () => (calls.push(`${name} adds headers`), name === 'second'),
    amendHeaders: () => calls.push(`${name} adds them again`),
    ended: () => calls.push(`${name} ends`),
    failed: (error) => `${name} failed: ${(error as Error).message}`,
    report: (error) => calls.push(`${name} reports ${(error as Error).message}`),
  };
}

describe('two keepers as one', () => {
  const error = new Error('down');

  it('have nothing to wait for where neither has', () => {
    const calls: string[] = [];
    const both = bothKeepers(keeper('first', calls, null), keeper('second', calls, null));
    expect(both.settleAnswer(201)).toBeNull();
    expect(both.owesMore()).toBe(true);
    expect(both.beforeHeaders()).toBe(true);
    both.amendHeaders();
    both.ended();
    expect(calls).toEqual([
      'first settles 201',
      'second settles 201',
      'first adds headers',
      'second adds headers',
      'first adds them again',
      'second adds them again',
      'first ends',
      'second ends',
    ]);
  });

  it('wait for one after the other', async () => {
    const calls: string[] = [];
    const second = Promise.withResolvers<void>();
    const both = bothKeepers(keeper('first', calls, Promise.resolve()), keeper('second', calls, second.promise));
    let isSettled = false;
    const settling = both.settleAnswer(200)?.then(() => (isSettled = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([calls, isSettled]).toEqual([['first settles 200', 'second settles 200'], false]);
    second.resolve();
    expect(await settling).toBe(true);
  });

  it('answer what the first fails by, though the second then fails by something else', async () => {
    const other = new Error('gone');
    const [first, second] = [keeper('first', [], Promise.reject(error)), keeper('second', [], Promise.reject(other))];
    await expect(bothKeepers(first, second).settleAnswer(200)).rejects.toBe(error);
  });

  it('have the second drop its changes where the first cannot store its own, and the first say so', async () => {
    const calls: string[] = [];
    const both = bothKeepers(keeper('first', calls, Promise.reject(error)), keeper('second', calls, Promise.resolve()));
    await expect(both.settleAnswer(200)).rejects.toBe(error);
    both.report(error);
    expect([both.failed(error), calls]).toEqual([
      'first failed: down',
      ['first settles 200', 'second settles 500', 'first reports down'],
    ]);
  });

  it.each([null, Promise.resolve()])(
    'have the second say so where it cannot store its own: first %p',
    async (settling) => {
      const calls: string[] = [];
      const both = bothKeepers(keeper('first', calls, settling), keeper('second', calls, Promise.reject(error)));
      await expect(both.settleAnswer(200)).rejects.toBe(error);
      both.report(error);
      expect([both.failed(error), calls.at(-1)]).toEqual(['second failed: down', 'second reports down']);
    },
  );
});
