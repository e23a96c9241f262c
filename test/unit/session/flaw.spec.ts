import { describe, expect, it } from '@jest/globals';
import { flawOf } from '../../../lib/session/flaw.js';
import { LONGEST_DURATION } from '../../../lib/session/lifetime.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { storedSession } from './stored.js';

const HASH = Buffer.alloc(32);
const END_OF_9999 = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const NO_TIMES = [-1, END_OF_9999 + 1, Number.NaN, Number.POSITIVE_INFINITY, '1' as unknown as number];

/** For each column: its property, values that it may have, and some that it never has. */
const COLUMNS: [string, keyof StoredSession, unknown[], unknown[]][] = [
  ['secret_hash', 'secretHash', [HASH], [Buffer.alloc(31), Buffer.alloc(33), Buffer.alloc(0), null]],
  ['previous_secret_hash', 'previousSecretHash', [HASH, null], [Buffer.alloc(31), Buffer.alloc(33)]],
  ['rotated_at', 'rotatedAt', [0, END_OF_9999, null], NO_TIMES],
  ['generation', 'generation', [0, 2 ** 31 - 2], [-1, 2 ** 31 - 1, Number.NaN, null]],
  ['user_id', 'userId', ['a', 'é'.repeat(512), null], ['', 'a'.repeat(513), 'a\0', '\ud800']],
  ['authenticated_at', 'authenticatedAt', [0, END_OF_9999, null], NO_TIMES],
  ['ttl', 'ttl', [0, -LONGEST_DURATION, LONGEST_DURATION], [LONGEST_DURATION + 1, -LONGEST_DURATION - 1, NaN, null]],
  ['created_at', 'createdAt', [0, END_OF_9999], [...NO_TIMES, null]],
  ['last_access_at', 'lastAccessAt', [0, END_OF_9999], [...NO_TIMES, null]],
  ['expires_at', 'expiresAt', [0, END_OF_9999], [...NO_TIMES, null]],
  ['ends_at', 'endsAt', [0, END_OF_9999, null], NO_TIMES],
];

describe('flawOf', () => {
  it.each(COLUMNS)('finds no flaw in what %s may be', (_column, property, sound) => {
    for (const value of sound) expect([value, flawOf(storedSession({ [property]: value }))]).toEqual([value, null]);
  });

  it.each(COLUMNS)('names %s for what no session of ours has there', (column, property, _sound, wrong) => {
    for (const value of wrong) expect([value, flawOf(storedSession({ [property]: value }))]).toEqual([value, column]);
  });
});
