import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  createSessionId,
  type Credential,
  isSessionId,
  issueCredential,
  parseCredential,
} from '../../../lib/session/token.js';
import { recognise } from '../../../lib/session/recognition.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';

const ID = '0199a1b2-c3d4-7e5f-8a6b-0123456789ab';
const SECRET = 'A'.repeat(42) + 'Q';
const VALUE = `${ID}.${SECRET}`;

describe('createSessionId', () => {
  it('makes UUIDs of version 7, each its own, in ascending order', () => {
    const ids = Array.from({ length: 1_000 }, () => createSessionId());
    for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(new Set(ids).size).toBe(1_000);
    expect(ids.toSorted()).toEqual(ids);
  });
});

describe('isSessionId', () => {
  it('knows an id in either case, and nothing around it', () => {
    expect([ID, ID.toUpperCase()].map(isSessionId)).toEqual([true, true]);
    expect([`x${ID}`, `${ID}x`, `${ID}\n`, ` ${ID}`, ID.slice(1), ''].map(isSessionId)).toEqual(
      Array.from({ length: 6 }, () => false),
    );
  });
});

describe('issueCredential', () => {
  it('makes a cookie value that it can read again', () => {
    const issued = issueCredential(ID);
    expect(issued.cookieValue).toMatch(new RegExp(`^${ID}\\.[\\w-]{43}$`));
    expect(parseCredential(issued.cookieValue)).toEqual(issued);
  });

  it('takes 32 fresh random bytes for each secret', () => {
    const secrets = Array.from({ length: 200 }, () => issueCredential(ID).cookieValue.slice(37));
    expect(new Set(secrets).size).toBe(200);
    for (const secret of secrets) expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
  });

  it('keeps of the secret nothing but its SHA-256, besides the cookie value', () => {
    const { cookieValue, ...rest } = issueCredential(ID);
    expect(rest.secretHash).toEqual(createHash('sha256').update(cookieValue.slice(37)).digest());
    expect(JSON.stringify(rest)).not.toContain(cookieValue.slice(37));
  });
});

describe('parseCredential', () => {
  it('reads an id and a secret', () => {
    const credential = parseCredential(VALUE);
    expect(credential).toMatchObject({ id: ID, cookieValue: VALUE });
    expect(credential?.secretHash).toEqual(createHash('sha256').update(SECRET).digest());
  });

  it.each([
    ['an empty string', ''],
    ['the id alone', ID],
    ['the id and a dot', `${ID}.`],
    ['the secret alone', SECRET],
    ['another separator', `${ID}:${SECRET}`],
    ['an id in upper case', VALUE.replace(ID, ID.toUpperCase())],
    ['an id without hyphens', `${ID.replaceAll('-', '')}.${SECRET}`],
    ['hyphens elsewhere', VALUE.replace('0199a1b2-c3d4', '0199a1b-2c3d4')],
    ['a letter past f in the id', VALUE.replace('0199a1b2', '0199a1g2')],
    ['a short secret', VALUE.slice(0, -1)],
    ['a long secret', `${VALUE}A`],
    ['padding', `${VALUE}=`],
    ['plain base64 (+)', `${ID}.+${SECRET.slice(1)}`],
    ['plain base64 (/)', `${ID}./${SECRET.slice(1)}`],
    ['another spelling of the same bytes', `${VALUE.slice(0, -1)}R`],
    ['a line break at the end', `${VALUE}\n`],
    ['a line break in place of the last character', `${VALUE.slice(0, -1)}\n`],
    ['space before', ` ${VALUE}`],
    ['a digit of another script', VALUE.replace('0', '٠')],
    ['a letter that folds to an ASCII one', `${ID}.ſ${SECRET.slice(1)}`],
    ['a dot in the secret', `${ID}..${SECRET.slice(1)}`],
    ['percent-encoding', VALUE.replace('.', '%2e')],
    ['a value of express-session', `s:${ID}.${SECRET}`],
    ['a very long value', VALUE.repeat(10_000)],
  ])('takes %s for no credential', (_what, value) => {
    expect(parseCredential(value)).toBeNull();
  });

  it('accepts exactly one spelling of each secret', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const accepted = Array.from(alphabet).filter((last) => parseCredential(VALUE.slice(0, -1) + last) !== null);
    const spellings = accepted.map((last) => Buffer.from('A'.repeat(42) + last, 'base64url').toString('base64url'));
    expect(accepted).toHaveLength(16);
    expect(spellings.map((secret) => secret.at(-1))).toEqual(accepted);
  });
});

describe('isSessionId', () => {
  it.each([ID, ID.toUpperCase(), '00000000-0000-0000-0000-000000000000'])('takes %s', (value) => {
    expect(isSessionId(value)).toBe(true);
  });

  it.each(['', 'x', `${ID}\n`, `{${ID}}`, ID.slice(1), ID.replaceAll('-', ''), VALUE])('refuses %j', (value) => {
    expect(isSessionId(value)).toBe(false);
  });
});

describe('recognise', () => {
  const GRACE = 10_000;
  const known = issueCredential(ID);
  const newer = issueCredential(ID);
  const at = 1_700_000_000_000;

  /** A session that was rotated from `known` to `newer`, and read so many milliseconds later. */
  function rotated(age: number, changes: Partial<StoredSession> = {}): StoredSession {
    return {
      secretHash: newer.secretHash,
      previousSecretHash: known.secretHash,
      rotatedAt: at,
      authenticatedAt: null,
      readAt: at + age,
      ...changes,
    } as StoredSession;
  }

  it.each<[string, Credential, StoredSession, string]>([
    ['the secret of the session', newer, rotated(0), 'current'],
    ['the secret of the session, long after', newer, rotated(1e9), 'current'],
    ['another secret', issueCredential(ID), rotated(0), 'unknown'],
    ['another secret, and nothing was ever rotated', known, rotated(0, { previousSecretHash: null }), 'unknown'],
    ['the previous secret, just rotated', known, rotated(0), 'previous'],
    ['the previous secret, at the last moment', known, rotated(GRACE - 0.001), 'previous'],
    ['the previous secret, too late', known, rotated(GRACE), 'unknown'],
    ['the previous secret, with no rotation noted', known, rotated(0, { rotatedAt: null }), 'unknown'],
    ['the previous secret, of a login', known, rotated(5, { authenticatedAt: at }), 'replaced'],
    ['the previous secret, of a login too long ago', known, rotated(GRACE, { authenticatedAt: at }), 'unknown'],
    ['the previous secret, rotated after a login', known, rotated(5, { authenticatedAt: at - 1 }), 'previous'],
  ])('knows %s', (_what, credential, stored, recognition) => {
    expect(recognise(credential, stored, GRACE)).toBe(recognition);
  });

  it('knows no previous secret where there is no grace', () => {
    expect(recognise(known, rotated(0), 0)).toBe('unknown');
  });
});
