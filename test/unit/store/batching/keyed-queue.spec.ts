import { beforeEach, describe, expect, it } from '@jest/globals';
import { KeyedQueue } from '../../../../lib/store/batching/keyed-queue.js';
import { mapsWith } from '../maps.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('KeyedQueue', () => {
  let queue: KeyedQueue;
  let events: string[];
  let operations: Map<string, PromiseWithResolvers<string>>;

  beforeEach(() => {
    queue = new KeyedQueue();
    events = [];
    operations = new Map();
  });

  /** Queues an operation that runs until the test settles it; notes when it starts and what became of it. */
  function run(key: string, name: string): void {
    const operation = Promise.withResolvers<string>();
    operations.set(name, operation);
    const started = () => {
      events.push(`${name} starts`);
      return operation.promise;
    };
    queue.run(key, started).then(
      (result) => events.push(`${name} gives ${result}`),
      (error: unknown) => events.push(`${name} fails: ${String(error)}`),
    );
  }

  async function finish(name: string): Promise<void> {
    operations.get(name)?.resolve('its result');
    await turn();
  }

  async function fail(name: string): Promise<void> {
    operations.get(name)?.reject('reason');
    await turn();
  }

  it('runs an operation at once when none of its key is under way', async () => {
    run('key', 'a');
    expect(events).toEqual(['a starts']);
    await finish('a');
    expect(events).toEqual(['a starts', 'a gives its result']);
  });

  it('runs those of one key one after the other, in the order of the calls', async () => {
    for (const name of ['a', 'b', 'c']) run('key', name);
    await turn();
    expect(events).toEqual(['a starts']);
    await finish('c');
    await finish('a');
    expect(events.slice(1).toSorted()).toEqual(['a gives its result', 'b starts']);
    run('key', 'd');
    await finish('b');
    await finish('d');
    expect(events.filter((event) => event.endsWith('starts'))).toEqual([
      'a starts',
      'b starts',
      'c starts',
      'd starts',
    ]);
    expect(events.filter((event) => event.endsWith('result'))).toEqual(
      ['a', 'b', 'c', 'd'].map((name) => `${name} gives its result`),
    );
  });

  it('lets no operation wait for one of another key', async () => {
    run('one', 'a');
    run('one', 'b');
    run('two', 'c');
    expect(events).toEqual(['a starts', 'c starts']);
    await finish('c');
    run('two', 'd');
    expect(events.at(-1)).toBe('d starts');
  });

  it('goes on after an operation that fails, which only its own caller hears of', async () => {
    for (const name of ['a', 'b', 'c']) run('key', name);
    await fail('a');
    await fail('b');
    await finish('c');
    expect(events.toSorted()).toEqual(
      ['a starts', 'a fails: reason', 'b starts', 'b fails: reason', 'c starts', 'c gives its result'].toSorted(),
    );
  });

  it('goes on after an operation that throws instead of rejecting', async () => {
    const thrown = new Error('thrown');
    const throwing = () => {
      throw thrown;
    };
    await expect(queue.run('key', throwing)).rejects.toBe(thrown);
    run('key', 'a');
    const second = queue.run('key', throwing).catch((error: unknown) => error);
    run('key', 'b');
    await finish('a');
    expect(await second).toBe(thrown);
    expect(events).toContain('b starts');
  });

  it('keeps nothing of a key in memory once nothing is under way', async () => {
    const [map] = await mapsWith('one', () => ['a', 'b'].forEach((name) => run('one', name)));
    await finish('a');
    expect([...(map?.keys() ?? [])]).toEqual(['one']);
    await fail('b');
    expect(map?.size).toBe(0);
  });

  it('forgets a key once nothing is under way: the next operation runs at once again', async () => {
    for (const name of ['a', 'b']) run('key', name);
    await finish('a');
    await fail('b');
    run('key', 'c');
    expect(events.at(-1)).toBe('c starts');
    await finish('c');
    run('key', 'd');
    expect(events.at(-1)).toBe('d starts');
  });
});
