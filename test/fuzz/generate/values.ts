import fc from 'fast-check';
import { anyText, isStorableText } from './texts.js';

/** A value that is made anew for each use, as some can be used once only. */
export interface Made {
  /** What it is, for the report of a case that fails. */
  readonly name: string;
  readonly make: () => unknown;
  /** Whether it says the same however often it is read. */
  readonly isStable: boolean;
}

/** Plain data that can be stored, of moderate size. */
export const plainValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    anyText.filter(isStorableText),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(anyText.filter(isStorableText), tie('value'), { maxKeys: 4 }),
  ),
})).value;

class Instance {
  readonly field = 1;
}
class List extends Array<unknown> {}

function nested(levels: number, inArrays: boolean): unknown {
  let value: unknown = inArrays ? [] : {};
  for (let level = 1; level < levels; level++) value = inArrays ? [value] : { in: value };
  return value;
}

function cycle(length: number): unknown {
  const first: Record<string, unknown> = {};
  let last = first;
  for (let step = 1; step < length; step++) last = last['next'] = {} as Record<string, unknown>;
  last['next'] = first;
  return first;
}

const thrower = (): never => {
  throw new Error('thrown by the value');
};
const withGetter = (get: () => unknown, key = 'key'): object =>
  Object.defineProperty({ before: 1 }, key, { get, enumerable: true, configurable: true });
const hidden = (object: object, key: string, value: unknown): object =>
  Object.defineProperty(object, key, { value, enumerable: false, configurable: true });
const proxied = (handler: ProxyHandler<object>, target: object = { key: 1 }): object => new Proxy(target, handler);
function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}
/** A function that gives one thing after the other, and the last one from then on. */
function inTurn(...given: unknown[]): () => unknown {
  let at = 0;
  return () => given[Math.min(at++, given.length - 1)];
}

const STABLE: Record<string, () => unknown> = {
  undefined: () => undefined,
  'a bigint': () => 10n,
  'NaN': () => NaN,
  '-0': () => -0,
  'Infinity': () => -Infinity,
  'the biggest number': () => Number.MAX_VALUE,
  'the smallest number': () => Number.MIN_VALUE,
  'a symbol': () => Symbol('symbol'),
  'a function': () => thrower,
  'a Date': () => new Date(0),
  'a Date that is none': () => new Date(NaN),
  'a Map': () => new Map([[1, 2]]),
  'a Set': () => new Set([1]),
  'a RegExp': () => /x/,
  'a Promise': () => Promise.resolve(1),
  'a Buffer': () => Buffer.from('x'),
  'an Error': () => new Error('x'),
  'an instance': () => new Instance(),
  'a boxed string': () => Object('text') as unknown,
  'a cycle of one': () => cycle(1),
  'a cycle of three': () => cycle(3),
  'a cycle of 100': () => cycle(100),
  'an array in itself': () => {
    const list: unknown[] = [1];
    list.push(list);
    return list;
  },
  'one object twice': () => {
    const shared = { in: [1] };
    return { left: shared, right: shared };
  },
  'a hole': () => [1, , 2], // oxlint-disable-line no-sparse-arrays -- that is the case
  'a huge empty array': () => Object.assign([], { length: 2 ** 32 - 1 }),
  'undefined in an array': () => [undefined],
  'an array with a name': () => Object.assign([1], { name: 1 }),
  'a subclass of Array': () => List.from([1]),
  'a symbol as key': () => ({ [Symbol('key')]: 1 }),
  'a getter': () => withGetter(() => 1),
  'a getter that throws': () => withGetter(thrower),
  'a getter called toJSON that throws': () => withGetter(thrower, 'toJSON'),
  'a member called toJSON': () => ({ toJSON: 1 }),
  'toJSON that throws': () => ({ toJSON: thrower }),
  'toJSON that gives something else': () => ({ key: 1, toJSON: () => 'something else' }),
  'a hidden toJSON that throws': () => hidden({ key: 1 }, 'toJSON', thrower),
  'a hidden toJSON that gives nothing': () => hidden({ key: 1 }, 'toJSON', () => undefined),
  'a hidden toJSON that gives NUL': () => hidden({ key: 1 }, 'toJSON', () => ({ 'a\0': 'b\0' })),
  'a hidden toJSON that gives a bigint': () => hidden({ key: 1 }, 'toJSON', () => 1n),
  'a hidden toJSON of an array': () => hidden([1], 'toJSON', () => undefined),
  'a proxy with a toJSON': () => proxied({ get: (target, key) => (key === 'toJSON' ? thrower : Reflect.get(target, key)) }),
  'an object without a prototype': () => Object.assign(Object.create(null) as object, { key: 1 }),
  'a member called __proto__': () => JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as unknown,
  'a frozen object': () => Object.freeze({ key: Object.freeze([1]) }),
  'a proxy of an object': () => proxied({}),
  'a proxy that throws for everything': () =>
    proxied({ get: thrower, has: thrower, ownKeys: thrower, getPrototypeOf: thrower, getOwnPropertyDescriptor: thrower }),
  'a proxy that throws for keys': () => proxied({ ownKeys: thrower }),
  'a proxy that throws for values': () => proxied({ get: thrower }),
  'a proxy that throws for its prototype': () => proxied({ getPrototypeOf: thrower }),
  'a revoked proxy': () => revoked({}),
  'a revoked proxy of an array': () => revoked([]),
}; // prettier-ignore

/** What reads otherwise the next time, or otherwise by JSON.stringify() than by its members. */
const UNSTABLE: Record<string, () => unknown> = {
  'a getter that throws the second time': () => {
    let times = 0;
    return withGetter(() => (times++ === 0 ? 1 : thrower()));
  },
  'a getter that gives a number, then a bigint': () => withGetter(inTurn(1, 1n)),
  'a getter that gives a number, then NUL': () => withGetter(inTurn(1, '\0')),
  'a getter that gives a number, then half a pair': () => withGetter(inTurn(1, '\ud800')),
  'a getter that gives a number, then nothing': () => withGetter(inTurn(1, undefined)),
  'a getter that gives a number, then a cycle': () => withGetter(inTurn(1, cycle(2))),
  'a getter that gives a number, then depth': () => withGetter(inTurn(1, nested(100_000, true))),
  'a getter that gives a new object each time': () => withGetter(() => ({ now: {} })),
  'a getter that gives one level more each time': () => {
    let value: unknown = 1;
    return withGetter(() => (value = { in: value }));
  },
  'a proxy that has ever more keys': () => {
    let count = 0;
    const descriptor = { value: 1, enumerable: true, configurable: true };
    return proxied({ ownKeys: () => Array.from({ length: ++count }, (_, index) => `k${index}`), getOwnPropertyDescriptor: () => descriptor, get: (_target, key) => (key === 'toJSON' ? undefined : 1) }, {});
  },
  'a proxy that is endless': () => {
    const endless: object = proxied({ get: (_target, key) => (key === 'toJSON' ? undefined : endless) });
    return endless;
  },
}; // prettier-ignore

const named = (values: Record<string, () => unknown>, isStable: boolean): fc.Arbitrary<Made> =>
  fc.constantFrom(...Object.entries(values)).map(([name, make]) => ({ name, make, isStable }));

const deep: fc.Arbitrary<Made> = fc
  .tuple(fc.constantFrom(2, 62, 63, 64, 65, 66, 1_000, 100_000), fc.boolean())
  .map(([levels, inArrays]) => ({
    name: `${levels} ${inArrays ? 'arrays' : 'objects'}, one in another`,
    make: () => nested(levels, inArrays),
    isStable: true,
  }));

const plain: fc.Arbitrary<Made> = plainValue.map((value) => ({
  name: 'plain data',
  value,
  make: () => structuredClone(value),
  isStable: true,
}));

const any: fc.Arbitrary<Made> = fc
  .anything({
    key: anyText,
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
  })
  .map((value) => ({ name: 'anything', value, make: () => value, isStable: true }));

/** A value with another somewhere inside. */
const within = (inner: fc.Arbitrary<Made>): fc.Arbitrary<Made> =>
  fc.tuple(inner, anyText.filter(isStorableText), fc.nat(4)).map(([{ name, make, isStable }, key, levels]) => ({
    name: `${name}, ${levels + 1} levels down, under ${JSON.stringify(key)}`,
    make: () => {
      let value = make();
      for (let level = 0; level <= levels; level++) {
        value = level % 2 === 1 ? [value] : Object.fromEntries([[key, value], ['beside', level]]); // prettier-ignore
      }
      return value;
    },
    isStable,
  }));

const strange = fc.oneof(
  { weight: 6, arbitrary: named(STABLE, true) },
  { weight: 3, arbitrary: named(UNSTABLE, false) },
  { weight: 1, arbitrary: deep },
  { weight: 3, arbitrary: any },
);

/** Any value that a program can have. */
export const anyValue: fc.Arbitrary<Made> = fc.oneof(
  { weight: 3, arbitrary: plain },
  { weight: 5, arbitrary: strange },
  { weight: 2, arbitrary: within(strange) },
);
