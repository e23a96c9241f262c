import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { SessionId } from '../../../../lib/session/token.js';
import { RenewalBuffer } from '../../../../lib/store/batching/renewal-buffer.js';
import { DEAD, FakeStore } from '../fake-store.js';

const FAR = 1e9;
const [A, B, C] = ['a', 'b', 'c'] as [SessionId, SessionId, SessionId];

describe('RenewalBuffer', () => {
  let store: FakeStore;
  let renewed: SessionId[][];
  let failures: unknown[];
  let refused: SessionId[];
  let queue: RenewalBuffer;

  const ids = (): SessionId[][] => store.calls.map((call) => call.map(({ id }) => id));
  const add = (id: SessionId, expiresAt: number) => queue.add({ id, at: store.now(), expiresAt });
  const pass = (milliseconds: number) => jest.advanceTimersByTimeAsync(milliseconds);

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    store = new FakeStore();
    renewed = [];
    failures = [];
    refused = [];
    queue = new RenewalBuffer(store, 1_000, {
      renewed: (done) => renewed.push(done.map(({ id }) => id)),
      renewalFailed: (error) => failures.push(error),
      renewalRefused: (id) => refused.push(id),
    });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('writes nothing for nothing', async () => {
    await queue.flush();
    await pass(5_000);
    await queue.close();
    expect(store.calls).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('writes accesses a second after they came, with those that came about when they did', async () => {
    add(A, FAR);
    await pass(30);
    add(B, FAR);
    await pass(470);
    add(C, FAR);
    await pass(499);
    expect(store.calls).toEqual([]);
    await pass(1);
    expect(ids()).toEqual([[A, B]]);
    await pass(500);
    expect(ids()).toEqual([[A, B], [C]]);
    expect(renewed).toEqual([[A, B], [C]]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('counts a session once, with its latest access', async () => {
    add(A, FAR);
    await pass(600);
    add(A, FAR);
    await pass(400);
    expect(store.calls).toEqual([[{ id: A, at: 600 }]]);
  });

  it('collects anew after each statement', async () => {
    add(A, FAR);
    await pass(1_500);
    add(A, FAR);
    await pass(999);
    expect(store.calls).toHaveLength(1);
    await pass(1);
    expect(store.calls[1]).toEqual([{ id: A, at: 1_500 }]);
  });

  it('does not wait for a session that may expire meanwhile, and takes the others along', async () => {
    add(A, FAR);
    add(B, 2_001);
    expect(store.calls).toEqual([]);
    add(C, 2_000);
    expect(ids()).toEqual([[A, B, C]]);
    await pass(5_000);
    expect(store.calls).toHaveLength(1);
  });

  it('has one statement under way at a time, and then writes what came meanwhile', async () => {
    store.automatic = null;
    add(A, 0);
    add(B, 0);
    add(C, 0);
    await pass(0);
    expect(ids()).toEqual([[A]]);
    store.answer();
    await pass(0);
    expect(ids()).toEqual([[A], [B, C]]);
    store.answer();
    await pass(5_000);
    expect(ids()).toHaveLength(2);
    expect(renewed).toEqual([[A], [B, C]]);
  });

  it('collects what comes while a statement is under way', async () => {
    store.automatic = null;
    add(A, FAR);
    await pass(1_000);
    add(B, FAR);
    store.answer();
    await pass(999);
    expect(ids()).toEqual([[A]]);
    await pass(1);
    expect(ids()).toEqual([[A], [B]]);
  });

  it('goes on although the timer ran out while a statement was under way', async () => {
    store.automatic = null;
    add(A, FAR);
    await pass(1_000);
    add(B, FAR);
    await pass(3_000);
    store.answer();
    await pass(0);
    expect(ids()).toEqual([[A], [B]]);
    add(C, FAR);
    store.answer();
    await pass(1_000);
    expect(ids()).toEqual([[A], [B], [C]]);
  });

  it.each([20, 60, 200])('writes each about a second after it came, where a statement takes %d ms', async (takes) => {
    jest.spyOn(store, 'renew').mockImplementation(async (accesses) => {
      await new Promise((resolve) => setTimeout(resolve, takes));
      return { renewed: accesses.map(({ id }) => id), locked: [] };
    });
    const waited: number[] = [];
    for (let n = 0; n < 3_000; n++) {
      add(`session-${n % 500}` as SessionId, FAR);
      await pass(10);
      waited.push(queue.oldest());
    }
    expect(Math.max(...waited)).toBeLessThanOrEqual(1_000 + 2 * takes + 40);
    const begun = store.now();
    const closed = queue.close().then(() => store.now() - begun);
    await pass(60_000);
    expect(await closed).toBeLessThanOrEqual(2 * takes);
  });

  it('writes outside of the requests that have accessed sessions, of which it keeps nothing', async () => {
    jest.useRealTimers();
    const request = new AsyncLocalStorage<string>();
    const outcome = { renewed: [], locked: [] };
    const seenBy = await new Promise((resolve) => {
      const renew = () => {
        resolve(request.getStore());
        return Promise.resolve(outcome);
      };
      const listener = { renewed: () => {}, renewalFailed: () => {}, renewalRefused: () => {} };
      queue = new RenewalBuffer({ renew }, 25, listener);
      request.run('the first', () => add(A, FAR));
    });
    expect(seenBy).toBeUndefined();
  });

  it('says which were renewed, and forgets those of dead sessions', async () => {
    add(A, FAR);
    add(DEAD, FAR);
    await pass(1_000);
    expect(renewed).toEqual([[A]]);
    await pass(5_000);
    expect(ids()).toEqual([[A, DEAD]]);
  });

  describe('flush', () => {
    it('writes at once, and resolves when it is written', async () => {
      store.automatic = null;
      add(A, FAR);
      let done = false;
      const flushed = queue.flush().then(() => (done = true));
      await pass(0);
      expect([ids(), done]).toEqual([[[A]], false]);
      store.answer();
      await flushed;
      expect(renewed).toEqual([[A]]);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('writes once for all that ask while a statement is under way, whatever becomes of that', async () => {
      store.automatic = null;
      add(A, 0);
      const flushed = [B, C].map((id) => {
        add(id, FAR);
        return queue.flush();
      });
      flushed.push(queue.flush());
      store.refuse(new Error('down'));
      await pass(0);
      expect(ids()).toEqual([[A], [B, C, A]]);
      store.refuse(new Error('down'));
      await pass(0);
      expect(store.calls).toHaveLength(2);
      await Promise.all(flushed);
    });

    it('waits for the statement under way, and for what came after it', async () => {
      store.automatic = null;
      add(A, 0);
      add(B, FAR);
      const flushed = Promise.all([queue.flush(), queue.flush()]);
      store.answer();
      await pass(0);
      store.answer();
      await flushed;
      expect(renewed).toEqual([[A], [B]]);
    });
  });

  describe('where the store could not get at a row', () => {
    it('tries it again, with the moment of its access', async () => {
      store.automatic = [B];
      add(A, FAR);
      add(B, FAR);
      await pass(1_000);
      expect(renewed).toEqual([[A]]);
      store.automatic = [];
      await pass(1_000);
      expect(store.calls[1]).toEqual([{ id: B, at: 0 }]);
      expect(renewed).toEqual([[A], [B]]);
    });

    it('tries each once, however many are to be written at once', async () => {
      const many = Array.from({ length: 600 }, (_, n) => `session-${n}`);
      const sizes: number[] = [];
      jest.spyOn(store, 'renew').mockImplementation((accesses) => {
        // Not for ever, so that a queue without end has one here.
        const locked = sizes.push(accesses.length) < 20 ? accesses.map(({ id }) => id) : [];
        return Promise.resolve({ renewed: [], locked });
      });
      for (const id of many) add(id as SessionId, FAR);
      await queue.flush();
      expect(sizes).toEqual([250, 250, 100]);
      await pass(1_000);
      expect(sizes.slice(3)).toEqual([250, 250, 100]);
    });

    it('keeps a newer access instead', async () => {
      store.automatic = null;
      add(A, FAR);
      await pass(1_000);
      await pass(10);
      add(A, FAR);
      store.answer([A]);
      await pass(1_000);
      expect(store.calls[1]).toEqual([{ id: A, at: 1_010 }]);
    });
  });

  describe('where the store cannot be reached', () => {
    it('says so, never rejects, and tries all of them again', async () => {
      store.automatic = null;
      add(A, FAR);
      add(B, FAR);
      const flushed = queue.flush();
      const error = new Error('down');
      store.refuse(error);
      await expect(flushed).resolves.toBeUndefined();
      expect([failures, renewed]).toEqual([[error], []]);
      store.automatic = [];
      await pass(1_000);
      expect(store.calls[1]).toEqual([
        { id: A, at: 0 },
        { id: B, at: 0 },
      ]);
      expect(renewed).toEqual([[A, B]]);
    });

    it('tries one statement, however many are to be written at once', async () => {
      const many = Array.from({ length: 600 }, (_, n) => `session-${n}`);
      let tries = 0;
      jest.spyOn(store, 'renew').mockImplementation((accesses) => {
        // Not for ever, so that a queue without end has one here.
        if (++tries < 20) return Promise.reject(new Error('down'));
        return Promise.resolve({ renewed: accesses.map(({ id }) => id), locked: [] });
      });
      for (const id of many) add(id as SessionId, FAR);
      await queue.close();
      expect([tries, failures.length, jest.getTimerCount()]).toEqual([1, 1, 0]);
    });

    it('tries again without haste, however short the collecting is', async () => {
      queue = new RenewalBuffer(store, 0, { renewed: () => {}, renewalFailed: () => {}, renewalRefused: () => {} });
      jest.spyOn(store, 'renew').mockRejectedValue(new Error('down'));
      add(A, FAR);
      await pass(105);
      expect((store.renew as jest.Mock).mock.calls.length).toBeLessThanOrEqual(11);
    });
  });

  describe('once it is closed', () => {
    it('has written what was left', async () => {
      add(A, FAR);
      await queue.close();
      expect(renewed).toEqual([[A]]);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('writes what still comes at once', async () => {
      await queue.close();
      add(A, FAR);
      expect(ids()).toEqual([[A]]);
      await pass(0);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('leaves no timer behind, even where the store cannot be reached', async () => {
      store.automatic = null;
      add(A, FAR);
      const closed = queue.close();
      store.refuse(new Error('down'));
      await closed;
      expect([failures.length, jest.getTimerCount()]).toEqual([1, 0]);
    });
  });
});
