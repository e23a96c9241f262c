import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Gatekeeper } from '../../../lib/http/gatekeeper.js';
import { canBeGated, installGate } from '../../../lib/http/response-gate.js';
import { turns } from '../../support/turns.js';
import { closeServers, exchange } from './gate-server.js';

afterEach(closeServers);

describe('where the session could not be stored', () => {
  it.each<[string, (response: ServerResponse) => unknown]>([
    ['end', (response) => response.end('secret page')],
    ['write', (response) => [response.write('secret'), response.end('page')]],
    ['writeHead', (response) => response.writeHead(200, 'Fine', { 'X-Page': '1' }).end('secret page')],
    ['flushHeaders', (response) => [response.flushHeaders(), response.end('secret page')]],
  ])('the error is the response, in place of what %s had begun', async (_what, send) => {
    const { response, keeper, answer } = await exchange();
    const error = new Error('not stored');
    send(response);
    keeper.refuse(error);
    const { status, statusText, headers, body } = await answer;
    expect([status, statusText, body.toString()]).toEqual([503, 'Service Unavailable', 'failed']);
    expect([headers['x-page'], headers['content-length']]).toEqual([undefined, '6']);
    expect([keeper.errors, keeper.settled.length, keeper.amended]).toEqual([[error], 1, 1]);
  });

  it('the last moment for headers comes after the error response was prepared', async () => {
    const { response, keeper, answer } = await exchange();
    keeper.amend = () => response.setHeader('Set-Cookie', 'sid=x');
    response.end();
    keeper.refuse();
    expect((await answer).headers['set-cookie']).toEqual(['sid=x']);
  });

  it('a stream that waits is not read any further', async () => {
    const { response, keeper, answer } = await exchange();
    let chunks = 0;
    const stream = new Readable({ read: () => stream.push(Buffer.alloc(65_536, chunks++)), highWaterMark: 65_536 });
    stream.pipe(response);
    await turns();
    keeper.refuse();
    expect((await answer).body.toString()).toBe('failed');
    const read = chunks;
    await turns();
    expect(chunks).toBe(read);
    expect(read).toBeLessThanOrEqual(3);
  });

  it('pipeline() settles, and its source is destroyed', async () => {
    const { response, keeper, answer } = await exchange();
    const stream = new Readable({ read: () => stream.push(Buffer.alloc(65_536)) });
    let settled = false;
    void pipeline(stream, response).then(
      () => (settled = true),
      () => (settled = true),
    );
    await turns();
    keeper.refuse();
    await answer;
    if (!response.closed) await once(response, 'close');
    await turns();
    expect([settled, stream.destroyed]).toEqual([true, true]);
  });
});

describe('What was wrong once', () => {
  it('a handler that writes on after the refusal does no harm: the response emits no error', async () => {
    const { response, keeper, answer } = await exchange();
    const errors: unknown[] = [];
    response.on('error', (error) => errors.push(error));
    response.write('a');
    const refused = new Promise<void>((resolve) => (keeper.amend = () => queueMicrotask(resolve)));
    keeper.refuse();
    await refused;
    response.write('b');
    response.end('c');
    expect((await answer).body.toString()).toBe('failed');
    await turns();
    // Without a listener, such an event ends the process.
    expect(errors).toEqual([]);
  });

  it('every write that was dropped is called back, so that no caller waits for ever', async () => {
    const { response, keeper, answer } = await exchange();
    const called: string[] = [];
    response.write('a', () => called.push('write'));
    response.end('b', () => called.push('end'));
    keeper.refuse();
    await answer;
    await turns();
    expect(called).toEqual(['write', 'end']);
  });

  // Node throws these at the caller, where they become a response of 500. Replayed, they reject a promise that nobody
  // holds, which ends the process; and the client waits for ever.
  it.each<[string, (response: ServerResponse) => unknown]>([
    ['a header with a line break', (response) => response.writeHead(302, { Location: '/\r\nX: 1' }).end()],
    ['a header beyond Latin-1', (response) => response.writeHead(302, { Location: '/日本' }).end()],
    ['a status that is none', (response) => response.writeHead(99).end()],
    ['a body that is no text', (response) => response.end(42 as never)],
    ['a chunk that is null', (response) => [response.write(null as never), response.end()]],
  ])(
    '%s in a held call becomes the error response, and does not end the process',
    async (_what, send) => {
      const { response, keeper, answer } = await exchange();
      try {
        send(response);
      } catch {
        response.end('failed');
      }
      keeper.release();
      expect((await answer).body.toString()).toBe('failed');
    },
    2_000,
  );
});

describe('what is still sent after the error', () => {
  it.each<[string, (response: ServerResponse) => unknown]>([
    ['setHeader() and end()', (response) => response.setHeader('X-Late', '1').end('late')],
    ['writeHead()', (response) => response.writeHead(200, { 'X-Late': '1' }).end('late')],
    ['the other headers', (response) => [response.removeHeader('Date'), response.appendHeader('X-Late', '1')]],
    ['setHeaders()', (response) => response.setHeaders(new Map([['X-Late', '1']]))],
    [
      'trailers and what comes before an answer',
      (response) => [response.addTrailers({ a: '1' }), response.writeContinue()],
    ],
    ['early hints', (response) => response.writeEarlyHints({ link: '</style.css>; rel=preload' })],
  ])('goes nowhere, and throws nothing: %s', async (_what, send) => {
    const { response, keeper, answer } = await exchange();
    response.end('first');
    keeper.refuse();
    await turns();
    send(response);
    const { status, headers, body } = await answer;
    expect([status, headers['x-late'], body.toString()]).toEqual([503, undefined, 'failed']);
    expect(response.headersSent).toBe(true);
  });
});

describe('an exception inside the gate', () => {
  it('such as that of a listener, is reported and ends the response', async () => {
    const { response, keeper, answer } = await exchange();
    response.on('drain', () => {
      throw new Error('thrown by a listener');
    });
    response.write('first');
    keeper.release();
    await expect(answer).rejects.toThrow('hang up');
    expect(keeper.reports).toEqual([new Error('thrown by a listener')]);
  });
});

describe('a response with two keepers', () => {
  const second = (pending: boolean) => {
    const calls: string[] = [];
    const keeper: Gatekeeper = {
      settleAnswer: (status) => (pending ? Promise.resolve(void calls.push(`settle ${status}`)) : null),
      owesMore: () => false,
      beforeHeaders: () => calls.push('headers') === 0,
      amendHeaders: () => {},
      ended: () => void calls.push('ended'),
      failed: () => (calls.push('failed'), 'failed by the second'),
      report: () => void calls.push('report'),
    };
    return { calls, keeper };
  };

  it('waits for both, in the order in which they came', async () => {
    const { response, keeper, answer } = await exchange();
    const other = second(true);
    expect(installGate(response, other.keeper)).toBe(installGate(response, second(false).keeper));
    response.end('all');
    await turns();
    expect(other.calls).toEqual([]);
    keeper.release();
    expect((await answer).body.toString()).toBe('all');
    expect(other.calls).toEqual(['settle 200', 'headers', 'ended']);
  });

  it('is the error of the one that fails, and the other one drops what it keeps', async () => {
    const { response, keeper, answer } = await exchange();
    const other = second(true);
    installGate(response, other.keeper);
    response.end('all');
    keeper.refuse();
    expect((await answer).body.toString()).toBe('failed');
    expect(other.calls).toEqual(['settle 500', 'headers', 'ended']);
  });
});

describe('canBeGated', () => {
  it('says no to what lacks a part of a response, such as the stand-in of socket.io’s engine', async () => {
    const { response } = await exchange();
    const standIn = { setHeader() {}, getHeader() {}, removeHeader() {}, write() {}, writeHead() {}, end() {} };
    expect([canBeGated(response), canBeGated(standIn), canBeGated({})]).toEqual([true, false, false]);
  });
});
