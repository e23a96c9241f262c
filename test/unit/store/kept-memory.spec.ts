import { describe, expect, it } from '@jest/globals';
import { createSessionId } from '../../../lib/session/token.js';
import type { StoreListener } from '../../../lib/session-store.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { CachingSessionStore } from '../../../lib/store/caching.session-store.js';
import { MemorySessionStore } from '../../../lib/store/memory.session-store.js';
import { OpenedDocument, type OpenedMember } from '../../../lib/store/opened-document.js';
import { OpenedTexts } from '../../../lib/store/opened-texts.js';
import { RowVersionCache } from '../../../lib/store/postgres/row-version-cache.js';
import { collectGarbage } from '../../support/collect-garbage.js';
import { StoreReports } from '../../support/store-listener.js';

const MEGABYTE = 1024 * 1024;

/** What is used of memory once all that is not held is gone, buffers included, and what test files before this one have left. */
async function used(): Promise<number> {
  let least = Infinity;
  for (let sameSince = 0; sameSince < 3; sameSince++) {
    await new Promise(setImmediate);
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    if (heapUsed + external < least - MEGABYTE / 4) sameSince = 0;
    least = Math.min(least, heapUsed + external);
  }
  return least;
}

/** A text of its own, as it comes from a connection. */
const text = (character: string, length: number): string => Buffer.from(character.repeat(length)).toString();

type Texts = Pick<StoredSession, 'data' | 'auth' | 'userId' | 'ip' | 'userAgent'>;
const SMALL: Texts = { data: '{}', auth: null, userId: null, ip: null, userAgent: null };
const KINDS: [string, () => Texts, number][] = [
  ['hold nothing', () => SMALL, 60_000],
  ['hold 4 KB of Latin letters', () => ({ ...SMALL, data: text('x', 4_096) }), 12_000],
  ['hold 4,096 letters of another script', () => ({ ...SMALL, data: text('世', 4_096) }), 8_000],
  [
    'are of users with long ids, agents and addresses',
    () => ({ ...SMALL, userId: text('世', 512), userAgent: text('世', 512), ip: text('1', 64) }),
    20_000,
  ],
  ['have a snapshot of 20 KB', () => ({ ...SMALL, userId: 'u', auth: text('世', 20_000) }), 2_000],
];

/** A row, as the driver gives it: its hashes are parts of a bigger buffer. */
const session = (id: string, texts: Texts): StoredSession => {
  const now = Date.now() + Math.random();
  const times = { createdAt: now, lastAccessAt: now, expiresAt: now + 1e6, endsAt: null, rotatedAt: now, readAt: now };
  const hashes = {
    secretHash: Buffer.from('a'.repeat(64), 'hex'),
    previousSecretHash: Buffer.from('b'.repeat(64), 'hex'),
  };
  return { id, ...texts, ...times, ...hashes, generation: 1, authenticatedAt: now, ttl: 60_000, persistent: null };
};
const newId = (): string => Buffer.from(createSessionId()).toString();

describe('What is kept of sessions in memory', () => {
  it.each(KINDS)('takes 32 MB at most for row versions, where they %s', async (_what, texts, count) => {
    const known = new RowVersionCache();
    const before = await used();
    for (let n = 0; n < count; n++) {
      const one = session(newId(), texts());
      for (let time = 0; time < 2; time++) known.add(one, `${1_000_000 + n}`, '\\x01');
    }
    const taken = (await used()) - before;
    expect(taken).toBeLessThan(33 * MEGABYTE);
    // It is full, and of what it says.
    expect(taken).toBeGreaterThan(16 * MEGABYTE);
    known.clear();
  });

  it('takes no more than what is kept of a row version that was read', async () => {
    const known = new RowVersionCache();
    const one = session(newId(), { ...SMALL, data: text('x', 20_000), userAgent: text('世', 20), ip: text('1', 20) });
    for (let time = 0; time < 2; time++) known.add(one, '1', '\\x01');
    const before = await used();
    const read = Array.from({ length: 1_000 }, () => known.get(one.id)?.read());
    const kept = read.map((part) => ({ ip: part?.ip, userAgent: part?.userAgent }));
    read.length = 0;
    const taken = (await used()) - before;
    expect(kept).toHaveLength(1_000);
    expect(taken).toBeLessThan(MEGABYTE);
  });

  it.each(KINDS)('takes no more than "cache.maxBytes" for the cache, where they %s', async (_what, texts, count) => {
    const inner = new (class extends MemorySessionStore {
      override async open(listener: StoreListener): Promise<void> {
        listener.feedConnected(true);
      }

      override find(id: string): Promise<StoredSession> {
        return Promise.resolve(session(id, texts()));
      }
    })({ maxDataBytes: 65_536 });
    const store = new CachingSessionStore(inner, { max: 1_000_000, ttl: 600_000, maxBytes: 32 * MEGABYTE });
    await store.open(new StoreReports());
    const before = await used();
    for (let n = 0; n < count; n++) await store.find(newId());
    const taken = (await used()) - before;
    expect(taken).toBeLessThan(33 * MEGABYTE);
    expect(taken).toBeGreaterThan(16 * MEGABYTE);
    await store.close();
  });

  it.each<[string, number, number, number]>([
    ['five members of 200 characters', 5, 200, 26_000],
    ['fifty members of one character', 50, 1, 12_000],
    ['a member of 4 KB', 1, 4_096, 9_000],
  ])(
    'takes 64 MB at most for opened texts, of %s, however often they have changed',
    async (_what, count, length, sessions) => {
      const opened = new OpenedTexts();
      const before = await used();
      for (let n = 0; n < sessions; n++) {
        const id = newId();
        const members = new Map<string, OpenedMember>();
        for (let key = 0; key < count; key++) {
          // As many characters as are sealed; no two alike.
          const sealed = `${n}.${key}.`.padEnd(53 + Math.ceil((length * 4) / 3), '_');
          members.set(text(`k`, 1) + key, { sealed, plain: text('1', length) });
        }
        const stored = Array.from(members, ([key, { sealed }]) => `"${key}": "${sealed}"`).join(', ');
        opened.add(id, { document: OpenedDocument.of(Buffer.from(`{${stored}}`).toString(), members) });
        for (let time = 0; time < 3; time++) {
          const sealed = `${time}`.repeat(53 + Math.ceil((length * 4) / 3));
          opened.addSealed(id, new Map([['k0', { sealed, plain: text('2', length) }]]));
        }
      }
      const taken = (await used()) - before;
      expect(taken).toBeLessThan(66 * MEGABYTE);
      expect(taken).toBeGreaterThan(32 * MEGABYTE);
      opened.forget('');
    },
  );
});
