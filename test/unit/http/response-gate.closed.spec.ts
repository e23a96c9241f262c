import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { installGate } from '../../../lib/http/response-gate.js';
import { closeServers, type Exchange, exchange, ManualKeeper, turns } from './gate-server.js';

afterEach(closeServers);

/** A response whose client goes away. */
async function abandoned(): Promise<Exchange> {
  const on = await exchange();
  const closed = once(on.response, 'close');
  on.socket.destroy();
  await closed;
  return on;
}

describe('a response that closes', () => {
  it('before anything was answered is told of, once', async () => {
    const { keeper } = await abandoned();
    await turns();
    expect([keeper.abandonments, keeper.streams, keeper.asked]).toEqual([1, 0, 0]);
  });

  it.each<[string, (response: ServerResponse, keeper: ManualKeeper) => unknown]>([
    ['has ended', (response) => response.end('all')],
    ['has begun', (response) => response.write('a')],
    ['is held', (response, keeper) => ((keeper.pending = true), response.end('all'))],
  ])('and %s is not', async (_what, answer) => {
    const { response, keeper, socket } = await exchange();
    keeper.pending = false;
    answer(response, keeper);
    const closed = once(response, 'close');
    await turns();
    socket.destroy();
    await closed;
    expect([keeper.abandonments, keeper.streams]).toEqual([0, 0]);
  });

  it.each<[string, (response: ServerResponse) => unknown]>([
    ['pipe()', (response) => Readable.from(['a']).pipe(response)],
    ['pipeline(), which throws,', (response) => pipeline(Readable.from(['a']), response, () => {})],
    [
      'pipeline() of an iterable',
      (response) =>
        pipeline(
          async function* () {},
          response,
          () => {},
        ),
    ],
  ])('has what is there stored when %s is called', async (_what, stream) => {
    const { response, keeper } = await abandoned();
    try {
      stream(response);
    } catch {
      // Of pipeline(). What answers that error comes too late.
    }
    await turns();
    expect(keeper.streams).toBeGreaterThan(0);
  });

  it('has what is there stored at once where a stream waits for its source', async () => {
    const { response, keeper, socket } = await exchange();
    pipeline(new Readable({ read: () => {} }), response, () => {});
    let streams = 0;
    const closed = once(response, 'close').then(() => (streams = keeper.streams));
    socket.destroy();
    await closed;
    expect(streams).toBe(1);
  });

  it('is told of to keepers that come later', async () => {
    const { response } = await abandoned();
    const later = new ManualKeeper(response);
    installGate(response, later);
    expect(later.abandonments).toBe(1);
  });

  it('before it has a gate is told of as it is given one', async () => {
    const { keeper } = await exchange((response) =>
      Object.defineProperty(response, 'closed', { value: true, configurable: true }),
    );
    expect(keeper.abandonments).toBe(1);
  });

  it('still settles by what the handler answers after all', async () => {
    const { response, keeper } = await abandoned();
    response.statusCode = 201;
    response.end('late');
    keeper.release();
    await turns();
    expect([keeper.settled, keeper.ends]).toEqual([[201], 1]);
  });
});
