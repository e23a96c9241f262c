import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { turns } from '../../support/turns.js';
import { closeServers, type Exchange, exchange, whenHeadersGo } from './gate-server.js';

afterEach(closeServers);

describe('while a session is being stored, the gate', () => {
  it.each<[string, (response: ServerResponse) => unknown]>([
    ['end', (response) => response.end('body')],
    ['end without a body', (response) => response.end()],
    ['write', (response) => response.write('part')],
    ['writeHead', (response) => response.writeHead(204)],
    ['flushHeaders', (response) => response.flushHeaders()],
  ])('holds %s: not a byte goes out', async (_what, send) => {
    const { response, keeper, socket, answer } = await exchange();
    send(response);
    await turns();
    expect(socket.bytesWritten).toBe(0);
    keeper.release();
    if (!response.writableEnded) await turns();
    response.end();
    await answer;
    expect(socket.bytesWritten).toBeGreaterThan(0);
  });

  it('says that the headers are sent, and afterwards what is true', async () => {
    const { response, keeper, answer } = await exchange();
    expect(response.headersSent).toBe(false);
    response.write('a');
    expect(response.headersSent).toBe(true);
    keeper.release();
    await turns();
    expect(Object.hasOwn(response, 'headersSent')).toBe(false);
    expect(response.headersSent).toBe(true);
    response.end();
    await answer;
  });

  it.each([99, 1_000, -1])('lets a handler go on that has caught what Node says of the status %d', async (status) => {
    const { response, keeper, answer } = await exchange();
    keeper.pending = false;
    expect(() => response.writeHead(status)).toThrow('Invalid status code');
    response.end('instead');
    expect((await answer).status).toBe(200);
  });

  it('answers as Node does: a full buffer for write, the response itself for the rest', async () => {
    const { response, keeper, answer } = await exchange();
    expect(response.writeHead(200)).toBe(response);
    expect(response.write('a')).toBe(false);
    expect(response.end()).toBe(response);
    keeper.release();
    await answer;
  });

  it.each([
    ['before the first byte, with the status that is about to be sent', [false, true], [201]],
    ['before the end as well, where more came between the parts of the answer', [true, false], [201, 201]],
  ])('asks %s', async (_, [atEnd, afterwards], settled) => {
    const { response, keeper, answer } = await exchange();
    response.writeHead(201);
    response.write('a');
    response.write('b');
    keeper.owes = atEnd as boolean;
    response.end('c');
    keeper.owes = afterwards as boolean;
    await turns();
    keeper.release();
    await answer;
    expect([keeper.asked, keeper.settled, keeper.amended]).toEqual([settled.length, settled, 1]);
  });

  it.each([
    ['before the gate', true],
    ['after it', false],
  ])(
    'asks before the end as well, where code that came %s changes something as the headers go out',
    async (_, isFirst) => {
      const made: Exchange[] = [];
      const wrap = (response: ServerResponse): void =>
        whenHeadersGo(response, () => made.forEach(({ keeper }) => (keeper.owes = true)));
      const one = await exchange(isFirst ? wrap : undefined);
      made.push(one);
      const { response, keeper, answer } = one;
      if (!isFirst) wrap(response);
      response.write('a');
      response.end('b');
      await turns();
      keeper.release();
      expect((await answer).body.toString()).toBe('ab');
      expect(keeper.settled).toEqual([200, 200]);
    },
  );

  it('does not ask before the end for what has come after it', async () => {
    const { response, keeper, answer } = await exchange((begun) => whenHeadersGo(begun, () => {}));
    response.writeHead(201);
    response.end('a');
    keeper.owes = true;
    await turns();
    keeper.release();
    await answer;
    expect(keeper.settled).toEqual([201]);
  });

  it('stores with the status of the response where writeHead is not called', async () => {
    const { response, keeper, answer } = await exchange();
    response.statusCode = 418;
    response.end();
    keeper.release();
    expect([keeper.asked, keeper.settled]).toEqual([1, [418]]);
    expect((await answer).status).toBe(418);
  });
});

describe('once it is stored, the gate', () => {
  it('sends what was held, in order and byte by byte', async () => {
    const { response, keeper, answer } = await exchange();
    response.setHeader('X-Before', '1');
    response.writeHead(202, 'Taken', { 'X-Head': '2' });
    response.flushHeaders();
    response.write(Buffer.from([0, 255, 10]));
    response.write('é', 'latin1');
    response.write(new Uint8Array([13]));
    response.end('/w==', 'base64');
    keeper.release();
    const { status, statusText, headers, body } = await answer;
    expect([status, statusText, headers['x-before'], headers['x-head']]).toEqual([202, 'Taken', '1', '2']);
    expect([...body]).toEqual([0, 255, 10, 0xe9, 13, 255]);
  });

  it('lets pass what comes later, in order', async () => {
    const { response, keeper, answer } = await exchange();
    response.write('a');
    response.write('b');
    keeper.release();
    await once(response, 'drain');
    response.write('c');
    response.end('d');
    expect((await answer).body.toString()).toBe('abcd');
  });

  it('gives a body that was ended in one go its length', async () => {
    const { response, keeper, answer } = await exchange();
    response.end('naïve');
    keeper.release();
    const { headers, body } = await answer;
    expect([headers['content-length'], body.toString()]).toEqual(['6', 'naïve']);
  });

  it('calls back for every write and for the end, in order', async () => {
    const { response, keeper, answer } = await exchange();
    const called: string[] = [];
    response.write('a', () => called.push('a'));
    response.write('b', 'utf8', () => called.push('b'));
    response.end('c', () => called.push('end'));
    await turns();
    expect(called).toEqual([]);
    keeper.release();
    await answer;
    expect(called).toEqual(['a', 'b', 'end']);
  });

  it('calls back for an end that has nothing but a callback', async () => {
    const { response, keeper, answer } = await exchange();
    const ended = new Promise<void>((resolve) => response.end(() => resolve()));
    keeper.release();
    await Promise.all([ended, answer]);
    expect(response.writableFinished).toBe(true);
  });

  it('emits finish once, and only then', async () => {
    const { response, keeper, answer } = await exchange();
    let finished = 0;
    response.on('finish', () => finished++);
    response.end('a');
    await turns();
    expect(finished).toBe(0);
    keeper.release();
    await answer;
    expect(finished).toBe(1);
  });

  it('keeps quiet about draining where the response has ended', async () => {
    const { response, keeper, answer } = await exchange();
    let drained = 0;
    response.on('drain', () => drained++);
    response.write('a');
    response.end('b');
    keeper.release();
    await answer;
    expect(drained).toBe(0);
  });
});

describe('where nothing has to be stored, the gate', () => {
  it('does not delay by a single tick', async () => {
    const { response, keeper, socket, answer } = await exchange();
    keeper.pending = false;
    response.write('a');
    expect(socket.bytesWritten).toBeGreaterThan(0);
    response.end('b');
    expect((await answer).body.toString()).toBe('ab');
    expect([keeper.settled, keeper.amended]).toEqual([[], 1]);
  });

  it('asks at the first byte, and not again for every other', async () => {
    const { response, keeper, answer } = await exchange();
    keeper.pending = false;
    response.flushHeaders();
    response.write('a');
    response.write('b');
    expect(keeper.asked).toBe(1);
    response.end();
    expect((await answer).body.toString()).toBe('ab');
    expect([keeper.asked, keeper.settled, keeper.amended]).toEqual([2, [], 1]);
  });

  it('stays out of the way of a response that had begun before it was installed', async () => {
    const { response, keeper, answer } = await exchange((begun) => begun.write('a'));
    response.end('b');
    expect((await answer).body.toString()).toBe('ab');
    expect([keeper.asked, keeper.settled, keeper.amended]).toEqual([0, [], 0]);
  });
});

describe('where there is something to store after the first byte, the gate', () => {
  it('holds the end, and sends headers only once', async () => {
    const { response, keeper, answer } = await exchange();
    keeper.pending = false;
    response.write('a');
    keeper.pending = true;
    response.write('b');
    const ended = new Promise<void>((resolve) => response.end('c', resolve));
    await turns();
    expect([keeper.settled, response.writableEnded]).toEqual([[200], false]);
    keeper.pending = false;
    keeper.release();
    await ended;
    expect((await answer).body.toString()).toBe('abc');
    expect(keeper.amended).toBe(1);
  });

  it('does so too after it had held the beginning', async () => {
    const { response, keeper, answer } = await exchange();
    response.write('a');
    keeper.release();
    await once(response, 'drain');
    response.end('b');
    expect(keeper.settled).toHaveLength(2);
    expect((await answer).body.toString()).toBe('ab');
  });

  it('cuts the answer off where it cannot be stored', async () => {
    const { response, keeper, answer } = await exchange();
    keeper.pending = false;
    response.write('a');
    keeper.pending = true;
    response.end('b');
    keeper.refuse();
    await expect(answer).rejects.toThrow(/aborted|socket hang up|ECONNRESET/);
    expect(keeper.errors).toHaveLength(1);
  });
});

describe('a stream that is piped through the gate', () => {
  const CHUNK = 64 * 1024;
  const COUNT = 160;
  const source = () => {
    let made = 0;
    const read = function (this: Readable): void {
      this.push(made === COUNT ? null : Buffer.alloc(CHUNK, made++ % 251));
    };
    return { stream: new Readable({ read, highWaterMark: CHUNK }), made: () => made };
  };
  const expected = Buffer.concat(Array.from({ length: COUNT }, (_, index) => Buffer.alloc(CHUNK, index % 251)));

  it('waits after its first chunk, instead of filling the memory, and then arrives whole', async () => {
    const { response, keeper, socket, answer } = await exchange();
    const { stream, made } = source();
    stream.pipe(response);
    await turns();
    expect(socket.bytesWritten).toBe(0);
    expect(made()).toBeLessThanOrEqual(3);
    keeper.release();
    expect((await answer).body.equals(expected)).toBe(true);
  });

  it('arrives whole through pipeline() too', async () => {
    const { response, keeper, answer } = await exchange();
    const piped = pipeline(source().stream, response);
    await turns();
    keeper.release();
    await piped;
    expect((await answer).body.equals(expected)).toBe(true);
  });

  it('arrives whole where nothing has to be stored', async () => {
    const { response, keeper, answer } = await exchange();
    keeper.pending = false;
    source().stream.pipe(response);
    expect((await answer).body.equals(expected)).toBe(true);
  });
});

describe('a client that goes away', () => {
  it('while its response is held breaks nothing', async () => {
    const { response, keeper, socket, answer } = await exchange();
    response.write('a');
    response.end('b');
    const closed = once(response, 'close');
    socket.destroy();
    await closed;
    keeper.release();
    await turns();
    await expect(answer).rejects.toThrow(/socket hang up|ECONNRESET/);
  });
});
