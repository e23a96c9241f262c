import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { QueueMeter } from '../../../lib/stats/queue-meter.js';
import { RenewalBuffer } from '../../../lib/store/batching/renewal-buffer.js';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { FakeStore } from '../store/fake-store.js';

describe('The meter of renewals', () => {
  let store: FakeStore;
  let meter: QueueMeter;
  let buffer: RenewalBuffer;
  beforeEach(() => {
    store = new FakeStore();
    meter = new QueueMeter('renew');
    buffer = new RenewalBuffer(store, 3_600_000, { renewed() {}, renewalFailed() {}, renewalRefused() {} }, meter);
  });
  afterEach(() => buffer.close());

  const access = (id: string): void => buffer.add({ id, at: store.now(), expiresAt: Infinity });
  /** So that what comes after it can be told from what came before. */
  const aMoment = (): void => {
    for (const until = performance.now() + 5; performance.now() < until;);
  };

  it('counts a session that waits once, however often it is accessed', () => {
    for (const id of ['a', 'a', 'b']) access(id);
    expect(meter.waiting).toBe(2);
  });

  it('counts those that are written no more, and those that are locked once more', async () => {
    for (const id of ['a', 'b', 'c']) access(id);
    store.automatic = ['b'];
    await buffer.flush();
    expect(meter).toMatchObject({ waiting: 1, locked: 1 });
    store.automatic = [];
    await buffer.flush();
    expect(meter.waiting).toBe(0);
    expect(meter.stats().batchSize).toMatchObject({ count: 2, sum: 4 });
  });

  it('says how long the first access waits, though the session is accessed again while the store fails', async () => {
    access('a');
    const since = performance.now();
    store.automatic = null;
    const flushed = buffer.flush();
    aMoment();
    access('a');
    store.refuse(new SessionStoreUnavailableError('renew sessions'));
    await flushed;
    expect(buffer.oldest()).toBeGreaterThanOrEqual(performance.now() - since - 1);
    expect(meter.waiting).toBe(1);
    store.automatic = [];
    await buffer.flush();
    expect(buffer.oldest()).toBe(0);
  });
});
