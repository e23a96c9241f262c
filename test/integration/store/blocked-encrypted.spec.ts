import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SessionId } from '../../../lib/session/token.js';
import type { SessionStore } from '../../../lib/session-store.js';
import { CachingSessionStore } from '../../../lib/store/caching.session-store.js';
import { EncryptingSessionStore } from '../../../lib/store/encrypting.session-store.js';
import { KeyRing } from '../../../lib/store/encryption.js';
import { blockFor } from '../../support/block.js';
import { StoreReports } from '../../support/store-listener.js';
import { changesOf, SOON, useStores } from './stores.js';

const ADD = changesOf({ increment: { n: 1 } });

describe('An encrypted addition, in a process that is kept from its work', () => {
  const fixture = useStores();
  let encrypted: EncryptingSessionStore;
  let cached: CachingSessionStore;
  let id: SessionId;

  beforeEach(async () => {
    const plain = await fixture.openStore({ queryTimeout: SOON, invalidation: true });
    await plain.close();
    encrypted = new EncryptingSessionStore(plain, new KeyRing([Buffer.alloc(32, 7)]), () => {}, { queryTimeout: SOON });
    cached = new CachingSessionStore(encrypted, { max: 100, ttl: 60_000, maxBytes: 1_000_000 });
    await cached.open(new StoreReports());
    id = (await fixture.create()).id;
  });

  afterEach(() => cached.close());

  const countIn = async (store: SessionStore): Promise<unknown> =>
    (JSON.parse((await store.find(id))?.data ?? 'null') as { n?: number }).n;

  it('is stored though it was begun just before, and so is the one that waits for it', async () => {
    const outcomes = Promise.all([encrypted.commit(id, 0, ADD), encrypted.commit(id, 0, ADD)]);
    blockFor(2 * SOON);
    expect(await outcomes).toEqual([expect.any(Object), expect.any(Object)]);
    expect(await countIn(encrypted)).toBe(2);
  });

  it.each([
    ['is not given up while the store is still writing it', () => encrypted],
    ['leaves no old copy in the cache', () => cached],
  ])('%s', async (_, storeOf) => {
    const store = storeOf();
    await store.commit(id, 0, ADD);
    expect(await countIn(store)).toBe(1);
    const holder = await fixture.lock(id);
    const outcome = fixture.outcomes(store.commit(id, 0, ADD));
    await pause(50);
    blockFor(SOON / 2);
    // Past its time, but for what this process has lost.
    await pause(SOON / 2);
    const meanwhile = [await Promise.race([outcome, pause(0, 'under way')]), await countIn(store)];
    await holder.release();
    expect([meanwhile, await outcome]).toEqual([['under way', 1], [expect.any(Object)]]);
    expect([await countIn(store), await countIn(encrypted)]).toEqual([2, 2]);
  });

  it('is given up once its time is up, and not written afterwards', async () => {
    await encrypted.commit(id, 0, ADD);
    const holder = await fixture.lock(id);
    const outcome = fixture.outcomes(encrypted.commit(id, 0, ADD));
    await pause(50);
    blockFor(SOON / 2);
    const answered = await outcome;
    await holder.release();
    expect(answered).toEqual([fixture.unavailable]);
    await fixture.untilIdle();
    expect(await countIn(encrypted)).toBe(1);
  });
});
