import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { NO_CHANGES } from '../../../lib/session/data/changes.js';
import { createSessionId, type SessionId } from '../../../lib/session/token.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { KeyRing } from '../../../lib/store/encryption.js';
import { EncryptingSessionStore, type EncryptionSettings } from '../../../lib/store/encrypting.session-store.js';
import { MemorySessionStore } from '../../../lib/store/memory.session-store.js';
import { LRUCache } from 'lru-cache';
import { OpenedDocument } from '../../../lib/store/opened-document.js';
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

  it('is nothing to fail by for a row whose data another hand has made null', async () => {
    const found: unknown[] = [];
    for (const keepOpened of [true, false]) {
      jest.restoreAllMocks();
      const store = open({ keepOpened });
      for (let times = 0; times < 3; times++) await read(store);
      await put(() => ({ data: null as unknown as string }));
      found.push((await store.find(id))?.data);
    }
    expect(found).toEqual([null, null]);
  });

  it('says what a store does that keeps nothing, whatever is changed here and elsewhere', async () => {
    const [keeping, fresh] = [open(), open({ keepOpened: false })];
    const key = fc.constantFrom('name', 'count', '10', 'ü"', '__proto__', 'new');
    const value = fc.oneof(fc.integer(), fc.string({ unit: 'grapheme' }), fc.constant(null), fc.array(fc.integer()));
    const step = fc.record({
      isOurs: fc.boolean(),
      key,
      value: fc.option(value, { nil: undefined }),
      by: fc.integer(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        for (const { isOurs, ...one } of steps) {
          const changed = one.value === undefined ? { unset: [one.key] } : set(one.key, one.value).data;
          const increment = new Map([['count', one.by]]);
          const data = { ...NO_CHANGES, ...(one.key === 'count' ? { increment } : changed) };
          // What is no number by then, cannot be added to.
          await (isOurs ? keeping : fresh).commit(id, 0, { data, lifetime: null, renew: true }).catch(() => {});
          const [kept, anew] = [await read(keeping), await read(fresh)];
          expect(JSON.stringify(kept)).toBe(JSON.stringify(anew));
        }
      }),
      { numRuns: 60 },
    );
    expect(unreadable).toEqual([]);
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
  const document = (plain: string): OpenedDocument => {
    const sealed = 'x'.repeat(plain.length);
    return OpenedDocument.of(`{"k": "${sealed}"}`, new Map([['k', { sealed, plain }]]));
  };
  const keep = (opened: OpenedTexts, id: string, plain: string): void => {
    opened.add(id, { document: document(plain) });
  };

  /** Returns how to let time pass, in milliseconds. */
  const useTime = (): ((time: number) => void) => {
    let now = 1;
    jest.useFakeTimers({ doNotFake: ['performance'] });
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    return (time) => {
      now += time;
      jest.advanceTimersByTime(time);
    };
  };

  it('take 64 MB at most, and drop what was not used for longest', () => {
    const opened = new OpenedTexts();
    for (let n = 0; n < 80; n++) keep(opened, `${n}`, 'x'.repeat(MEGABYTE / 2));
    const kept = Array.from({ length: 80 }, (_, n) => n).filter((n) => opened.of(`${n}`).document !== null);
    expect(kept).toEqual(Array.from({ length: 63 }, (_, n) => n + 17));
  });

  it('count the snapshots of logins as well', () => {
    const opened = new OpenedTexts();
    const text = 'x'.repeat(MEGABYTE / 2);
    for (let n = 0; n < 80; n++) opened.add(`${n}`, { auth: { sealed: text, plain: text, generation: 1 } });
    const kept = Array.from({ length: 80 }, (_, n) => n).filter((n) => opened.of(`${n}`).auth !== null);
    expect(kept).toEqual(Array.from({ length: 63 }, (_, n) => n + 17));
  });

  it('count what many small ones take besides', () => {
    const opened = new OpenedTexts();
    for (let n = 0; n < 160_000; n++) keep(opened, `${n}`, '');
    const kept = Array.from({ length: 160_000 }, (_, n) => n).filter((n) => opened.of(`${n}`).document !== null);
    expect(kept.length).toBeGreaterThan(30_000);
    expect(kept.length * 255).toBeLessThan(64 * MEGABYTE);
  });

  it('are looked through by a timer that keeps nothing of the request that came first', () => {
    jest.useFakeTimers();
    const request = new AsyncLocalStorage<string>();
    const setting = globalThis.setInterval;
    const seen: unknown[] = [];
    jest.spyOn(globalThis, 'setInterval').mockImplementation((...args) => {
      seen.push(request.getStore());
      return setting(...args);
    });
    request.run('the first', () => keep(new OpenedTexts(), 'a', 'x'));
    jest.restoreAllMocks();
    jest.useRealTimers();
    expect(seen).toEqual([undefined]);
  });

  it('keep nothing for longer than a minute, though it is not asked for any more', async () => {
    const pass = useTime();
    const purged = jest.spyOn(LRUCache.prototype, 'purgeStale');
    const opened = new OpenedTexts();
    keep(opened, 'a', 'x');
    pass(44_000);
    expect(opened.of('a').document).not.toBeNull();
    pass(16_000);
    expect(purged.mock.results.map(({ value }): unknown => value)).toEqual([false, false, true]);
    // Nothing is left to look for.
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('keep nothing for longer than a minute, however often the session is written to, or read anew', () => {
    const pass = useTime();
    const opened = new OpenedTexts();
    for (const id of ['written', 'read']) {
      opened.add(id, { auth: { sealed: 'x', plain: '["of the login before"]', generation: 1 } });
      keep(opened, id, '"of before"');
    }
    for (let times = 0; times < 3; times++) {
      pass(20_000);
      opened.addSealed('written', new Map([['k', { sealed: 'new', plain: '2' }]]));
      keep(opened, 'read', '2');
    }
    expect(opened.of('written')).toEqual({ auth: null, document: null });
    expect(opened.of('read').auth).toBeNull();
    expect(opened.of('read').document?.plain).toBe('{"k":2}');
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('take in what is about to be stored of sessions whose document they keep', () => {
    const opened = new OpenedTexts();
    const texts = new Map([['k', { sealed: 'new', plain: '2' }]]);
    opened.addSealed('a', texts);
    expect(opened.of('a').document).toBeNull();
    opened.add('a', { auth: { sealed: 'x', plain: '{}', generation: 1 } });
    opened.addSealed('a', texts);
    expect(opened.of('a').document).toBeNull();
    keep(opened, 'a', '1');
    opened.addSealed('a', texts);
    expect(opened.of('a').auth).not.toBeNull();
    expect(opened.of('a').document).toMatchObject({ plain: '{"k":2}' });
    expect(opened.of('a').document?.is('{"k": "new"}')).toBe(true);
  });

  it('keep what they have where it cannot be told what will be stored', () => {
    const opened = new OpenedTexts();
    keep(opened, 'a', '1');
    opened.addSealed('a', new Map([['other', { sealed: 'new', plain: '2' }]]));
    expect(opened.of('a').document?.member('k')).toEqual({ sealed: 'x', plain: '1' });
  });
});
