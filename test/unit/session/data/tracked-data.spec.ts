import { describe, expect, it } from '@jest/globals';
import { SessionDataError } from '../../../../lib/session.errors.js';
import { errorOf } from '../../../support/error-of.js';
import { changesOf, load, nothing } from './documents.js';

describe('a document', () => {
  it('is not parsed until it is read', () => {
    const problems: unknown[] = [];
    const document = load('{unreadable', (error) => problems.push(error));
    expect(document.changes()).toBeNull();
    document.discard();
    expect(problems).toEqual([]);
    expect({ ...document.data }).toEqual({});
    expect(problems).toHaveLength(1);
  });

  it('shows what is stored, as one and the same object', () => {
    const document = load({ cart: { items: ['book'] } });
    expect(document.data['cart']).toEqual({ items: ['book'] });
    expect(document.data).toBe(document.data);
    expect(document.changes()).toBeNull();
  });

  it('gives no key a meaning: there is no prototype', () => {
    const { data } = load('{"__proto__": {"admin": true}}');
    expect(data['admin']).toBeUndefined();
    expect(data['toString']).toBeUndefined();
    expect(Object.keys(data)).toEqual(['__proto__']);
  });

  it.each(['', '{', '[]', 'null', '"text"', '5', '{"a": undefined}'])(
    'reads %j as empty, and tells so once',
    (text) => {
      const problems: unknown[] = [];
      const document = load(text, (error) => problems.push(error));
      expect(document.keys()).toEqual([]);
      document.set('a', 1);
      expect(changesOf(document)).toEqual({ ...nothing, set: { a: 1 } });
      document.discard();
      expect(document.keys()).toEqual([]);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toBeInstanceOf(Error);
    },
  );

  it('lists the top-level keys that hold something', () => {
    const document = load({ a: 1, $mine: 1, n: null });
    document.data['gone'] = undefined;
    expect(document.keys()).toEqual(['a', 'n']);
  });
});

describe('editing in place', () => {
  it('is noticed at any depth, key by key', () => {
    const document = load({ a: { b: { c: [1] } }, other: {} });
    (document.get('a.b.c') as number[]).push(2);
    expect(changesOf(document)).toEqual({ ...nothing, set: { a: { b: { c: [1, 2] } } } });
  });

  it('is no change once it is undone', () => {
    const document = load({ a: 1, l: [1] });
    document.set('a', 2);
    document.set('b', 1);
    document.delete('l');
    expect(document.changes()).not.toBeNull();
    document.set('l', [1]);
    document.set('a', 1);
    document.delete('b');
    expect(document.changes()).toBeNull();
  });

  it('with delete, undefined and set(path, undefined) removes alike', () => {
    const document = load({ a: 1, b: 2, c: 3, d: { e: 1, f: 2 } });
    delete document.data['a'];
    document.data['b'] = undefined;
    document.set('c', undefined);
    document.set('d.e', undefined);
    expect(changesOf(document)).toEqual({ ...nothing, set: { d: { f: 2 } }, unset: ['a', 'b', 'c'] });
  });

  it('of data that cannot be stored is refused when the changes are asked for, and only then', () => {
    const document = load({ a: 1 });
    document.set('cart.addedAt', new Date());
    expect(errorOf(SessionDataError, () => document.changes()).path).toBe('cart.addedAt');
    document.set('cart.addedAt', new Date(0).toISOString());
    expect(changesOf(document)?.set).toEqual({ cart: { addedAt: '1970-01-01T00:00:00.000Z' } });
  });

  it('of a cycle is refused', () => {
    const document = load({ a: {} });
    document.set('a.self', document.get('a'));
    expect(() => document.changes()).toThrow(/\(a cycle\)/);
  });

  it('keeps a member named __proto__ as data', () => {
    const document = load({});
    document.set('__proto__.admin', true);
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
    expect([...(document.changes()?.set ?? [])]).toEqual([['__proto__', '{"admin":true}']]);
  });
});

describe('keys that begin with $', () => {
  it('are out of sight, and survive whatever is done to the rest', () => {
    const document = load({ $ours: { n: 1 }, a: 1 });
    expect(document.keys()).toEqual(['a']);
    expect([document.get('$ours'), document.get('$ours.n'), document.delete('$ours')]).toEqual([
      undefined,
      undefined,
      false,
    ]);
    document.set('a', 2);
    expect(changesOf(document)).toEqual({ ...nothing, set: { a: 2 } });
  });

  it.each<[string, (document: ReturnType<typeof load>) => unknown]>([
    ['set', (document) => document.set('$a', 1)],
    ['set on a path', (document) => document.set('$flash:x.message', 1)],
    ['increment', (document) => document.increment('$a', 1)],
    ['push', (document) => document.push('$a', [1])],
  ])('are refused by %s, at once', (_what, write) => {
    const document = load({});
    expect(errorOf(SessionDataError, () => write(document)).message).toContain('reserved');
    expect(document.changes()).toBeNull();
  });

  it('are refused when they were written into the data directly', () => {
    const document = load({});
    document.data['$a'] = 1;
    expect(errorOf(SessionDataError, () => document.changes()).path).toBe('$a');
  });

  it('may stand further down', () => {
    const document = load({});
    document.set('query.$gt', 5);
    expect(changesOf(document)?.set).toEqual({ query: { $gt: 5 } });
  });
});

describe('What was wrong once', () => {
  it('takes a key that begins with $ and holds undefined for absent', () => {
    const document = load({});
    document.data['$a'] = undefined;
    expect(document.changes()).toBeNull();
  });

  it('refuses a symbol as key of the data itself, instead of losing it', () => {
    const document = load({ a: 1 });
    (document.data as Record<symbol, unknown>)[Symbol('key')] = 1;
    expect(errorOf(SessionDataError, () => document.changes()).message).toContain('a symbol as key');
    document.noteRefusal();
    expect(document.dropRefused('')).toBe(true);
    expect(document.changes()).toBeNull();
  });

  describe.each<[string, (data: Record<string, any>, get: () => unknown) => unknown]>([
    ['in the data', (data, get) => Object.defineProperty(data, 'key', { get, enumerable: true, configurable: true })],
    [
      'further down',
      (data, get) => Object.defineProperty(data['key'], 'in', { get, enumerable: true, configurable: true }),
    ],
  ])('takes a getter that throws, %s,', (_where, define) => {
    const withGetter = () => {
      const document = load({ key: { in: 1 }, $flash: 1 });
      define(document.data, () => {
        throw new Error('thrown by the getter');
      });
      return document;
    };

    it('for a change, which is refused with its path', () => {
      const document = withGetter();
      expect(document.isChanged).toBe(true);
      const { path, message } = errorOf(SessionDataError, () => document.changes());
      expect(path).toMatch(/^key/);
      expect(message).toContain('cannot be looked at');
    });

    it('for one that can be dropped', () => {
      const document = withGetter();
      expect(() => document.changes()).toThrow(SessionDataError);
      document.noteRefusal();
      expect(document.dropRefused('key')).toBe(true);
      expect(document.changes()).toBeNull();
    });

    it('for nothing that keeps the texts of the rest from being read', () => {
      expect([...withGetter().texts()]).toEqual([
        ['key', ''],
        ['$flash', '1'],
      ]);
    });
  });
});
