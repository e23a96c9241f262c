import { randomBytes } from 'node:crypto';
import { describe, it } from '@jest/globals';
import { sessionStoreContract } from 'nestjs-mikro-session/testing';
import type { SessionStore, StoreListener } from '../../../lib/session-store.js';
import { CachingSessionStore } from '../../../lib/store/caching.session-store.js';
import { EncryptingSessionStore } from '../../../lib/store/encrypting.session-store.js';
import { KeyRing } from '../../../lib/store/encryption.js';
import { KeylessSessionStore } from '../../../lib/store/keyless.session-store.js';
import { MemorySessionStore } from '../../../lib/store/memory.session-store.js';
import { StoreReports } from '../../support/store-listener.js';

/** One whose changes are all heard of. */
class HeardStore extends MemorySessionStore {
  override async open(listener: StoreListener): Promise<void> {
    await super.open(listener);
    listener.feedConnected(true);
  }
}

const memory = (): SessionStore => new HeardStore({ maxDataBytes: 65_536 });
const cached = (inner: SessionStore): SessionStore =>
  new CachingSessionStore(inner, { max: 100, ttl: 60_000, maxBytes: 1e7 });
const encrypted = (inner: SessionStore): SessionStore =>
  new EncryptingSessionStore(inner, new KeyRing([randomBytes(32)]), () => {});
const keyless = (inner: SessionStore): SessionStore => new KeylessSessionStore(inner, () => {});

describe.each<[string, () => SessionStore]>([
  ['MemorySessionStore', memory],
  ['CachingSessionStore', () => cached(memory())],
  ['KeylessSessionStore', () => keyless(memory())],
  ['EncryptingSessionStore', () => encrypted(memory())],
  ['CachingSessionStore, of what is encrypted,', () => cached(encrypted(memory()))],
])('%s', (_name, make) => {
  // oxlint-disable-next-line jest/expect-expect -- the contract asserts
  it.each(sessionStoreContract)('$name', async ({ run }) => {
    const store = make();
    await store.open(new StoreReports());
    await run(store);
    await store.close();
  });
});
