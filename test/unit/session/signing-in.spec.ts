import { describe, expect, it } from '@jest/globals';
import { isUserId, signingIn, userIdOf } from '../../../lib/session/signing-in.js';
import { SessionArgumentError, SessionDataError } from '../../../lib/session.errors.js';
import { errorOf } from '../../support/error-of.js';

const USERS = ['a', '0', 'ada@example.org', '😀', 'a'.repeat(512)];
const NO_USERS: [unknown, string][] = [
  ['', 'an empty string'],
  ['a'.repeat(513), 'one of 513'],
  ['\0'.repeat(512), 'one with half of a character, or U+0000, in it'],
  ['a\0b', 'one with half of a character, or U+0000, in it'],
  ['a\ud83d', 'one with half of a character, or U+0000, in it'],
  [7, 'a number: use String(id)'],
  [7n, 'a bigint: use String(id)'],
  [null, 'null'],
  [undefined, 'undefined'],
  [['ada'], 'an array'],
  [{ id: 'ada' }, 'an object'],
];
const throwing = new Proxy(
  {},
  {
    getPrototypeOf: () => {
      throw new Error('looked at');
    },
  },
);

describe('a user id', () => {
  it('is a string of 1 to 512 characters', () => {
    for (const user of USERS) expect([user, isUserId(user), userIdOf('revoke', user)]).toEqual([user, true, user]);
  });

  it.each(NO_USERS)('is not %p', (value, found) => {
    expect(isUserId(value)).toBe(false);
    expect(errorOf(SessionArgumentError, () => userIdOf('revoke', value)).message).toBe(
      `revoke() takes the user's id as a string of 1 to 512 characters, but got ${found}.`,
    );
  });
});

describe('signingIn', () => {
  it('has no snapshot and no persistence of its own unless given', () => {
    expect(signingIn('ada', undefined, undefined)).toEqual({ userId: 'ada', auth: null, persistent: null });
  });

  it('writes the snapshot down as JSON', () => {
    const auth = { roles: ['admin'], tenant: { id: 1 } };
    expect(signingIn('ada', auth, false)).toEqual({ userId: 'ada', auth: JSON.stringify(auth), persistent: false });
    expect(signingIn('ada', {}, true)).toEqual({ userId: 'ada', auth: '{}', persistent: true });
  });

  it('refuses what is no user id, as an argument of login()', () => {
    expect(errorOf(SessionArgumentError, () => signingIn('', undefined, undefined)).message).toMatch(
      /^login\(\) takes/,
    );
  });

  it.each<[unknown, string]>([
    [null, 'null'],
    [['admin'], 'an array'],
    ['admin', 'a string'],
    [new Date(), 'a Date'],
    [throwing, 'an object that cannot be looked at'],
  ])('refuses a snapshot that is no plain object: %#', (auth, found) => {
    const error = errorOf(SessionDataError, () => signingIn('ada', auth as never, undefined));
    expect([error.path, error.message]).toEqual([
      'auth',
      `login() takes a plain object as snapshot of the user, not ${found}.`,
    ]);
  });

  it('names the place of what cannot be stored in a snapshot', () => {
    expect(errorOf(SessionDataError, () => signingIn('ada', { a: { b: 1n } }, undefined)).path).toBe('auth.a.b');
  });

  it.each([null, 1, 'true'])('refuses %p as "persistent"', (persistent) => {
    expect(errorOf(SessionArgumentError, () => signingIn('ada', undefined, persistent as never)).message).toMatch(
      /^login\(\) takes true or false as "persistent", but got (null|a number|a string)\.$/,
    );
  });
});
