import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DedicatedConnection } from '../../../../lib/store/postgres/driver/connections.js';
import { InvalidationFeed } from '../../../../lib/store/postgres/invalidation-feed.js';

const HEARTBEAT = 2_000;
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
};
const pass = async (time: number): Promise<void> => {
  jest.advanceTimersByTime(time);
  await turns();
};

/** A connection to a server that does as it is told. */
class FakeConnection {
  ended = 0;
  readonly #listeners = new Map<string, ((message: { payload?: string }) => void)[]>();
  readonly #server: FakeServer;

  constructor(server: FakeServer) {
    this.#server = server;
  }

  on(event: string, listener: (message: { payload?: string }) => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  emit(event: 'error' | 'end' | 'notification', payload?: string): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(payload === undefined ? {} : { payload });
  }

  async connect(): Promise<void> {
    if (this.#server.isDown) throw new Error('refused');
  }

  query({ text }: { text: string }): Promise<{ rows: unknown[] }> {
    this.#server.asked.push(text);
    if (text.startsWith('listen')) return Promise.resolve({ rows: [] });
    if (this.#server.isSilent) return new Promise(() => {});
    if (this.#server.isFailing) return Promise.reject(new Error('failing'));
    return Promise.resolve({ rows: [{ isReadOnly: this.#server.isReadOnly ? 'on' : 'off' }] });
  }

  end(): Promise<void> {
    this.ended += 1;
    return this.#server.isSilent ? new Promise(() => {}) : Promise.reject(new Error('already closed'));
  }
}

class FakeServer {
  isUnmakeable = false;
  isDown = false;
  isSilent = false;
  isFailing = false;
  isReadOnly = false;
  isDeaf = false;
  readonly asked: string[] = [];
  readonly connections: FakeConnection[] = [];

  get last(): FakeConnection {
    return this.connections.at(-1) as FakeConnection;
  }

  readonly connect = (): DedicatedConnection => {
    if (this.isUnmakeable) throw new Error('no certificate');
    const connection = new FakeConnection(this);
    this.connections.push(connection);
    return connection as unknown as DedicatedConnection;
  };
}

describe('InvalidationFeed', () => {
  let server: FakeServer;
  let feed: InvalidationFeed;
  let told: boolean[];
  let changes: (readonly string[] | null)[];
  let announce: (payload: string) => Promise<unknown>;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
    server = new FakeServer();
    [told, changes] = [[], []];
    announce = async (payload) => {
      if (!server.isDeaf) server.last.emit('notification', payload);
    };
    feed = new InvalidationFeed(
      server.connect,
      'me',
      { changed: (ids) => changes.push(ids), feedConnected: (is) => told.push(is) },
      (payload) => announce(payload),
    );
  });
  /** With the first beat answered. */
  const start = async (): Promise<void> => {
    await feed.start();
    await turns();
  };
  afterEach(() => {
    feed.close();
    jest.useRealTimers();
  });

  it('is connected once it has heard itself', async () => {
    server.isDeaf = true;
    const started = feed.start();
    await turns();
    expect(told).toEqual([]);
    server.last.emit('notification', 'me:');
    await started;
    expect(told).toEqual([true]);
    expect(server.asked[0]).toBe('listen nestjs_mikro_session');
  });

  it('tries again where no connection can be made at all', async () => {
    await start();
    server.isUnmakeable = true;
    server.last.emit('end');
    await pass(150);
    expect(told).toEqual([true, false, false]);
    server.isUnmakeable = false;
    await pass(500);
    expect(told).toEqual([true, false, false, true]);
  });

  it('passes on what others have changed, and nothing of what it, or another, says to be heard', async () => {
    await feed.start();
    for (const payload of ['you:a,b', 'you:*', 'you:', 'me:c', '', undefined]) {
      server.last.emit('notification', payload);
    }
    expect(changes).toEqual([['a', 'b'], null]);
  });

  it.each(['isDown', 'isFailing', 'isReadOnly'] as const)(
    'resolves where the server %s, and connects once that is over',
    async (fault) => {
      server[fault] = true;
      await feed.start();
      expect(told).toEqual([false]);
      server[fault] = false;
      await pass(99);
      expect(server.connections).toHaveLength(1);
      await pass(1);
      expect(told).toEqual([false, true]);
      expect(server.connections[0]?.ended).toBe(1);
    },
  );

  it('resolves where it hears nothing within five seconds', async () => {
    server.isDeaf = true;
    const started = feed.start();
    await turns();
    await pass(4_999);
    expect(told).toEqual([]);
    await pass(1);
    await started;
    expect(told).toEqual([false]);
  });

  it('waits longer with each failure, up to five seconds, and no longer than at first once it was connected', async () => {
    server.isDown = true;
    await feed.start();
    for (const pause of [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
      const { length } = server.connections;
      await pass(pause - 1);
      expect(server.connections).toHaveLength(length);
      await pass(1);
      expect(server.connections).toHaveLength(length + 1);
    }
    server.isDown = false;
    await pass(5_000);
    expect(told.at(-1)).toBe(true);
    server.last.emit('end');
    await pass(100);
    expect(told.slice(-2)).toEqual([false, true]);
  });

  it('reports a lost connection once, and hears nothing more of it', async () => {
    await feed.start();
    const first = server.last;
    first.emit('error');
    first.emit('end');
    first.emit('notification', 'you:a');
    expect([told, changes]).toEqual([[true, false], []]);
    await pass(100);
    first.emit('end');
    first.emit('notification', 'you:a');
    expect([told, changes]).toEqual([[true, false, true], []]);
    expect(server.connections).toHaveLength(2);
  });

  it('is lost at once where it is lost while it waits to hear itself', async () => {
    server.isDeaf = true;
    const started = feed.start();
    await turns();
    server.last.emit('end');
    await started;
    expect(told).toEqual([false]);
  });

  it('stays connected as long as each beat is answered and heard', async () => {
    await start();
    for (let beat = 0; beat < 5; beat++) await pass(HEARTBEAT);
    expect(told).toEqual([true]);
    expect(server.connections).toHaveLength(1);
    expect(server.asked).toHaveLength(1 + 1 + 6);
  });

  it('is lost by the next beat where there is no answer', async () => {
    await start();
    server.isSilent = true;
    // The first beat has been answered.
    await pass(HEARTBEAT);
    expect(told).toEqual([true]);
    await pass(HEARTBEAT);
    expect(told).toEqual([true, false]);
  });

  it.each(['isFailing', 'isReadOnly'] as const)(
    'is lost with the answer where the server %s by then',
    async (fault) => {
      await feed.start();
      server[fault] = true;
      await pass(HEARTBEAT);
      expect(told).toEqual([true, false]);
    },
  );

  it('is lost by the next beat where it does not hear what was sent', async () => {
    await start();
    server.isDeaf = true;
    await pass(HEARTBEAT);
    expect(told).toEqual([true]);
    await pass(HEARTBEAT);
    expect(told).toEqual([true, false]);
  });

  it('stays connected where nothing could be sent', async () => {
    await start();
    announce = () => Promise.reject(new Error('no connection'));
    for (let beat = 0; beat < 3; beat++) await pass(HEARTBEAT);
    expect(told).toEqual([true]);
  });

  it('does nothing more once it is closed', async () => {
    await feed.start();
    feed.close();
    expect(server.last.ended).toBe(1);
    server.last.emit('end');
    server.last.emit('notification', 'you:a');
    await pass(60_000);
    expect([told, changes, server.connections.length]).toEqual([[true], [], 1]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not connect anew where it is closed in between', async () => {
    server.isDown = true;
    await feed.start();
    feed.close();
    await pass(60_000);
    expect(server.connections).toHaveLength(1);
  });

  it('does not connect anew where its listener closes it', async () => {
    const closing = new InvalidationFeed(
      server.connect,
      'me',
      { changed: () => {}, feedConnected: () => closing.close() },
      announce,
    );
    server.isDown = true;
    await closing.start();
    await pass(60_000);
    expect(server.connections).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
  });
});
