import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { LostTime } from '../../../../lib/store/lost-time.js';
import { Line, SILENCE } from '../../../../lib/store/redis/line.js';
import { collectGarbage } from '../../../support/collect-garbage.js';

describe('The line of a client', () => {
  /** In milliseconds. */
  const TO_CONNECT = 5_000;
  const A_BIT = 10;
  let lost: number;
  let line: Line;
  const end = jest.fn();

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    lost = 0;
    line = new Line({ time: () => performance.now() - lost } as LostTime, TO_CONNECT);
    end.mockReset();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  async function pass(time: number): Promise<void> {
    await jest.advanceTimersByTimeAsync(time);
    await new Promise((resolve) => setImmediate(resolve));
  }

  it('ends a connection on which nothing happens, and the next one, too', async () => {
    for (const times of [1, 2]) {
      line.addEventListener('abort', end);
      await pass(TO_CONNECT - A_BIT);
      expect(end).toHaveBeenCalledTimes(times - 1);
      await pass(2 * A_BIT);
      expect(end).toHaveBeenCalledTimes(times);
    }
  });

  it('ends one that was alive, and is silent; by a clock that stands still while this process cannot listen', async () => {
    line.addEventListener('abort', end);
    await pass(TO_CONNECT / 2);
    line.alive();
    for (let times = 0; times < 5; times++) {
      await pass(SILENCE - A_BIT);
      line.alive();
    }
    lost = SILENCE;
    await pass(2 * SILENCE - A_BIT);
    expect(end).not.toHaveBeenCalled();
    await pass(2 * A_BIT);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('listens to what has arrived by then', async () => {
    // Read after timers.
    setTimeout(() => setImmediate(() => line.alive()), TO_CONNECT + 5);
    line.addEventListener('abort', end);
    // Both timers in one turn of the event loop.
    jest.advanceTimersByTime(TO_CONNECT + 5);
    await pass(0);
    expect(end).not.toHaveBeenCalled();
  });

  it('ends one that is silent after two seconds, however long connecting may take', async () => {
    const patient = new Line({ time: () => performance.now() } as LostTime, 10 * SILENCE);
    patient.addEventListener('abort', end);
    await pass(A_BIT);
    patient.alive();
    await pass(SILENCE - A_BIT);
    expect(end).not.toHaveBeenCalled();
    await pass(3 * A_BIT);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('leaves no timer to a connection that has ended, and keeps no process alive', async () => {
    const timer = jest.spyOn(globalThis, 'setTimeout');
    line.addEventListener('abort', end);
    const set = timer.mock.results[0]?.value as NodeJS.Timeout;
    expect(set.hasRef()).toBe(false);
    line.removeEventListener('abort', end);
    expect(jest.getTimerCount()).toBe(0);
    await pass(2 * TO_CONNECT);
    expect(end).not.toHaveBeenCalled();
    timer.mockRestore();
  });
});

describe('The sockets of a client', () => {
  const clock = { time: () => performance.now() } as LostTime;
  const connect = (port: number, signal: Line): Socket =>
    createConnection({ host: '127.0.0.1', port, signal: signal as unknown as AbortSignal });
  const listening = async (server: Server): Promise<number> => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as { port: number }).port;
  };

  it('that were refused are not kept by what ends silent ones', async () => {
    const server = createServer();
    const port = await listening(server);
    server.close();
    const line = new Line(clock, 60_000);
    const refused = async (): Promise<WeakRef<Socket>> => {
      const socket = connect(port, line);
      await once(socket, 'error');
      return new WeakRef(socket);
    };
    const sockets: WeakRef<Socket>[] = [];
    for (let times = 0; times < 50; times++) sockets.push(await refused());
    const kept = async (): Promise<number> => {
      await new Promise(setImmediate);
      collectGarbage();
      return sockets.filter((socket) => socket.deref() !== undefined).length;
    };
    // The last one may still be on the stack.
    for (let times = 0; times < 20 && (await kept()) > 1; times++);
    expect(await kept()).toBeLessThanOrEqual(1);
  });

  it('that are silent are ended, though nothing but the line may do so, and garbage was collected', async () => {
    const held: Socket[] = [];
    const server = createServer((socket) => void held.push(socket));
    const line = new Line(clock, 100);
    const socket = connect(await listening(server), line);
    await once(socket, 'connect');
    collectGarbage();
    const [error] = (await once(socket, 'close').then(
      () => [null],
      (reason: unknown) => [reason],
    )) as [{ readonly cause?: unknown } | null];
    expect(error?.cause).toBe(line.reason);
    for (const one of held) one.destroy();
    server.close();
  });
});
