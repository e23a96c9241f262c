import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SessionStoreUnavailableError } from '../../../../lib/session.errors.js';
import { QueueMeter } from '../../../../lib/stats/queue-meter.js';
import { LookupBatcher } from '../../../../lib/store/batching/lookup-batcher.js';
import { marksOne } from '../../../../lib/store/batching/splitting.js';

interface Found {
  readonly id: string;
}
const NEVER = 1e9;
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('A look-up', () => {
  let meter: QueueMeter;
  let time: number;
  let statements: string[][];
  let answer: (ids: readonly string[]) => Promise<Found[]>;
  const sent: [string, number][] = [];
  const all = async (ids: readonly string[]): Promise<Found[]> => ids.map((id) => ({ id }));

  const open = (limits?: { sessions: number; underWay: number }) =>
    new LookupBatcher<Found>(
      {
        now: () => time,
        findMany: (ids) => {
          statements.push([...ids]);
          return answer(ids);
        },
      },
      meter,
      limits,
    );

  beforeEach(() => {
    meter = new QueueMeter('find');
    sent.length = 0;
    meter.observer = { sent: (queue: string, size: number) => sent.push([queue, size]), waited: () => {} } as never;
    time = 0;
    statements = [];
    answer = all;
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('is counted while it waits, and with the statement that it is sent in', async () => {
    const batcher = open();
    const finds = [batcher.find('a', NEVER), batcher.find('b', NEVER), batcher.find('a', NEVER)];
    expect([meter.waiting, sent]).toEqual([3, []]);
    expect(await Promise.all(finds)).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'a' }]);
    expect([meter.waiting, sent, statements]).toEqual([0, [['find', 3]], [['a', 'b']]]);
  });

  it('that waits too long is refused, counted, and sent in no statement', async () => {
    const batcher = open();
    const finding = batcher.find('a', 5);
    time = 5;
    const error = (await finding.catch((reason: unknown) => reason)) as Error;
    expect(error).toBeInstanceOf(SessionStoreUnavailableError);
    expect([error.message, error.cause]).toEqual([
      expect.stringContaining('could not find a session'),
      new Error('its turn did not come in time: the database is slow'),
    ]);
    expect([meter.late, meter.waiting, statements, sent]).toEqual([1, 0, [], []]);
  });

  it('that the database is slow to answer is refused soon after its deadline', async () => {
    const batcher = open();
    answer = () => new Promise(() => {});
    const finding = batcher.find('a', 20);
    await turn();
    time = 40;
    await expect(finding).rejects.toThrow('could not find a session');
    expect(meter.late).toBe(1);
  });

  it('is tried by itself where the database refuses a statement, maybe for one of its sessions', async () => {
    const batcher = open();
    const refused = marksOne(new Error('of b'));
    answer = (ids) => (ids.includes('b') ? Promise.reject(refused) : all(ids));
    const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((id) => batcher.find(id, NEVER)));
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value?.id : one.reason))).toEqual([
      'a',
      refused,
      'c',
      'd',
    ]);
    expect(statements).toEqual([['a', 'b', 'c', 'd'], ['a', 'b'], ['a'], ['b'], ['c', 'd']]);
  });

  it('fails with its statement for any other reason', async () => {
    const batcher = open();
    const down = new Error('down');
    answer = () => Promise.reject(down);
    const outcomes = await Promise.allSettled(['a', 'b'].map((id) => batcher.find(id, NEVER)));
    expect(outcomes).toEqual([
      { status: 'rejected', reason: down },
      { status: 'rejected', reason: down },
    ]);
    expect(statements).toEqual([['a', 'b']]);
  });

  it('waits five milliseconds for company at most, while a bigger statement is under way', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
    const batcher = open();
    const first = Promise.withResolvers<Found[]>();
    answer = () => first.promise;
    const finds = [batcher.find('a', NEVER), batcher.find('b', NEVER)];
    await turn();
    answer = all;
    finds.push(batcher.find('c', NEVER));
    await turn();
    expect(statements).toEqual([['a', 'b']]);
    jest.advanceTimersByTime(4);
    expect(statements).toHaveLength(1);
    jest.advanceTimersByTime(1);
    expect(statements).toEqual([['a', 'b'], ['c']]);
    first.resolve([]);
    await Promise.all(finds);
    await turn();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('waits for company as well where the smaller of two statements has been answered', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
    const batcher = open();
    const gates = [Promise.withResolvers<Found[]>(), Promise.withResolvers<Found[]>()] as const;
    answer = () => gates[0].promise;
    const finds = [batcher.find('a', NEVER), batcher.find('b', NEVER)];
    await turn();
    answer = () => gates[1].promise;
    finds.push(batcher.find('c', NEVER));
    await turn();
    jest.advanceTimersByTime(5);
    expect(statements).toEqual([['a', 'b'], ['c']]);
    answer = all;
    finds.push(batcher.find('d', NEVER));
    gates[1].resolve([]);
    await turn();
    expect(statements).toHaveLength(2);
    jest.advanceTimersByTime(5);
    expect(statements.slice(2)).toEqual([['d']]);
    gates[0].resolve([]);
    await Promise.all(finds);
  });

  it('joins one of the same session where the statement has no room for another', async () => {
    const batcher = open({ sessions: 1, underWay: 2 });
    const finds = ['a', 'a', 'b', 'b'].map((id) => batcher.find(id, NEVER));
    expect(await Promise.all(finds)).toHaveLength(4);
    expect(statements).toEqual([['a'], ['b']]);
  });

  it('passes over a session that it did not ask for', async () => {
    const batcher = open();
    answer = async () => [{ id: 'other' }, { id: 'a' }];
    expect(await batcher.find('a', NEVER)).toEqual({ id: 'a' });
  });

  it('waits no longer once there is company enough', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
    const batcher = open();
    const first = Promise.withResolvers<Found[]>();
    answer = () => first.promise;
    const finds = ['a', 'b'].map((id) => batcher.find(id, NEVER));
    await turn();
    answer = all;
    finds.push(batcher.find('c', NEVER));
    await turn();
    expect(jest.getTimerCount()).toBeGreaterThan(1);
    finds.push(batcher.find('d', NEVER));
    await turn();
    expect(statements).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    first.resolve([]);
    await Promise.all(finds);
    await turn();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('waits for the statements that are under way, of which there are no more than may be', async () => {
    const batcher = open({ sessions: 1, underWay: 2 });
    const gates: (() => void)[] = [];
    answer = (ids) => new Promise((resolve) => gates.push(() => resolve(ids.map((id) => ({ id })))));
    const finds = ['a', 'b', 'c', 'd'].map((id) => batcher.find(id, NEVER));
    await turn();
    expect(statements).toEqual([['a'], ['b']]);
    finds.push(batcher.find('e', NEVER));
    await turn();
    expect(statements).toHaveLength(2);
    while (gates.length > 0) {
      gates.shift()?.();
      await turn();
    }
    expect(await Promise.all(finds)).toHaveLength(5);
    expect(statements.flat()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
