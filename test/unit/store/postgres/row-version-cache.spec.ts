import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { StoredSession } from '../../../../lib/session/stored-session.js';
import { type KnownRow, RowVersionCache } from '../../../../lib/store/postgres/row-version-cache.js';
import { storedSession } from '../../session/stored.js';

const SERVER = '\\x01';
/** In bytes: a segment has room for three of them. */
const BIG = 1_000_000;

const session = (id: string, size = 10): StoredSession =>
  storedSession({ id, secretHash: Buffer.from('hash'), data: 'x'.repeat(size) });

describe('RowVersionCache', () => {
  let known: RowVersionCache;
  beforeEach(() => {
    known = new RowVersionCache();
  });

  /** Looked up twice, as what is to be kept must be. */
  function keep(id: string, content: Partial<StoredSession> = {}, version = '7'): void {
    for (let n = 0; n < 2; n++) known.add({ ...session(id), ...content }, version, SERVER);
  }
  const keepBig = (id: number): void => keep(`${id}`, { data: 'x'.repeat(BIG) });

  /** Which of the ids 0, 1, 2, … are kept. */
  const keptOf = (count: number): number[] =>
    Array.from({ length: count }, (_, n) => n).filter((n) => known.get(`${n}`) !== undefined);

  /** The version of a session, and its data. */
  const kept = (id: string): [string, string] | undefined => {
    const row = known.get(id);
    return row && [row.version, row.read().data];
  };

  it('keep a session from its second look-up on, with its version', () => {
    known.add(session('a'), '7', SERVER);
    expect(known.get('a')).toBeUndefined();
    known.add(session('a'), '8', SERVER);
    const { id: _id, lastAccessAt: _last, expiresAt: _expires, readAt: _read, ...rest } = session('a');
    expect(known.get('a')?.read()).toEqual(rest);
    expect(known.get('a')?.version).toBe('8');
    known.add(session('a', 20), '9', SERVER);
    expect(kept('a')).toEqual(['9', 'x'.repeat(20)]);
  });

  it('take a newer version of what they keep, and no version for what has come in its place', () => {
    keep('a');
    const older = known.get('a');
    (older as { version: string }).version = '8';
    expect(kept('a')?.[0]).toBe('8');
    known.add(session('a', 20), '9', SERVER);
    (older as { version: string }).version = '10';
    expect(kept('a')).toEqual(['9', 'x'.repeat(20)]);
  });

  it.each<[string, () => void]>([
    ['was changed', () => known.forget('a')],
    ['has another version', () => known.add(session('a'), '8', SERVER)],
    [
      'was carried on before',
      () => {
        for (let n = 0; n < 15; n++) keepBig(n);
        for (let n = 15; n < 24; n++) {
          keepBig(n);
          known.get('a');
        }
        known.forget('a');
      },
    ],
  ])('leave nothing in memory of a session that %s', (_what, end) => {
    keep('a', { data: 'confidential' });
    const first = known.get('a') as KnownRow;
    const { segment } = first;
    expect(segment.bytes.includes('confidential')).toBe(true);
    end();
    for (const { bytes } of [segment, first.segment]) expect(bytes.includes('confidential')).toBe(false);
  });

  it('forget a session that was changed, and that it was ever looked up', () => {
    keep('a');
    known.forget('a');
    expect(known.get('a')).toBeUndefined();
    known.add(session('a'), '8', SERVER);
    expect(known.get('a')).toBeUndefined();
  });

  it('drop what was not used for longest, and keep what is used again and again', () => {
    for (let n = 0; n < 60; n++) {
      keepBig(n);
      for (let used = 0; used < Math.min(n, 6); used++) expect(kept(`${used}`)?.[1]).toHaveLength(BIG);
    }
    const ids = keptOf(60);
    expect(ids.slice(0, 7)).toEqual([0, 1, 2, 3, 4, 5, ids[6]]);
    expect(ids[6]).toBeGreaterThan(40);
    expect(ids.slice(-5)).toEqual([55, 56, 57, 58, 59]);
  });

  it('keep 32,768 at most, however small they are', () => {
    for (let n = 0; n < 40_000; n++) keep(`${n}`);
    expect(keptOf(40_000).length).toBeLessThanOrEqual(32_768);
    expect(keptOf(40_000).length).toBeGreaterThan(28_000);
  });

  it.each<keyof StoredSession>(['data', 'auth', 'userId', 'ip', 'userAgent'])(
    'count what a text takes, whatever its script: %s',
    (name) => {
      for (let n = 0; n < 12; n++) keep(`${n}`, { [name]: '世'.repeat(BIG) });
      expect(keptOf(12)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
    },
  );

  it.each(['secretHash', 'previousSecretHash'])('count hashes that are longer than any of ours: %s', (name) => {
    for (let n = 0; n < 12; n++) keep(`${n}`, { [name]: Buffer.alloc(3 * BIG) });
    expect(keptOf(12)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('do not keep what is bigger than a segment, nor what was kept of it before', () => {
    keep('a');
    keep('b');
    known.add(session('a', 4 * BIG), '8', SERVER);
    expect([kept('a'), kept('b')?.[0]]).toEqual([undefined, '7']);
  });

  it('do not keep what comes again after thousands of others', () => {
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 20_000; n++) known.add(session(`${n}`), '7', SERVER);
    }
    expect(known.get('0')).toBeUndefined();
    expect(known.get('19999')).toBeUndefined();
  });

  it('believe nothing for longer than a minute, however often it is used', () => {
    let now = 1;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    keep('a');
    now += 59_000;
    for (let n = 0; n < 60; n++) {
      keepBig(n);
      expect(known.get('a')).toBeDefined();
    }
    now += 2_000;
    expect(known.get('a')).toBeUndefined();
    jest.restoreAllMocks();
  });

  it('give values that stay what they are, whatever comes in the place of the session', () => {
    const hash = Buffer.from('hash');
    keep('a', { previousSecretHash: hash });
    const part = known.get('a')?.read();
    for (let n = 0; n < 60; n++) keepBig(n);
    expect(known.get('a')).toBeUndefined();
    expect(part).toMatchObject({ data: 'x'.repeat(10), secretHash: hash, previousSecretHash: hash });
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
    keep('b');
    expect(kept('b')?.[0]).toBe('7');
  });
});
