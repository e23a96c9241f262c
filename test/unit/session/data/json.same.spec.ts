import { runInNewContext } from 'node:vm';
import { parseCookie } from 'cookie';
import { describe, expect, it } from '@jest/globals';
import { encodeJson, isPlainObject, kindOf, sameJson } from '../../../../lib/session/data/json.js';
import { withProtoKey } from '../../../support/json-values.js';

describe('sameJson', () => {
  it.each<[string, unknown, unknown]>([
    ['equal scalars', 'a', 'a'],
    ['-0 and 0', -0, 0],
    ['objects whose keys come in another order', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
    ['an undefined property and an absent one', { a: 1, gone: undefined }, { a: 1 }],
    ['equal arrays', [1, [2, { a: null }]], [1, [2, { a: null }]]],
    ['an object without a prototype and one with', Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    ['an object of another realm', runInNewContext('({ a: [1] })'), { a: [1] }],
    ['equal members named __proto__', withProtoKey({ a: 1 }), withProtoKey({ a: 1 })],
  ])('sees no difference between %s', (_what, live, parsed) => {
    expect(sameJson(live, parsed)).toBe(true);
  });

  it.each<[string, unknown, unknown]>([
    ['a string and a number', '1', 1],
    ['null and an object', null, {}],
    ['an object and null', {}, null],
    ['false and null', false, null],
    ['an array and an object', [], {}],
    ['an object and an array', {}, []],
    ['an object that looks like the array', { 0: 'a' }, ['a']],
    ['arrays in another order', [1, 2], [2, 1]],
    ['a longer array', [1, 2], [1]],
    ['a shorter array', [1], [1, 2]],
    ['an added member', { a: 1, b: 2 }, { a: 1 }],
    ['a removed member', { a: 1 }, { a: 1, b: 2 }],
    ['a renamed member', { b: 1 }, { a: 1 }],
    ['a member that became undefined', { a: undefined }, { a: 1 }],
    ['a deep difference', { a: [{ b: 1 }] }, { a: [{ b: 2 }] }],
    ['a member that is inherited on one side', {}, withProtoKey({})],
    ['a member named __proto__ and the prototype of the other', withProtoKey({}), { a: 1 }],
    ['an own member named toString', { toString: 1 }, { a: 1 }],
    // oxlint-disable-next-line no-sparse-arrays -- that is the case
    ['a hole and null', [,], [null]],
    ['undefined and null in an array', [undefined], [null]],
    ['NaN and null', Number.NaN, null],
    ['NaN and itself', Number.NaN, Number.NaN],
    ['a Date and its text', new Date(0), new Date(0).toJSON()],
    ['an empty Map and an empty object', new Map(), {}],
    ['an object with a method', { toJSON: () => ({}) }, {}],
  ])('sees a difference between %s', (_what, live, parsed) => {
    expect(sameJson(live, parsed)).toBe(false);
  });

  it('ends when the live side contains itself', () => {
    const live: Record<string, unknown> = { a: {} };
    live['a'] = live;
    expect(sameJson(live, { a: { a: { a: 1 } } })).toBe(false);
  });
});

describe('isPlainObject', () => {
  it.each<[string, unknown]>([
    ['an object literal', {}],
    ['an object without a prototype', Object.create(null)],
    ['an object of another realm', runInNewContext('({})')],
    ['an object with an own constructor', { constructor: class Other {} }],
  ])('takes %s', (_what, value) => {
    expect(isPlainObject(value)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['an array', []],
    ['a function', () => 1],
    ['a class instance', new (class A {})()],
    ['an instance of a class that extends another', new (class extends class A {} {})()],
    ['a Date', new Date()],
    ['a Map of another realm', runInNewContext('new Map()')],
    ['an object that inherits from a literal', Object.create({ a: 1 })],
    ['an object that inherits from a bare object with data', Object.create(Object.create(null, { a: { value: 1 } }))],
    ['a string', 'x'],
  ])('refuses %s', (_what, value) => {
    expect(isPlainObject(value)).toBe(false);
  });
});

describe('kindOf', () => {
  it.each<[unknown, string]>([
    [null, 'null'],
    [undefined, 'undefined'],
    [[], 'an array'],
    [{}, 'an object'],
    [Object.create(null), 'an object'],
    [{ constructor: null }, 'an object'],
    [new Map(), 'a Map'],
    ['secret', 'a string'],
    [1, 'a number'],
    [1n, 'a bigint'],
    [Symbol('secret'), 'a symbol'],
    [() => 1, 'a function'],
  ])('names the kind of case %#', (value, kind) => {
    expect(kindOf(value)).toBe(kind);
  });
});

describe('What was wrong once', () => {
  it('kindOf never shows what a plain object contains', () => {
    expect(kindOf({ constructor: { name: 'hunter2' } })).toBe('an object');
  });

  it('takes a parsed query of Fastify, or the cookies of a request, for plain data', () => {
    // How fast-querystring and cookie make their objects: from a constructor with a bare, empty prototype.
    expect(encodeJson(parseCookie('page=2; sort=name'), 'filter')).toBe('{"page":"2","sort":"name"}');
  });

  it('notices a symbol that was added as a key, so that it is refused instead of lost', () => {
    expect(sameJson({ a: 1, [Symbol('s')]: 2 }, { a: 1 })).toBe(false);
  });

  it('notices a named property that was added to an array, so that it is refused instead of lost', () => {
    expect(sameJson(Object.assign([1], { total: 3 }), [1])).toBe(false);
  });
});
