import { describe, expect, it } from '@jest/globals';
import { OneAtATime } from '../../../lib/session/one-at-a-time.js';

describe('OneAtATime', () => {
  it('starts the first operation at once, and each other one when those before it are done, failed or not', async () => {
    const log: string[] = [];
    const operations = new OneAtATime(() => log.push('idle'));
    const first = Promise.withResolvers<void>();
    const operation = (name: string, until?: Promise<void>) => async (): Promise<string> => {
      log.push(name);
      await until;
      return name;
    };
    const one = operations.run(operation('one', first.promise));
    const two = operations.run(operation('two'));
    const three = operations.run(operation('three'));
    expect([log, operations.isBusy]).toEqual([['one'], true]);
    const error = new Error('failed');
    first.reject(error);
    await expect(one).rejects.toBe(error);
    expect(await Promise.all([two, three])).toEqual(['two', 'three']);
    await new Promise((resolve) => setImmediate(resolve));
    expect([log, operations.isBusy]).toEqual([['one', 'two', 'three', 'idle'], false]);
  });

  it('runs a callback before what is queued behind its operation', async () => {
    const log: unknown[] = [];
    const operations = new OneAtATime(() => {});
    const error = new Error('failed');
    operations.runFor(
      (outcome) => log.push(['callback', outcome]),
      () => Promise.reject(error),
    );
    await operations.run(async () => log.push('next'));
    expect(log).toEqual([['callback', error], 'next']);
  });

  it('takes an operation that throws like one that fails', async () => {
    const operations = new OneAtATime();
    const error = new Error('thrown');
    const throwing = (): never => {
      throw error;
    };
    await expect(operations.run(throwing)).rejects.toBe(error);
    expect([operations.isBusy, await operations.run(async () => 'next')]).toEqual([false, 'next']);
  });
});
