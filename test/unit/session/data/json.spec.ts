import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { checkKey, encodeJson, MAX_DEPTH, parseObject, readObject } from '../../../../lib/session/data/json.js';
import { SessionDataError } from '../../../../lib/session.errors.js';
import { errorOf } from '../../../support/error-of.js';
import { nested, withProtoKey } from '../../../support/json-values.js';

class Article {
  title = 'On sessions';
}

describe('encodeJson', () => {
  it.each([
    ['a string', 'naïve 😀 \u2028 "quoted"'],
    ['an empty string', ''],
    ['a number', 0.1 + 0.2],
    ['the largest number', Number.MAX_VALUE],
    ['the smallest number', Number.MIN_VALUE],
    ['a boolean', false],
    ['null', null],
    ['an array', [1, [2, []], { a: null }]],
    ['an object', { a: { b: [{}] }, '': 1, 'a.b': 2, constructor: 3, toString: 4, length: 5 }],
  ])('keeps %s as it is', (_what, value) => {
    expect(JSON.parse(encodeJson(value, 'key'))).toEqual(value);
  });

  it('turns -0 into 0', () => {
    expect(encodeJson({ n: -0 }, 'key')).toBe('{"n":0}');
  });

  it('leaves an undefined property out', () => {
    expect(encodeJson({ gone: undefined, here: 1 }, 'key')).toBe('{"here":1}');
  });

  it('keeps a member named __proto__ as ordinary data', () => {
    expect(encodeJson(withProtoKey({ admin: true }), 'key')).toBe('{"__proto__":{"admin":true}}');
  });

  it('takes objects without a prototype and objects of another realm for plain ones', () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 });
    expect(encodeJson([bare, runInNewContext('({ b: [2] })')], 'key')).toBe('[{"a":1},{"b":[2]}]');
  });

  it('keeps an object that is referred to twice, without taking it for a cycle', () => {
    const shared = { a: 1 };
    expect(encodeJson([shared, shared], 'key')).toBe('[{"a":1},{"a":1}]');
  });

  it.each([
    ['a Date', new Date(0), /is a Date.*toISOString\(\)/],
    ['a Date of another realm', runInNewContext('new Date(0)'), /is a Date.*toISOString\(\)/],
    ['a Map', new Map(), /is a Map.*\[\.\.\.map\]/],
    ['a Set', new Set(), /is a Set/],
    ['a Buffer', Buffer.from('x'), /is a Buffer/],
    ['a boxed string', Object('x'), /is a String/],
    ['an Error', new TypeError('secret'), /is a TypeError/],
    ['a class instance', new Article(), /is a Article/],
    ['a Promise', Promise.resolve(), /is a Promise/],
    ['an object that inherits data', Object.create({ inherited: 1 }), /is an object/],
    ['a BigInt', 1n, /is a bigint/],
    ['a function', () => 1, /is a function/],
    ['a symbol', Symbol('s'), /is a symbol/],
    ['undefined in an array', [1, undefined], /is undefined in an array.*null/],
    // oxlint-disable-next-line no-sparse-arrays -- that is the case
    ['a hole in an array', [1, , 3], /is undefined in an array/],
    ['NaN', Number.NaN, /is NaN.*finite/],
    ['Infinity', Number.POSITIVE_INFINITY, /is Infinity.*finite/],
    ['-Infinity', Number.NEGATIVE_INFINITY, /is -Infinity/],
    ['a symbol as key', { [Symbol('s')]: 1 }, /a symbol as key.*string keys/],
    ['an object with a toJSON method', { toJSON: () => 1 }, /is a function/],
    ['a getter of something refused', Object.defineProperty({}, 'now', { enumerable: true, get: () => 1n }), /bigint/],
    ['NUL in a string', 'a\0b', /a string with a NUL character.*base64/],
    ['NUL in a key', { 'a\0b': 1 }, /a key with a NUL character/],
    ['half a surrogate pair in a string', 'a\ud800b', /half a surrogate pair.*toWellFormed/],
    ['half a surrogate pair in a key', { '\udc00': 1 }, /a key with half a surrogate pair/],
  ])('refuses %s and says what to do', (_what, value, message) => {
    const error = errorOf(SessionDataError, () => encodeJson(value, 'cart'));
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/\. [A-Z].*\.$/);
    expect(error).toMatchObject({ code: 'ERR_SESSION_DATA', status: undefined, expose: false });
  });

  it.each([
    ['cart', new Date(0)],
    ['cart.items.1.at', { items: [{ at: 'x' }, { at: new Date(0) }] }],
    ['cart.1', ['x', undefined]],
    ['cart.a.b', { a: { 'b\0': 1, b: 1n } }],
  ])('names the path %s', (path, value) => {
    if (path === 'cart.a.b') delete (value as { a: Record<string, unknown> }).a['b\0'];
    expect(errorOf(SessionDataError, () => encodeJson(value, 'cart')).path).toBe(path);
  });

  it('names the object around a key that is refused, not the key itself', () => {
    expect(errorOf(SessionDataError, () => encodeJson({ a: { 'b\0': 1 } }, 'cart')).path).toBe('cart.a');
  });

  it('starts the path with the member where there is no path yet', () => {
    expect(errorOf(SessionDataError, () => encodeJson({ a: { b: 1n } }, '')).path).toBe('a.b');
  });

  it('never shows the value it refuses', () => {
    const error = errorOf(SessionDataError, () => encodeJson({ password: 'hunter2\0' }, 'user'));
    expect(error.message).not.toContain('hunter2');
  });

  it(`keeps ${MAX_DEPTH} levels and refuses one more`, () => {
    expect(encodeJson(nested(MAX_DEPTH), 'key')).toBe('['.repeat(MAX_DEPTH) + ']'.repeat(MAX_DEPTH));
    const error = errorOf(SessionDataError, () => encodeJson(nested(MAX_DEPTH + 1), 'key'));
    expect(error.message).toMatch(/nesting deeper than 64 levels.*flatter/);
    expect(error.path).toBe(`key${'.0'.repeat(MAX_DEPTH)}`);
  });

  it('counts objects and arrays alike as levels, and siblings not at all', () => {
    const objects = (levels: number): object => (levels === 1 ? {} : { a: objects(levels - 1) });
    expect(() => encodeJson([objects(63), objects(63), 1], 'key')).not.toThrow();
    expect(() => encodeJson([objects(64)], 'key')).toThrow(SessionDataError);
  });

  it.each([
    ['an object', () => Object.assign({}, { self: {} as object })],
    ['an array', () => [[] as unknown[]]],
  ])('calls a cycle through %s a cycle', (_what, make) => {
    const value = make() as { self?: object }[] & { self?: object };
    if (Array.isArray(value)) value[0] = value;
    else (value as { self: object }).self = value;
    expect(errorOf(SessionDataError, () => encodeJson(value, 'key')).message).toMatch(/\(a cycle\).*Store an id/);
  });
});

describe('checkKey', () => {
  it.each(['cart', '', '__proto__', 'a.b', '😀'])('takes %j', (key) => {
    expect(checkKey(key)).toBeNull();
  });

  it.each(['a\0', '\ud83d'])('refuses %j', (key) => {
    expect(checkKey(key)).toMatchObject({ path: '' });
  });
});

describe('readObject', () => {
  const text = (levels: number): string => '{"in":'.repeat(levels) + '[]' + '}'.repeat(levels);

  it('reads whatever can be stored, however many objects there are, and brackets in texts', () => {
    for (const value of [JSON.parse(text(63)), Array.from({ length: 1_000 }, () => [{}]), '[{'.repeat(1_000)]) {
      expect(readObject(`{"key":${encodeJson(value, 'key')}}`)).toEqual({ key: value });
    }
  });

  it.each([65, 6_000, 100_000])(
    'refuses what is nested %i levels deep, which nothing that works on it could take',
    (levels) => {
      expect(() => readObject(text(levels))).toThrow('nested deeper than 64 levels');
      expect(parseObject(text(levels))).toBeNull();
    },
  );

  it.each(['[]', 'null', '7', '"text"', '', '{'])('refuses %j', (text) => {
    expect(() => readObject(text)).toThrow(/^expected a JSON object|JSON/);
    expect(parseObject(text)).toBeNull();
  });
});

describe('What was wrong once', () => {
  it.each([
    ['a named property on an array', () => Object.assign([1], { total: 3 })],
    ['what a regular expression found', () => /(?<first>a)/.exec('abc')],
    ['an instance of a subclass of Array', () => new (class Items extends Array<number> {})(2).fill(1)],
  ])('refuses %s instead of losing a part of it', (_what, make) => {
    expect(() => encodeJson(make(), 'key')).toThrow(SessionDataError);
  });

  const hidden = (value: object, toJSON: () => unknown): object =>
    Object.defineProperty(value, 'toJSON', { value: toJSON });
  const inTurn = (...values: unknown[]): object => {
    let at = 0;
    return Object.defineProperty({}, 'key', { get: () => values[Math.min(at++, 1)], enumerable: true });
  };
  const throwing = (): never => {
    throw new Error('hunter2');
  };
  it.each<[string, object, string]>([
    ['an object with a hidden toJSON() that throws', hidden({ a: 1 }, throwing), 'toJSON()'],
    ['one that says nothing', hidden({ a: 1 }, () => undefined), 'toJSON()'],
    ['one that says something else', hidden({ a: 1 }, () => 'else'), 'toJSON()'],
    ['an array with one', hidden([1], () => 'else'), 'toJSON()'],
    ['a getter that gives a number and then a bigint', inTurn(1, 1n), 'cannot be looked at'],
    ['a getter that gives a number and then a NUL character', inTurn(1, '\0'), 'NUL'],
    ['a getter that gives a number and then half a pair', inTurn(1, '\ud83d'), 'half a surrogate pair'],
  ])('refuses %s, by an error that names the path', (_what, value, problem) => {
    const { path, message } = errorOf(SessionDataError, () => encodeJson([value], 'list'));
    expect(path).toMatch(/^list/);
    expect(message).toContain(problem);
    expect(message).not.toContain('hunter2');
  });
});
