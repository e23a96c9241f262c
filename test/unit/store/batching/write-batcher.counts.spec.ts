import { describe, expect, it } from '@jest/globals';
import { SessionDataError } from '../../../../lib/session.errors.js';
import { QueueMeter } from '../../../../lib/stats/queue-meter.js';
import { WriteBatcher, type Written } from '../../../../lib/store/batching/write-batcher.js';

const NEVER = 1e9;

describe('What a write batcher counts', () => {
  const setUp = (write: (ids: string[]) => Written<string>[]) => {
    const meter = new QueueMeter('commit');
    const sent: [string, number][] = [];
    meter.observer = { sent: (queue: string, size: number) => sent.push([queue, size]), waited: () => {} } as never;
    let time = 0;
    const batcher = new WriteBatcher<{ id: string; deadline: number }, string>({
      operation: 'save a session',
      now: () => time,
      write: async (requests) => write(requests.map(({ id }) => id)),
      meter,
    });
    const pass = (milliseconds: number): void => {
      time += milliseconds;
    };
    return { meter, sent, batcher, pass };
  };

  it('is what waits, and what is sent at a time', async () => {
    const { meter, sent, batcher } = setUp((ids) => ids.map((id) => `wrote ${id}`));
    const writes = ['a', 'b'].map((id) => batcher.write({ id, deadline: NEVER }));
    expect([meter.waiting, sent]).toEqual([2, []]);
    expect(await Promise.all(writes)).toEqual(['wrote a', 'wrote b']);
    expect([meter.waiting, sent]).toEqual([0, [['commit', 2]]]);
  });

  it('is what was locked, which waits again', async () => {
    const outcomes: Written<string>[][] = [['locked', 'locked'], ['a'], ['b']];
    const { meter, batcher } = setUp(() => outcomes.shift() as Written<string>[]);
    await Promise.all(['a', 'b'].map((id) => batcher.write({ id, deadline: NEVER })));
    expect([meter.locked, meter.waiting]).toEqual([2, 0]);
  });

  it('is what came too late, which is told why', async () => {
    const { meter, sent, batcher, pass } = setUp(() => []);
    const writing = batcher.write({ id: 'a', deadline: 5 });
    pass(5);
    const error = (await writing.catch((reason: unknown) => reason)) as Error;
    expect([error.message, error.cause]).toEqual([
      expect.stringContaining('could not save a session'),
      new Error('its turn did not come in time: the database is slow, or another transaction holds the row'),
    ]);
    expect([meter.late, meter.waiting, sent]).toEqual([1, 0, []]);
  });

  it('is nothing of what is refused', async () => {
    const refused = new SessionDataError('a', 'no');
    const { meter, batcher } = setUp(() => [refused]);
    await expect(batcher.write({ id: 'a', deadline: NEVER })).rejects.toBe(refused);
    expect([meter.late, meter.locked, meter.waiting]).toEqual([0, 0, 0]);
  });
});
