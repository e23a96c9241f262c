import type { OutgoingHttpHeader, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { turns } from '../../support/turns.js';
import { closeServers, exchange } from './gate-server.js';

afterEach(closeServers);

const PAIRS = [
  ['X-One', '1'],
  ['Set-Cookie', 'a=1'],
  ['Set-Cookie', 'b=2'],
];

/** Adds a cookie as the library does: to those that are there. */
function addCookie(response: ServerResponse): void {
  response.setHeader('Set-Cookie', [...[response.getHeader('Set-Cookie') ?? []].flat().map(String), 'sid=x']);
}

const forms: [string, (response: ServerResponse) => unknown][] = [
  ['an object', (response) => response.writeHead(201, { 'X-One': '1', 'Set-Cookie': ['a=1', 'b=2'] })],
  [
    'an object after a message',
    (response) => response.writeHead(201, 'Made', { 'X-One': '1', 'Set-Cookie': ['a=1', 'b=2'] }),
  ],
  ['a flat array', (response) => response.writeHead(201, PAIRS.flat())],
  ['a flat array after a message', (response) => response.writeHead(201, 'Made', PAIRS.flat())],
  [
    'a flat array with an array as value',
    (response) => response.writeHead(201, ['X-One', '1', 'Set-Cookie', ['a=1', 'b=2']] as OutgoingHttpHeader[]),
  ],
  ['an array of pairs', (response) => response.writeHead(201, PAIRS as unknown as OutgoingHttpHeader[])],
];

describe.each([
  ['held', true],
  ['passed on', false],
])('headers given to a writeHead that is %s', (_what, pending) => {
  it.each(forms)('as %s arrive, with what is added at the last moment', async (_form, write) => {
    const { response, keeper, answer } = await exchange();
    keeper.pending = pending;
    keeper.amend = () => addCookie(response);
    write(response);
    response.end('body');
    keeper.release();
    const { status, headers, body } = await answer;
    expect([status, headers['x-one'], headers['set-cookie'], body.toString()]).toEqual([
      201,
      '1',
      ['a=1', 'b=2', 'sid=x'],
      'body',
    ]);
  });

  it('take the place of those that were set before', async () => {
    const { response, keeper, answer } = await exchange();
    keeper.pending = pending;
    response.setHeader('Content-Type', 'text/plain');
    response.setHeader('Set-Cookie', 'old=1');
    response.setHeader('X-Kept', 'yes');
    response.writeHead(200, ['content-type', 'text/html', 'set-cookie', 'new=1']);
    response.end();
    keeper.release();
    const { headers } = await answer;
    expect([headers['content-type'], headers['set-cookie'], headers['x-kept']]).toEqual([
      'text/html',
      ['new=1'],
      'yes',
    ]);
  });

  it('may be numbers, and keep the case they were written in', async () => {
    const { response, keeper, answer } = await exchange();
    keeper.pending = pending;
    response.writeHead(200, { 'Content-LENGTH': 2, 'X-CamelCase': 'Value' });
    response.end('ab');
    keeper.release();
    const { rawHeaders, headers } = await answer;
    expect(rawHeaders).toEqual(expect.arrayContaining(['Content-LENGTH', '2', 'X-CamelCase', 'Value']));
    expect(headers['transfer-encoding']).toBeUndefined();
  });

  it('that are undefined, or have no value, are left out, and the message is Node’s where none is given', async () => {
    for (const args of [[{ 'X-One': '1', 'X-Two': undefined }], [['X-One', '1', 'X-Two']], [undefined]]) {
      const { response, keeper, answer } = await exchange();
      response.writeHead(200, ...(args as [OutgoingHttpHeader[]]));
      keeper.release();
      await turns();
      response.end();
      const { statusText, headers } = await answer;
      expect([statusText, headers['x-one'], headers['x-two']]).toEqual(['OK', args[0] && '1', undefined]);
    }
  });

  it('are those of the call, whatever becomes of its object or array until they are sent', async () => {
    for (const given of [{ 'X-One': '1' }, ['X-One', '1']]) {
      const { response, keeper, answer } = await exchange();
      response.writeHead(200, given as OutgoingHttpHeader[]);
      if (Array.isArray(given)) given[1] = 'changed';
      else given['X-One'] = 'changed';
      response.end();
      keeper.release();
      expect((await answer).headers['x-one']).toBe('1');
    }
  });

  it('keep the message', async () => {
    const { response, keeper, answer } = await exchange();
    keeper.pending = pending;
    response.writeHead(404, 'Nothing here');
    response.end();
    keeper.release();
    expect(await answer).toMatchObject({ status: 404, statusText: 'Nothing here' });
  });
});

describe('headers without writeHead', () => {
  it.each<[string, (response: ServerResponse) => unknown]>([
    ['end', (response) => response.end('body')],
    ['write', (response) => [response.write('body'), response.end()]],
    ['flushHeaders', (response) => [response.flushHeaders(), response.end('body')]],
  ])('are amended before %s sends them', async (_what, write) => {
    for (const pending of [true, false]) {
      const { response, keeper, answer } = await exchange();
      keeper.pending = pending;
      keeper.amend = () => addCookie(response);
      response.setHeader('Set-Cookie', 'a=1');
      write(response);
      keeper.release();
      expect((await answer).headers['set-cookie']).toEqual(['a=1', 'sid=x']);
    }
  });

  it('are amended after the session was stored, not before', async () => {
    const { response, keeper, answer } = await exchange();
    response.end();
    expect(keeper.amended).toBe(0);
    keeper.release();
    await answer;
    expect(keeper.amended).toBe(1);
  });
});

describe('methods that were replaced', () => {
  it('before the gate are called by it, once each and with the response as `this`', async () => {
    const calls: string[] = [];
    const { response, keeper, answer } = await exchange((bare) => {
      for (const method of ['writeHead', 'write', 'end'] as const) {
        // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
        const original = bare[method] as (...args: unknown[]) => unknown;
        bare[method] = function (this: ServerResponse, ...args: unknown[]) {
          calls.push(`${method} ${this === bare}`);
          return original.apply(this, args);
        } as never;
      }
    });
    response.writeHead(200);
    response.write('a');
    response.end('b');
    expect(calls).toEqual([]);
    keeper.release();
    await answer;
    expect(calls).toEqual(['writeHead true', 'write true', 'end true']);
  });

  it('after the gate see each call once', async () => {
    const { response, keeper, answer } = await exchange();
    let calls = 0;
    const gated = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
    response.end = ((...args: unknown[]) => {
      calls++;
      return gated(...args);
    }) as typeof response.end;
    response.end('a');
    keeper.release();
    await answer;
    expect(calls).toBe(1);
  });
});

describe('What was wrong once', () => {
  // Node: writeHead(status[, reason[, headers]]), where a reason that is no text counts as absent.
  it.each([undefined, null])('headers after a message of %p arrive', async (message) => {
    const { response, keeper, answer } = await exchange();
    (response.writeHead as (...args: unknown[]) => unknown)(200, message, { 'X-One': '1' });
    response.end();
    keeper.release();
    expect((await answer).headers['x-one']).toBe('1');
  });
});
