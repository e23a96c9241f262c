import { describe, expect, it } from '@jest/globals';
import {
  checkKey,
  encodeJson,
  isPlainObject,
  itemsOf,
  MAX_DEPTH,
  readObject,
} from '../../../../lib/session/data/json.js';
import { SessionDataError } from '../../../../lib/session.errors.js';
import { errorOf } from '../../../support/error-of.js';

describe('What cannot be looked at', () => {
  const down = new Error('a getter');
  const throwing = (): never => {
    throw down;
  };

  it.each<[string, object, string]>([
    [
      'an object with a getter that throws',
      { inner: Object.defineProperty({}, 'a', { get: throwing, enumerable: true }) },
      'data.inner',
    ],
    ['a proxy', [new Proxy({}, { getPrototypeOf: throwing })], 'data.0'],
  ])('is refused with its path, and why: %s', (_what, value, path) => {
    const error = errorOf(SessionDataError, () => encodeJson(value, 'data'));
    expect([error.path, error.cause]).toEqual([path, down]);
    expect(error.message).toBe(
      `Session data at "${path}" is an object that cannot be looked at: a getter or a proxy throws, which cannot be ` +
        'stored. Store plain data instead.',
    );
  });

  it('is refused as well where it can be looked at once only', () => {
    let looks = 0;
    const value = Object.defineProperty({}, 'a', { get: () => (looks++ > 0 ? throwing() : 1), enumerable: true });
    expect(errorOf(SessionDataError, () => encodeJson(value, 'data')).message).toContain('cannot be looked at');
  });
});

describe('What a message says of a value', () => {
  it.each<[unknown, string]>([
    [() => {}, 'is a function, which cannot be stored. Store plain data instead.'],
    [1n, 'is a bigint, which cannot be stored. Store plain data instead.'],
    [
      Object.assign([1], { total: 1 }),
      'is an array with more to it than items, which cannot be stored. Store plain data instead, e.g. [...array].',
    ],
  ])('is what it is, and what to do', (value, text) => {
    expect(errorOf(SessionDataError, () => encodeJson(value, 'a')).message).toBe(`Session data at "a" ${text}`);
  });

  it('of one that says itself what it is, is to store that', () => {
    const realm = Object.assign(Object.create(null) as object, { toString: () => '', toJSON: () => 1 });
    expect(errorOf(SessionDataError, () => encodeJson({ a: Object.create(realm) }, 'data')).message).toBe(
      'Session data at "data.a" is an object that says what it is by toJSON(), which cannot be stored. Store what that ' +
        'gives instead.',
    );
    expect(encodeJson({ toJSON: 1 }, 'data')).toBe('{"toJSON":1}');
  });

  it('names a key that cannot be stored as a key', () => {
    expect(checkKey('a\0')).toMatchObject({ kind: 'a key with a NUL character' });
    expect(errorOf(SessionDataError, () => encodeJson({ 'a\0': 1 }, 'data')).message).toContain(
      '"data" is a key with a NUL character',
    );
  });
});

describe('A list', () => {
  it('is an array that can be looked at', () => {
    const { proxy, revoke } = Proxy.revocable<number[]>([], {});
    revoke();
    const unreadable = new Proxy([1], {
      get: () => {
        throw new Error('no');
      },
    });
    expect([[1, 2], [], 'ab', undefined, new Set([1]), proxy, unreadable].map(itemsOf)).toEqual([
      [1, 2],
      [],
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});

describe('A stored document', () => {
  it('is as deep as it may be, whatever is in its texts', () => {
    const deep = (value: unknown, levels: number): unknown => (levels === 0 ? value : [deep(value, levels - 1)]);
    expect(() => encodeJson(deep('\u0001', MAX_DEPTH), 'data')).not.toThrow();
    expect(() => encodeJson(deep('\u0001', MAX_DEPTH + 1), 'data')).toThrow('nesting deeper than 64 levels');
  });

  it('may have null anywhere, and more objects than it may have levels', () => {
    const lists = Array.from({ length: MAX_DEPTH + 10 }, () => []);
    expect(readObject(JSON.stringify({ none: null, lists, last: [null] }))).toEqual({
      none: null,
      lists,
      last: [null],
    });
  });

  it.each([undefined, null, 5, 'text', () => {}])('is no %p', (value) => {
    expect(isPlainObject(value)).toBe(false);
  });
});
