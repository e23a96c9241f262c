import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { StoredSession } from '../../../../lib/session/stored-session.js';
import { type KnownSession, RowVersionCache } from '../../../../lib/store/postgres/row-version-cache.js';

const SERVER = '\\x01';
const MEGABYTE = 1024 * 1024;

const session = (id: string, size = 10): StoredSession =>
  ({ id, data: 'x'.repeat(size), secretHash: Buffer.from('hash'), previousSecretHash: null }) as StoredSession;

describe('RowVersionCache', () => {
  let known: RowVersionCache;
  beforeEach(() => {
    known = new RowVersionCache();
  });

  /** Looked up twice, as what is to be kept must be. */
  function keep(id: string, size?: number): void {
    for (let n = 0; n < 2; n++) known.add(session(id, size), '7', SERVER);
  }

  it('keep a session from its second look-up on, with its version', () => {
    known.add(session('a'), '7', SERVER);
    expect(known.get('a')).toBeUndefined();
    known.add(session('a'), '8', SERVER);
    expect(known.get('a')).toEqual({ session: session('a'), version: '8' });
    known.add(session('a', 20), '9', SERVER);
    expect(known.get('a')).toEqual({ session: session('a', 20), version: '9' });
  });

  it('forget a session that was changed, and that it was ever looked up', () => {
    keep('a');
    known.forget('a');
    expect(known.get('a')).toBeUndefined();
    known.add(session('a'), '8', SERVER);
    expect(known.get('a')).toBeUndefined();
  });

  it('take no more than 32 MB with the ids that they remember, and drop what was not used for longest', () => {
    for (let n = 0; n < 20; n++) keep(`${n}`, MEGABYTE);
    known.get('0');
    for (let n = 20; n < 40; n++) keep(`${n}`, MEGABYTE);
    const kept = Array.from({ length: 40 }, (_, n) => n).filter((n) => known.get(`${n}`) !== undefined);
    expect(kept).toEqual([0, ...Array.from({ length: 28 }, (_, n) => n + 12)]);
  });

  it('count what a session takes besides its data: many small ones are bounded, too', () => {
    for (let n = 0; n < 60_000; n++) keep(`${n}`, 2);
    const kept = Array.from({ length: 60_000 }, (_, n) => n).filter((n) => known.get(`${n}`) !== undefined);
    expect(kept.length * 1000).toBeLessThan(32 * MEGABYTE);
    expect(kept.length).toBeGreaterThan(30_000);
  });

  it('count the snapshot of a login, which may be bigger than the data', () => {
    const auth = 'x'.repeat(MEGABYTE);
    for (const id of ['a', 'b', 'c']) {
      for (let n = 0; n < 2; n++) known.add({ ...session(id), auth: auth.repeat(14) }, '7', SERVER);
    }
    expect(['a', 'b', 'c'].filter((id) => known.get(id) !== undefined)).toEqual(['b', 'c']);
  });

  it('count every text, and two bytes for each character of a text that is not Latin', () => {
    const half = '世'.repeat(7 * MEGABYTE);
    const texts: Partial<StoredSession>[] = [{ data: half }, { userId: half }, { ip: half }, { userAgent: half }];
    for (const one of texts) {
      for (const id of ['a', 'b', 'c']) for (let n = 0; n < 2; n++) known.add({ ...session(id), ...one }, '7', SERVER);
      expect(['a', 'b', 'c'].filter((id) => known.get(id) !== undefined)).toEqual(['b', 'c']);
      known.clear();
    }
  });

  it('do not keep what comes again after thousands of others', () => {
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 20_000; n++) known.add(session(`${n}`), '7', SERVER);
    }
    expect(known.get('0')).toBeUndefined();
    expect(known.get('19999')).toBeUndefined();
  });

  it('believe nothing for longer than a minute', async () => {
    let now = 1;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    // They look at the clock once a millisecond.
    const pass = async (time: number): Promise<void> => {
      now += time;
      await new Promise((resolve) => setTimeout(resolve, 5));
    };
    keep('a');
    await pass(59_000);
    expect(known.get('a')).toBeDefined();
    await pass(2_000);
    expect(known.get('a')).toBeUndefined();
    jest.restoreAllMocks();
  });

  it('keep no buffer that is a part of a bigger one', () => {
    const secretHash = Buffer.from('hash');
    for (let n = 0; n < 2; n++) known.add({ ...session('a'), secretHash, previousSecretHash: secretHash }, '7', SERVER);
    const { session: kept } = known.get('a') as KnownSession;
    expect(kept).toMatchObject({ secretHash, previousSecretHash: secretHash });
    for (const bytes of [kept.secretHash, kept.previousSecretHash]) expect(bytes?.buffer.byteLength).toBe(4);
  });

  it('know nothing of another server than the one that said it last', () => {
    expect(known.server).toBeNull();
    keep('a');
    known.add(session('b'), '7', '\\x02');
    expect([known.server, known.get('a')]).toEqual(['\\x02', undefined]);
  });

  it('are empty once cleared', () => {
    keep('a');
    known.clear();
    expect(known.get('a')).toBeUndefined();
  });
});
