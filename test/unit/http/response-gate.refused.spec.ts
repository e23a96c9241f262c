import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { canBeGated, installGate, type ResponseGate } from '../../../lib/http/response-gate.js';
import { turns } from '../../support/turns.js';
import { closeServers, type Exchange, exchange } from './gate-server.js';

afterEach(closeServers);

/** A response whose session needs no storing, with its gate. */
async function gated(): Promise<Exchange & { readonly gate: ResponseGate }> {
  const on = await exchange();
  on.keeper.pending = false;
  const keeper = {
    settleAnswer: () => null,
    owesMore: () => false,
    beforeHeaders: () => false,
    amendHeaders() {},
    ended() {},
    failed: () => '',
    report() {},
  };
  return { ...on, gate: installGate(on.response, keeper) };
}

describe('a handler that has failed', () => {
  it('sends nothing any more, until the filter answers in its place', async () => {
    const { response, gate, answer } = await gated();
    response.setHeader('X-Before', '1');
    gate.refuseHandler();
    const called: unknown[] = [];
    response.setHeader('X-Late', '1');
    expect(response.write('handler', (error) => called.push(error))).toBe(true);
    response.statusCode = 418;
    expect(response.end('late')).toBe(response);
    await turns();
    expect(called).toEqual([new Error('An error was sent instead: the session could not be stored.')]);
    expect([response.headersSent, response.writableEnded]).toEqual([false, false]);
    gate.awaitLastAnswer();
    response.setHeader('X-Filter', '1');
    response.end('filter');
    const { status, headers, body } = await answer;
    expect([status, body.toString(), headers['x-before'], headers['x-late'], headers['x-filter']]).toEqual([
      200,
      'filter',
      '1',
      undefined,
      '1',
    ]);
  });

  it('is refused once, however often that is said, and sends nothing besides an answer either', async () => {
    const { response, gate, socket, answer } = await gated();
    gate.refuseHandler();
    gate.refuseHandler();
    response.writeContinue();
    response.writeProcessing();
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.addTrailers({ 'X-Late': '1' });
    await turns();
    expect(socket.bytesWritten).toBe(0);
    gate.awaitLastAnswer();
    response.setHeader('X-Filter', '1');
    response.write('fil');
    response.end('ter');
    const { headers, body, trailers } = await answer;
    expect([headers['x-filter'], body.toString(), trailers]).toEqual(['1', 'filter', {}]);
  });

  it('has answered, where it did so before', async () => {
    const { response, gate, answer } = await gated();
    response.write('handler, ');
    gate.refuseHandler();
    response.end('to the end');
    expect((await answer).body.toString()).toBe('handler, to the end');
  });

  it('is not refused before the gate has seen its answer, where that is out', async () => {
    const on = await exchange((response) => response.write('before'));
    on.keeper.pending = false;
    const gate = installGate(on.response, on.keeper);
    gate.refuseHandler();
    on.response.end(' the gate');
    expect((await on.answer).body.toString()).toBe('before the gate');
  });

  it('is held, where it waits for its session', async () => {
    const { response, keeper, answer } = await exchange();
    const gate = installGate(response, keeper);
    response.write('handler');
    gate.refuseHandler();
    keeper.release();
    await turns();
    response.end();
    expect((await answer).body.toString()).toBe('handler');
  });
});

describe('the last answer', () => {
  it('is followed by nothing: what is sent after its end is dropped, without an error', async () => {
    const { response, gate, answer } = await gated();
    gate.awaitLastAnswer();
    response.end('filter');
    const errors: unknown[] = [];
    response.on('error', (error) => errors.push(error));
    response.setHeader('X-Late', '1');
    response.writeHead(500);
    expect(response.write('late')).toBe(true);
    response.end('late');
    await turns();
    expect([(await answer).body.toString(), errors]).toEqual(['filter', []]);
  });

  it('is the only one that is so: after another, a header is an error as ever', async () => {
    const { response, answer } = await gated();
    response.end('handler');
    expect(() => response.setHeader('X-Late', '1')).toThrow('after they are sent');
    expect((await answer).body.toString()).toBe('handler');
  });

  it('leaves refused what has been answered by an error', async () => {
    const { response, keeper, answer } = await exchange();
    const gate = installGate(response, keeper);
    response.end('handler');
    keeper.refuse();
    await turns();
    gate.awaitLastAnswer();
    response.setHeader('X-Late', '1');
    response.end('late');
    expect((await answer).body.toString()).toBe('failed');
  });
});

describe('a response that is held', () => {
  it.each<[string, (response: ServerResponse) => unknown]>([
    ['writeHead()', (response) => response.writeHead(200)],
    ['setHeader()', (response) => response.setHeader('X-Late', '1')],
    ['appendHeader()', (response) => response.appendHeader('X-Late', '1')],
    ['removeHeader()', (response) => response.removeHeader('X-Late')],
    ['setHeaders()', (response) => response.setHeaders(new Map())],
  ])('throws what Node throws once headers are sent: %s', async (_what, amend) => {
    const { response, keeper, answer } = await exchange();
    response.write('held');
    const expected = { message: 'Cannot set headers after they are sent to the client', code: 'ERR_HTTP_HEADERS_SENT' };
    expect(() => amend(response)).toThrow(expect.objectContaining(expected) as unknown as Error);
    keeper.release();
    response.end();
    await answer;
  });

  it('drops a second end, and gives its callback an error', async () => {
    const { response, keeper, answer } = await exchange();
    const called: unknown[] = [];
    response.end('first');
    response.end('second', (error?: Error) => called.push(error));
    await turns();
    expect(called).toEqual([new Error('An error was sent instead: the session could not be stored.')]);
    keeper.release();
    expect((await answer).body.toString()).toBe('first');
  });

  it('answers an error to each of several responses of a kind', async () => {
    for (let n = 0; n < 2; n++) {
      const { response, keeper, answer } = await exchange();
      response.write('held');
      expect(() => response.setHeader('X-Late', '1')).toThrow('after they are sent');
      keeper.release();
      response.end();
      await answer;
    }
  });

  it('lets a writer that waits for room go on, and no other', async () => {
    const drains = async (send: (response: ServerResponse) => void, outcome: 'release' | 'refuse') => {
      const { response, keeper } = await exchange();
      let count = 0;
      response.on('drain', () => count++);
      send(response);
      keeper[outcome]();
      await turns();
      return count;
    };
    const head = (response: ServerResponse): void => response.writeHead(200).flushHeaders();
    const written = (response: ServerResponse): void => {
      head(response);
      response.write('a');
    };
    expect([await drains(written, 'release'), await drains(head, 'release')]).toEqual([1, 0]);
    expect([await drains(written, 'refuse'), await drains(head, 'refuse')]).toEqual([1, 0]);
  });

  it('has those go on who wait for room in a stream that stands before it, as compression has one', async () => {
    const { response, keeper } = await exchange();
    const stream = new PassThrough();
    const on = response.on.bind(response);
    response.on = ((name: string, listener: () => void) =>
      name === 'drain' ? stream.on(name, listener) : on(name, listener)) as typeof response.on;
    let drains = 0;
    response.on('drain', () => drains++);
    response.write('a');
    keeper.release();
    await turns();
    expect([drains, stream.listenerCount('drain')]).toEqual([1, 1]);
  });

  it('is cut off, over HTTP/2 by an error, where it fails after its headers are out', async () => {
    const { response, keeper } = await exchange();
    const closed: number[] = [];
    Object.assign(response, { stream: { close: (code: number) => closed.push(code) } });
    response.write('a');
    response.end(42 as never);
    keeper.release();
    await turns();
    expect([closed, response.headersSent, keeper.errors]).toEqual([[2], true, []]);
  });
});

describe('canBeGated', () => {
  const PARTS = [
    'setHeader',
    'getHeader',
    'getHeaderNames',
    'removeHeader',
    'writeHead',
    'flushHeaders',
    'write',
    'end',
  ];
  const whole = { headersSent: false, ...Object.fromEntries(PARTS.map((part) => [part, () => {}])) };

  it.each([...PARTS, 'headersSent'])('says no where %s is missing', (part) => {
    const { [part]: _missing, ...rest } = whole as Record<string, unknown>;
    expect([canBeGated(whole), canBeGated(rest)]).toEqual([true, false]);
  });
});
