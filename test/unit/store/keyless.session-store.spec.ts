import { expect, it } from '@jest/globals';
import { type DataChanges, NO_CHANGES } from '../../../lib/session/data/changes.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { KeylessSessionStore } from '../../../lib/store/keyless.session-store.js';
import { MemorySessionStore } from '../../../lib/store/memory.session-store.js';
import { newSession } from '../../../lib/testing/contract/support.js';
import { loginTo } from '../../integration/store/stores.js';
import { StoreReports } from '../../support/store-listener.js';

const SEALED = '{"n":"$enc1.AAAAAAAA.x","own":1}';

/** What a login comes to whose changes are said under the lock. */
async function loggedIn(changesTo: (stored: StoredSession) => DataChanges): Promise<StoredSession | null> {
  const inner = new MemorySessionStore({ maxDataBytes: 65_536 });
  await inner.open(new StoreReports());
  const { id } = await inner.create(newSession({ data: SEALED }));
  return new KeylessSessionStore(inner, () => {}).login(loginTo(id), changesTo);
}

it('has a login change what is said under its lock, of the session without what is sealed', async () => {
  const changed = await loggedIn(({ data }) => ({ ...NO_CHANGES, set: new Map([['seen', data]]) }));
  expect(JSON.parse(changed?.data ?? '')).toEqual({ own: 1, seen: { own: 1 } });
});

it.each<[string, DataChanges, string]>([
  ['adds to what is sealed', { ...NO_CHANGES, increment: new Map([['n', 1]]) }, 'n'],
  ['would be taken for sealed', { ...NO_CHANGES, set: new Map([['own', '"$enc1.AAAAAAAA.x"']]) }, 'own'],
])('refuses such a login a change that %s', async (_, changes, path) => {
  await expect(loggedIn(() => changes)).rejects.toMatchObject({ code: 'ERR_SESSION_DATA', path });
});
