import { describe, expect, it } from '@jest/globals';
import { isSuperseded, recognise, recogniseBest } from '../../../lib/session/recognition.js';
import { issueCredential } from '../../../lib/session/token.js';
import { CREDENTIAL, storedSession } from './stored.js';

const GRACE = 10_000;
const previous = issueCredential(CREDENTIAL.id);
const stranger = issueCredential(CREDENTIAL.id);
/** Rotated five seconds before it was read. */
const rotated = storedSession({ previousSecretHash: previous.secretHash, rotatedAt: 995_000 });

describe('recognise', () => {
  it('knows the current credential, whatever was before it', () => {
    expect(recognise(CREDENTIAL, storedSession(), GRACE)).toBe('current');
    expect(recognise(CREDENTIAL, rotated, GRACE)).toBe('current');
  });

  it('knows the previous one for as long as the grace period', () => {
    expect(recognise(previous, rotated, GRACE)).toBe('previous');
    expect(recognise(previous, rotated, 5_001)).toBe('previous');
    expect(recognise(previous, rotated, 5_000)).toBe('unknown');
  });

  it('knows one that a login has replaced', () => {
    expect(recognise(previous, { ...rotated, authenticatedAt: 995_000 }, GRACE)).toBe('replaced');
    expect(recognise(previous, { ...rotated, authenticatedAt: 994_999 }, GRACE)).toBe('previous');
  });

  it('does not know others', () => {
    expect(recognise(stranger, storedSession(), GRACE)).toBe('unknown');
    expect(recognise(stranger, rotated, GRACE)).toBe('unknown');
  });

  it('does not know a previous one without a time of rotation', () => {
    expect(recognise(previous, { ...rotated, rotatedAt: null, readAt: 0 }, GRACE)).toBe('unknown');
  });

  it('knows none where a row has hashes of another length', () => {
    const short = storedSession({
      secretHash: Buffer.alloc(5),
      previousSecretHash: Buffer.alloc(5),
      rotatedAt: 999_999,
    });
    expect(recognise(CREDENTIAL, short, GRACE)).toBe('unknown');
  });
});

describe('isSuperseded', () => {
  it('tells the credential before the current one from all others', () => {
    expect([previous, CREDENTIAL, stranger].map((one) => isSuperseded(one, rotated))).toEqual([true, false, false]);
    expect(isSuperseded(previous, storedSession())).toBe(false);
  });
});

describe('recogniseBest', () => {
  const replaced = { ...rotated, authenticatedAt: rotated.rotatedAt };

  it.each([
    ['the current one', [stranger, CREDENTIAL, previous], rotated, { credential: CREDENTIAL, recognition: 'current' }],
    ['the previous one', [stranger, previous], rotated, { credential: previous, recognition: 'previous' }],
    ['the one a login replaced', [stranger, previous], replaced, { credential: previous, recognition: 'replaced' }],
    ['the current one, last', [previous, CREDENTIAL], replaced, { credential: CREDENTIAL, recognition: 'current' }],
    ['one of those unknown', [stranger], rotated, { credential: stranger, recognition: 'unknown' }],
  ])('chooses of several credentials %s', (_what, credentials, stored, chosen) => {
    expect(recogniseBest(credentials, stored, GRACE)).toEqual(chosen);
    expect(recogniseBest(credentials.toReversed(), stored, GRACE)).toEqual(chosen);
  });

  it('chooses the first of two that prove as much', () => {
    const other = issueCredential(CREDENTIAL.id);
    expect(recogniseBest([stranger, other], rotated, GRACE).credential).toBe(stranger);
  });
});
