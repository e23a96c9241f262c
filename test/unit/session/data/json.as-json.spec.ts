import { describe, expect, it } from '@jest/globals';
import { asJson, copyJson, kindOf, MAX_DEPTH, readObject, sameJson } from '../../../../lib/session/data/json.js';

/** A value inside so many objects, or arrays. */
function nested(levels: number, wrap: (inner: unknown) => unknown, inner: unknown = 1): unknown {
  let value = inner;
  for (let level = 0; level < levels; level++) value = wrap(value);
  return value;
}
const inObject = (inner: unknown) => ({ a: inner });
const inArray = (inner: unknown) => [inner];

describe('asJson', () => {
  it.each<[string, unknown]>([
    ['a text', 'a'],
    ['a number', -1.5],
    ['true', true],
    ['false', false],
    ['null', null],
    ['an empty array', []],
    ['an empty object', {}],
    ['objects and arrays', { a: [1, { b: 'x' }, [null]], c: {} }],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['an undefined property, which is absent anyway', { a: undefined, b: 1 }],
  ])('gives back %s as it is', (_what, value) => {
    expect(asJson(value)).toBe(value);
  });

  it.each<[string, unknown, unknown]>([
    ['a Date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a Date further down', { at: [new Date(0)], n: 1 }, { at: ['1970-01-01T00:00:00.000Z'], n: 1 }],
    [
      'an instance',
      new (class Cart {
        items = [1];
      })(),
      { items: [1] },
    ],
    ['what says so itself', { toJSON: () => 'short' }, 'short'],
    ['undefined in an array', [1, undefined], [1, null]],
    // oxlint-disable-next-line no-sparse-arrays -- what is tested
    ['a hole in an array', [1, , 2], [1, null, 2]],
    ['an array with more to it', Object.assign([1], { more: 1 }), [1]],
    ['a number that is not finite', { n: Number.NaN }, { n: null }],
    ['a symbol as key', { [Symbol('s')]: 1, a: 1 }, { a: 1 }],
    ['a function as a member', { f: () => 1, a: 1 }, { a: 1 }],
    ['a function', () => 1, undefined],
    ['a symbol', Symbol('s'), undefined],
    ['undefined', undefined, undefined],
  ])('makes of %s what JSON.stringify() does', (_what, value, json) => {
    expect(asJson(value)).toEqual(json);
  });

  it('gives back what JSON has no word for', () => {
    const cycle: { self?: unknown; at: Date } = { at: new Date() };
    cycle.self = cycle;
    expect([asJson(cycle) === cycle, asJson(5n)]).toEqual([true, 5n]);
  });

  it('leaves what has an array of four billion holes as it is, for it takes minutes to write that out', () => {
    const sparse: unknown[] = [];
    sparse[4_294_967_294] = 1;
    for (const value of [sparse, { at: new Date(), sparse }, [[sparse]], { toJSON: () => sparse }]) {
      expect(asJson(value)).toBe(value);
    }
  });

  it('does not look deeper than anything that is stored', () => {
    for (const wrap of [inObject, inArray]) {
      const date = new Date();
      const [seen, unseen] = [nested(MAX_DEPTH, wrap, date), nested(MAX_DEPTH + 1, wrap, date)];
      expect([asJson(seen) === seen, asJson(unseen) === unseen]).toEqual([false, true]);
    }
  });
});

describe('readObject', () => {
  it('takes data as deep as can be stored, of objects and of arrays, and none that is deeper', () => {
    for (const wrap of [inObject, inArray]) {
      const text = (levels: number) => JSON.stringify({ a: nested(levels, wrap, wrap === inObject ? {} : []) });
      expect(readObject(text(MAX_DEPTH - 1))).toEqual(JSON.parse(text(MAX_DEPTH - 1)));
      expect(() => readObject(text(MAX_DEPTH + 1))).toThrow(new TypeError('it is nested deeper than 64 levels'));
    }
  });

  it('says what it finds in the place of an object', () => {
    expect(() => readObject('[]')).toThrow(new TypeError('expected a JSON object, found an array'));
  });
});

describe('copyJson', () => {
  it('shares nothing with what it copies, whatever the names of its members', () => {
    const value = JSON.parse('{"a":[1,{"b":null}],"__proto__":{"c":1}}') as Record<string, any>;
    const copy = copyJson(value) as typeof value;
    expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
    expect([copy === value, copy['a'] === value['a'], copy['a'][1] === value['a'][1]]).toEqual([false, false, false]);
    expect(Object.getOwnPropertyDescriptor(copy, '__proto__')).toEqual({
      value: { c: 1 },
      configurable: true,
      enumerable: true,
      writable: true,
    });
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  });

  it('gives back what is no object', () => {
    const values = [1, 'a', null, undefined, true];
    expect(values.map(copyJson)).toEqual(values);
  });
});

describe('kindOf', () => {
  class Cart {}
  it.each<[unknown, string]>([
    [null, 'null'],
    [undefined, 'undefined'],
    [1, 'a number'],
    [[], 'an array'],
    [{}, 'an object'],
    [new Cart(), 'a Cart'],
    [new (class {})(), 'an object'],
    [Object.create(null), 'an object'],
    [Object.create({ constructor: null }), 'an object'],
    [Object.create({ constructor: { name: 5 } }), 'an object'],
    [
      new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error('looked at');
          },
        },
      ),
      'an object that cannot be looked at',
    ],
  ])('names what it is given: %#', (value, kind) => {
    expect(kindOf(value)).toBe(kind);
  });
});

describe('sameJson', () => {
  it('tells a value from what it cannot be compared with', () => {
    const throwing = {
      get a(): number {
        throw new Error('looked at');
      },
    };
    expect(sameJson(throwing, { a: 1 })).toBe(false);
    for (const [live, parsed] of [
      [null, {}],
      [{}, null],
      [1, {}],
      [{}, 1],
      ['a', 'b'],
      [null, 'a'],
    ]) {
      expect([live, parsed, sameJson(live, parsed)]).toEqual([live, parsed, false]);
    }
  });
});
