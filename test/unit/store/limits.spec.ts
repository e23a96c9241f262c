import { describe, expect, it } from '@jest/globals';
import { SessionDataError } from '../../../lib/session.errors.js';
import { jsonbBytes, lengthOf, refuseLargeAuth, tooLargeData } from '../../../lib/store/limits.js';
import { errorOf } from '../../support/error-of.js';

describe('The size of a value, as PostgreSQL writes jsonb', () => {
  it.each<[unknown, string]>([
    [null, 'null'],
    [true, 'true'],
    ['', '""'],
    ['a"b', '"a\\"b"'],
    ['é😀', '"é😀"'],
    [0, '0'],
    [-12.5, '-12.5'],
    [1e21, `1${'0'.repeat(21)}`],
    [-1.5e300, `-15${'0'.repeat(299)}`],
    [1e-7, '0.0000001'],
    [-1.25e-7, '-0.000000125'],
    [[], '[]'],
    [[1], '[1]'],
    [[1, 'a', null], '[1, "a", null]'],
    [{}, '{}'],
    [{ a: 1 }, '{"a": 1}'],
    [{ a: 1, é: [{}, { b: [] }] }, '{"a": 1, "é": [{}, {"b": []}]}'],
  ])('is, for %j, that of %s', (value, text) => {
    expect(jsonbBytes(value)).toBe(Buffer.byteLength(text));
  });
});

describe('refuseLargeAuth', () => {
  it('takes a snapshot of as many bytes as there may be, and none', () => {
    expect(() => refuseLargeAuth('{"a":1}', 8)).not.toThrow();
    expect(() => refuseLargeAuth('{}', 2)).not.toThrow();
    expect(() => refuseLargeAuth(null, 0)).not.toThrow();
  });

  it('refuses one of more, as PostgreSQL writes it', () => {
    const error = errorOf(SessionDataError, () => refuseLargeAuth('{"a":1}', 7));
    expect([error.path, error.message]).toEqual([
      'auth',
      'The snapshot of the user that login() was given would exceed 7 bytes of JSON. Keep ids in it and look up the rest, or ' +
        'raise the option "maxDataBytes", which bounds the data and the snapshot, each by itself.',
    ]);
    expect(() => refuseLargeAuth('{"a":1e300}', 100)).toThrow(SessionDataError);
  });

  it('does not parse what is too big anyway', () => {
    expect(() => refuseLargeAuth('x'.repeat(9), 8)).toThrow(SessionDataError);
  });
});

describe('tooLargeData', () => {
  it('is about the whole document, and names the limit and the option', () => {
    const { path, message } = tooLargeData(100);
    expect([path, message]).toEqual([
      '',
      'The session\'s data would exceed 100 bytes of JSON. Keep large things elsewhere and an id here, or raise the option "maxDataBytes".',
    ]);
  });
});

describe('lengthOf', () => {
  it('is what keys and values add up to, and of an increment its key alone', () => {
    const none = { set: new Map(), unset: ['gone'], increment: new Map(), push: new Map() };
    expect([lengthOf(null), lengthOf(none)]).toEqual([0, 0]);
    expect(
      lengthOf({
        ...none,
        set: new Map([
          ['a', '"text"'],
          ['bc', '1'],
        ]),
      }),
    ).toBe(10);
    expect(lengthOf({ ...none, push: new Map([['list', '["b"]']]) })).toBe(9);
    expect(
      lengthOf({
        ...none,
        set: new Map([['a', '1']]),
        increment: new Map([
          ['n', 1_000],
          ['mm', 1],
        ]),
      }),
    ).toBe(5);
  });
});
