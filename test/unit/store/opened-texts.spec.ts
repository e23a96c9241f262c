import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createSessionId, type SessionId } from '../../../lib/session/token.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { KeyRing } from '../../../lib/store/encryption.js';
import { EncryptingSessionStore, type EncryptionSettings } from '../../../lib/store/encrypting.session-store.js';
import { MemorySessionStore } from '../../../lib/store/memory.session-store.js';
import { LRUCache } from 'lru-cache';
import { OpenedTexts } from '../../../lib/store/opened-texts.js';

const KEYS = new KeyRing([randomBytes(32)]);
const DATA = '{"name":"Ada","cart":["book"],"count":1}';
const AUTH = '{"roles":["admin"]}';
const MEGABYTE = 1024 * 1024;

describe('What was decrypted', () => {
  let inner: MemorySessionStore;
  let id: SessionId;
  let unreadable: string[];
  let decrypted: () => number;

  beforeEach(async () => {
    inner = new MemorySessionStore({ maxDataBytes: 65_536 });
    id = createSessionId();
    unreadable = [];
    const session = {
      id,
      secretHash: randomBytes(32),
      userId: 'ada',
      auth: AUTH,
      data: DATA,
      ip: null,
      userAgent: null,
    };
    await open().create({ ...session, lifetime: { ttl: 60_000, absolute: null } });
    const spy = jest.spyOn(KeyRing.prototype, 'open');
    decrypted = () => spy.mock.calls.splice(0).length;
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const open = (settings: EncryptionSettings = {}): EncryptingSessionStore =>
    new EncryptingSessionStore(inner, KEYS, (_id, what) => unreadable.push(what), settings);

  /** Reads all of the session. */
  async function read(store: EncryptingSessionStore): Promise<unknown[]> {
    const { data, auth } = (await store.find(id)) as StoredSession;
    return [JSON.parse(data), auth];
  }

  /** Has the store find the session with something else in the place of what is stored. */
  async function put(change: (stored: StoredSession) => Partial<StoredSession>): Promise<void> {
    const stored = (await inner.find(id)) as StoredSession;
    jest.spyOn(inner, 'find').mockResolvedValue({ ...stored, ...change(stored) });
  }

  const set = (key: string, value: unknown) => {
    const data = { set: new Map([[key, JSON.stringify(value)]]), unset: [], increment: new Map(), push: new Map() };
    return { data, lifetime: null, renew: true };
  };

  it('is kept from the second time on, and not decrypted again', async () => {
    const store = open();
    const seen = [await read(store), await read(store), await read(store), await read(store)];
    expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(seen[0]).toEqual([JSON.parse(DATA), AUTH]);
    // Twice four texts, and then none.
    expect(decrypted()).toBe(8);
  });

  it('is not kept with keepOpened: false', async () => {
    const store = open({ keepOpened: false });
    for (let times = 0; times < 4; times++) await read(store);
    expect(decrypted()).toBe(16);
  });

  it('is what was changed alone, and nothing where this process has changed it', async () => {
    const store = open();
    for (let times = 0; times < 3; times++) await read(store);
    decrypted();
    await open().commit(id, 0, set('count', 2));
    expect(await read(store)).toEqual([{ name: 'Ada', cart: ['book'], count: 2 }, AUTH]);
    expect(decrypted()).toBe(1);
    await store.commit(id, 0, set('count', 3));
    expect(await read(store)).toEqual([{ name: 'Ada', cart: ['book'], count: 3 }, AUTH]);
    expect(decrypted()).toBe(0);
  });

  it('is not found for a text of which a single character was changed', async () => {
    const store = open();
    for (let times = 0; times < 3; times++) await read(store);
    const other = (text: string): string => text.replace(/.(?="\}?$)/, (last) => (last === 'A' ? 'B' : 'A'));
    await put(({ data, auth }) => ({ data: other(data), auth: other(auth as string) }));
    expect(await read(store)).toEqual([{ name: 'Ada', cart: ['book'] }, null]);
    expect(unreadable).toEqual(['data at "count"', 'auth']);
  });

  it('is not found for a value under another key, or a snapshot of another login', async () => {
    const store = open();
    for (let times = 0; times < 3; times++) await read(store);
    await put(({ data }) => ({ data: data.replace('"name"', '"nome"'), generation: 1 }));
    expect(await read(store)).toEqual([{ cart: ['book'], count: 1 }, null]);
  });

  it('is forgotten with the session', async () => {
    const store = open();
    for (let times = 0; times < 3; times++) await read(store);
    const stored = (await inner.find(id)) as StoredSession;
    await store.delete(id, null);
    decrypted();
    jest.spyOn(inner, 'find').mockResolvedValue(stored);
    await read(store);
    expect(decrypted()).toBe(4);
  });
});

describe('A commit of ten thousand keys', () => {
  it('asks for the size of what is kept once, not once for each key', async () => {
    const inner = new MemorySessionStore({ maxDataBytes: 10 * MEGABYTE });
    const store = new EncryptingSessionStore(inner, KEYS, () => {});
    const added = jest.spyOn(OpenedTexts.prototype, 'addSealed');
    const id = createSessionId();
    const session = {
      id,
      secretHash: randomBytes(32),
      userId: null,
      auth: null,
      data: '{}',
      ip: null,
      userAgent: null,
    };
    await store.create({ ...session, lifetime: { ttl: 60_000, absolute: null } });
    const set = new Map(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, '1']));
    const data = { set, unset: [], increment: new Map(), push: new Map() };
    await store.commit(id, 0, { data, lifetime: null, renew: true });
    expect(added).toHaveBeenCalledTimes(1);
    jest.restoreAllMocks();
  });
});

describe('OpenedTexts', () => {
  const text = (plain: string) => ({ sealed: 'x'.repeat(plain.length), plain });
  const keep = (opened: OpenedTexts, id: string, plain: string): void => {
    opened.add(id, { data: text(plain) });
  };

  it('take 64 MB at most, and drop what was not used for longest', () => {
    const opened = new OpenedTexts();
    for (let n = 0; n < 80; n++) keep(opened, `${n}`, 'x'.repeat(MEGABYTE / 2));
    const kept = Array.from({ length: 80 }, (_, n) => n).filter((n) => opened.of(`${n}`).data !== null);
    expect(kept).toEqual(Array.from({ length: 63 }, (_, n) => n + 17));
  });

  it('count what many small ones take besides', () => {
    const opened = new OpenedTexts();
    for (let n = 0; n < 160_000; n++) keep(opened, `${n}`, '');
    const kept = Array.from({ length: 160_000 }, (_, n) => n).filter((n) => opened.of(`${n}`).data !== null);
    expect(kept.length).toBeGreaterThan(30_000);
    expect(kept.length * 255).toBeLessThan(64 * MEGABYTE);
  });

  it('keep nothing for longer than a minute, though it is not asked for any more', async () => {
    let now = 1;
    jest.useFakeTimers({ doNotFake: ['performance'] });
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    const purged = jest.spyOn(LRUCache.prototype, 'purgeStale');
    const pass = (time: number): void => {
      now += time;
      jest.advanceTimersByTime(time);
    };
    const opened = new OpenedTexts();
    keep(opened, 'a', 'x');
    pass(44_000);
    expect(opened.of('a').data).not.toBeNull();
    pass(16_000);
    expect(purged.mock.results.map(({ value }): unknown => value)).toEqual([false, false, true]);
    // Nothing is left to look for.
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('take in what is about to be stored only of sessions of which they keep something', () => {
    const opened = new OpenedTexts();
    opened.addSealed('a', new Map([['k', text('x')]]));
    expect(opened.of('a').sealed.size).toBe(0);
    keep(opened, 'a', 'x');
    opened.addSealed('a', new Map([['k', text('x')]]));
    expect(opened.of('a').sealed.get('k')).toEqual(text('x'));
  });

  it('take in no more than 100 keys that are about to be stored, however many a commit has', () => {
    const opened = new OpenedTexts();
    const texts = (from: number, count: number) =>
      new Map(Array.from({ length: count }, (_, n) => [`k${from + n}`, text('x')]));
    keep(opened, 'a', 'x');
    opened.addSealed('a', texts(0, 10_000));
    expect(opened.of('a').sealed.size).toBe(0);
    opened.addSealed('a', texts(0, 60));
    opened.addSealed('a', texts(60, 40));
    expect(opened.of('a').sealed.size).toBe(100);
    opened.addSealed('a', texts(100, 1));
    expect([...opened.of('a').sealed.keys()]).toEqual(['k100']);
  });
});
