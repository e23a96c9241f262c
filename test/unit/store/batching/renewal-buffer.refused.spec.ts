import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { SessionId } from '../../../../lib/session/token.js';
import { QueueMeter } from '../../../../lib/stats/queue-meter.js';
import { RenewalBuffer, type RenewalOutcome } from '../../../../lib/store/batching/renewal-buffer.js';
import { marksOne } from '../../../../lib/store/batching/splitting.js';

const FAR = 1e9;

describe('RenewalBuffer, of a store that refuses,', () => {
  let calls: SessionId[][];
  let renewed: SessionId[];
  let failures: unknown[];
  let refused: [SessionId, unknown][];
  let renew: (ids: SessionId[]) => Promise<RenewalOutcome>;
  let meter: QueueMeter;
  let listener: ConstructorParameters<typeof RenewalBuffer>[2];
  const sent: [string, number][] = [];
  const all = async (ids: SessionId[]): Promise<RenewalOutcome> => ({ renewed: ids, locked: [] });

  const open = (every = 1_000): RenewalBuffer =>
    new RenewalBuffer(
      {
        renew: (accesses) => {
          const ids = accesses.map(({ id }) => id);
          calls.push(ids);
          return renew(ids);
        },
      },
      every,
      listener,
      meter,
    );

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    calls = [];
    renewed = [];
    failures = [];
    refused = [];
    sent.length = 0;
    renew = all;
    meter = new QueueMeter('renew');
    meter.observer = { sent: (queue: string, size: number) => sent.push([queue, size]), waited: () => {} } as never;
    listener = {
      renewed: (accesses) => renewed.push(...accesses.map(({ id }) => id)),
      renewalFailed: (error) => failures.push(error),
      renewalRefused: (id, error) => refused.push([id, error]),
    };
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  function add(buffer: RenewalBuffer, ...ids: SessionId[]): void {
    for (const id of ids) buffer.add({ id, at: performance.now(), expiresAt: FAR });
  }

  it('drops the one that the database refuses, and renews the others', async () => {
    const error = marksOne(new Error('of b'));
    renew = (ids) => (ids.includes('b') ? Promise.reject(error) : all(ids));
    const buffer = open();
    add(buffer, 'a', 'b', 'c', 'd');
    await buffer.flush();
    expect([renewed, refused, failures]).toEqual([['a', 'c', 'd'], [['b', error]], []]);
    expect(calls).toEqual([['a', 'b', 'c', 'd'], ['a', 'b'], ['a'], ['b'], ['c', 'd']]);
    await buffer.flush();
    expect([calls.length, meter.waiting]).toEqual([5, 0]);
  });

  it('keeps the others where the store cannot be reached any more', async () => {
    const error = marksOne(new Error('of one'));
    const down = new Error('down');
    renew = (ids) => Promise.reject(ids.length > 2 ? error : down);
    const buffer = open();
    add(buffer, 'a', 'b', 'c', 'd');
    await buffer.flush();
    expect([failures, refused, calls, meter.waiting]).toEqual([
      [down],
      [],
      [
        ['a', 'b', 'c', 'd'],
        ['a', 'b'],
      ],
      4,
    ]);
    renew = all;
    await buffer.flush();
    expect([renewed.toSorted(), meter.waiting]).toEqual([['a', 'b', 'c', 'd'], 0]);
  });

  it('tries none of what is still to be written where the store cannot be reached any more', async () => {
    const ids = Array.from({ length: 300 }, (_, n) => `id${n}`);
    renew = (some) => Promise.reject(some.length > 125 ? marksOne(new Error('of one')) : new Error('down'));
    const buffer = open();
    add(buffer, ...ids);
    await buffer.flush();
    expect([calls.map(({ length }) => length), failures.length, meter.waiting]).toEqual([[250, 125], 1, 300]);
  });

  it('goes on where what is told of it fails', async () => {
    listener = {
      renewed: () => {},
      renewalFailed: () => {
        throw new Error('of the logger');
      },
      renewalRefused: () => {
        throw new Error('of the logger');
      },
    };
    const buffer = open();
    renew = () => Promise.reject(new Error('down'));
    add(buffer, 'a');
    await buffer.flush();
    renew = () => Promise.reject(marksOne(new Error('of a')));
    await buffer.flush();
    renew = all;
    await buffer.flush();
    expect(calls).toEqual([['a'], ['a']]);
  });

  it('counts what waits, what is sent, and what was locked', async () => {
    const buffer = open();
    add(buffer, 'a', 'b');
    add(buffer, 'a');
    expect([meter.waiting, sent]).toEqual([2, []]);
    renew = async () => ({ renewed: ['a'], locked: ['b'] });
    await buffer.flush();
    expect([meter.waiting, meter.locked, sent]).toEqual([1, 1, [['renew', 2]]]);
    renew = all;
    await buffer.flush();
    expect([meter.waiting, meter.locked, sent.length]).toEqual([0, 1, 2]);
  });

  it('is traced as a part of no request', async () => {
    const sizes: number[] = [];
    meter.tracer = {
      origin: () => 'a request',
      batch: (origins: readonly unknown[], send: () => unknown) => {
        sizes.push(origins.length);
        return send();
      },
    } as never;
    const buffer = open();
    add(buffer, 'a');
    await buffer.flush();
    expect([sizes, renewed]).toEqual([[0], ['a']]);
  });

  it('knows for how long the one has waited that waits longest, through attempts that fail', async () => {
    const buffer = open();
    expect(buffer.oldest()).toBe(0);
    jest.advanceTimersByTime(10);
    add(buffer, 'a');
    jest.advanceTimersByTime(100);
    add(buffer, 'b');
    jest.advanceTimersByTime(50);
    expect(buffer.oldest()).toBe(150);
    renew = () => {
      add(buffer, 'a');
      return Promise.reject(new Error('down'));
    };
    await buffer.flush();
    expect(buffer.oldest()).toBe(150);
    renew = all;
    await buffer.flush();
    expect(buffer.oldest()).toBe(0);
  });

  it('counts the time of a statement under way, as nothing is written until it is answered', async () => {
    const buffer = open();
    let answer: (outcome: RenewalOutcome) => void = () => {};
    const sending = new Promise<void>((resolve) => {
      renew = () => {
        resolve();
        return new Promise((done) => (answer = done));
      };
    });
    add(buffer, 'a');
    jest.advanceTimersByTime(100);
    const flushed = buffer.flush();
    await sending;
    jest.advanceTimersByTime(50);
    expect(buffer.oldest()).toBe(150);
    add(buffer, 'b');
    expect(buffer.oldest()).toBe(150);
    answer({ renewed: ['a'], locked: [] });
    await flushed;
    jest.advanceTimersByTime(10);
    expect(buffer.oldest()).toBe(10);
  });

  it('writes what was collected for less than ten milliseconds all at once', async () => {
    const short = open(9);
    add(short, 'a');
    await jest.advanceTimersByTimeAsync(5);
    add(short, 'b');
    await jest.advanceTimersByTimeAsync(3);
    expect(calls).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(calls).toEqual([['a', 'b']]);
    const longer = open(10);
    add(longer, 'c');
    await jest.advanceTimersByTimeAsync(5);
    add(longer, 'd');
    await jest.advanceTimersByTimeAsync(100);
    expect(calls.slice(1)).toEqual([['c'], ['d']]);
  });

  it('writes at once what would expire before it is written', async () => {
    const buffer = open();
    jest.advanceTimersByTime(10_000);
    buffer.add({ id: 'a', at: 10_000, expiresAt: 12_001 });
    await Promise.resolve();
    expect(calls).toEqual([]);
    buffer.add({ id: 'b', at: 10_000, expiresAt: 12_000 });
    await jest.advanceTimersByTimeAsync(0);
    expect(calls).toEqual([['a', 'b']]);
  });
});
