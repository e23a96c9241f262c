import { describe, expect, it } from '@jest/globals';
import { deletePath, getPath, setPath } from '../../../../lib/session/data/paths.js';
import { SessionArgumentError } from '../../../../lib/session.errors.js';
import { errorOf } from '../../../support/error-of.js';

type Root = Record<string, unknown>;
const rootOf = (content: object): Root => Object.assign(Object.create(null) as Root, content);

const INHERITED = [
  '__proto__',
  'constructor',
  'toString',
  'a.__proto__',
  'a.constructor.name',
  'list.map',
  'text.trim',
];

describe('getPath', () => {
  const root = rootOf({
    a: { b: { c: 1 }, '': 'empty' },
    list: [{ x: 'first' }, 'second'],
    text: 'abc',
    nil: null,
    no: 0,
  });

  it.each<[string, unknown]>([
    ['a.b.c', 1],
    ['list.0.x', 'first'],
    ['list.1', 'second'],
    ['nil', null],
    ['no', 0],
    ['a.', 'empty'],
  ])('reads %s', (path, value) => {
    expect(getPath(root, path)).toBe(value);
  });

  it.each([
    'b',
    'a.x.y',
    'nil.a',
    'text.0',
    'text.length',
    'no.toFixed',
    'list.9',
    'list.-1',
    '.',
    'a..b',
    ...INHERITED,
  ])('finds nothing at %s', (path) => {
    expect(getPath(root, path)).toBeUndefined();
  });

  it.each([
    ['an empty path', ''],
    ['a number', 1],
    ['undefined', undefined],
    ['an array', ['a']],
  ])('refuses %s', (_what, path) => {
    expect(errorOf(SessionArgumentError, () => getPath(root, path as string)).message).toContain('non-empty string');
  });
});

describe('setPath', () => {
  it('writes at the top', () => {
    const root = rootOf({});
    setPath(root, 'a', 1);
    expect(root).toEqual({ a: 1 });
  });

  it('makes the objects that lead there, over null and undefined too', () => {
    const root = rootOf({ nil: null, gone: undefined });
    setPath(root, 'a.b.c', 1);
    setPath(root, 'nil.x', 2);
    setPath(root, 'gone.x', 3);
    expect(root).toEqual({ a: { b: { c: 1 } }, nil: { x: 2 }, gone: { x: 3 } });
  });

  it('changes objects and arrays in place', () => {
    const items = [{ n: 1 }, { n: 2 }];
    const root = rootOf({ cart: { items } });
    setPath(root, 'cart.items.1.n', 5);
    setPath(root, 'cart.items.2', 'new');
    expect(items).toEqual([{ n: 1 }, { n: 5 }, 'new']);
  });

  it.each(['text.a', 'no.a', 'yes.a.b'])('refuses to go through the scalar in %s, and changes nothing', (path) => {
    const root = rootOf({ text: 'abc', no: 0, yes: true });
    const { message } = errorOf(SessionArgumentError, () => setPath(root, path, 1));
    expect(message).toContain(`Cannot set "${path}"`);
    expect(root).toEqual({ text: 'abc', no: 0, yes: true });
  });

  it('never shows the value that stands in the way', () => {
    const root = rootOf({ token: 'hunter2' });
    expect(errorOf(SessionArgumentError, () => setPath(root, 'token.a', 1)).message).not.toContain('hunter2');
  });

  it.each(['list.name', 'list.length', 'list.-1', 'list.1e0', 'list.', 'list.__proto__', 'list. 1'])(
    'refuses %s, which is no index of the array',
    (path) => {
      const root = rootOf({ list: ['a'] });
      expect(() => setPath(root, path, 0)).toThrow(SessionArgumentError);
      expect(root['list']).toEqual(['a']);
    },
  );

  it.each(['list.2', 'list.2.name', 'list.4294967294', 'rows.0.3'])(
    'refuses %s, which would leave a hole in the array, and changes nothing',
    (path) => {
      const root = rootOf({ list: ['a'], rows: [['b']] });
      expect(errorOf(SessionArgumentError, () => setPath(root, path, 0)).message).toContain('beyond the end');
      expect(root).toEqual({ list: ['a'], rows: [['b']] });
    },
  );

  it('adds to an array by the index after its last', () => {
    const root = rootOf({ list: ['a'] });
    setPath(root, 'list.1', 'b');
    setPath(root, 'list.2.name', 'c');
    expect(root['list']).toEqual(['a', 'b', { name: 'c' }]);
  });

  it.each([
    '__proto__.polluted',
    'constructor.prototype.polluted',
    'a.__proto__.polluted',
    'a.constructor.prototype.polluted',
    'a.b.__proto__.polluted',
    '__proto__.__proto__.polluted',
  ])('pollutes nothing with %s, and keeps it as data', (path) => {
    const root = rootOf({ a: {} });
    setPath(root, path, 'x');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect((Object as unknown as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(root['a'] as object)).toBe(Object.prototype);
    expect(getPath(root, path)).toBe('x');
    const copy = rootOf(JSON.parse(JSON.stringify(root)) as object);
    expect(getPath(copy, path)).toBe('x');
  });

  it('writes a member named __proto__ without giving the object another prototype', () => {
    const root = rootOf({ a: {} });
    setPath(root, 'a.__proto__', { admin: true });
    expect((root['a'] as { admin?: unknown }).admin).toBeUndefined();
    expect(JSON.stringify(root['a'])).toBe('{"__proto__":{"admin":true}}');
  });
});

describe('deletePath', () => {
  it('removes a member, and says that it was there', () => {
    const root = rootOf({ a: { b: 1, c: 2 } });
    expect(deletePath(root, 'a.b')).toBe(true);
    expect(root).toEqual({ a: { c: 2 } });
    expect(deletePath(root, 'a')).toBe(true);
    expect(root).toEqual({});
  });

  it('removes what stands under the empty key', () => {
    const root = rootOf({ '': { a: 1, '': 2 } });
    expect(deletePath(root, '.a')).toBe(true);
    expect(deletePath(root, '.')).toBe(true);
    expect(root).toEqual({ '': {} });
    expect(deletePath(rootOf({}), '.a')).toBe(false);
  });

  it('removes an item from an array, which closes up', () => {
    const root = rootOf({ list: ['a', 'b', 'c'] });
    expect(deletePath(root, 'list.1')).toBe(true);
    expect(root).toEqual({ list: ['a', 'c'] });
  });

  it.each(['b', 'a.x', 'a.x.y', 'text.0', 'list.2', 'list.-1', 'list.length', 'list.name', ...INHERITED])(
    'says that there was nothing at %s, and changes nothing',
    (path) => {
      const root = rootOf({ a: {}, list: ['x', 'y'], text: 'abc' });
      expect(deletePath(root, path)).toBe(false);
      expect(root).toEqual({ a: {}, list: ['x', 'y'], text: 'abc' });
      expect({}.constructor).toBe(Object);
    },
  );

  it('refuses an empty path', () => {
    expect(() => deletePath(rootOf({}), '')).toThrow(SessionArgumentError);
  });
});

describe('What was wrong once', () => {
  it.each(['list.first.name', 'list.__proto__.name', 'list.-1.name', 'list.01', 'list.00.name', 'list.4294967295'])(
    'refuses %s, which JSON would lose because it is no index of the array',
    (path) => {
      const root = rootOf({ list: ['a'] });
      expect(() => setPath(root, path, 'x')).toThrow(SessionArgumentError);
      expect(Object.keys(root['list'] as object)).toEqual(['0']);
    },
  );

  it('never removes the first item in place of a named property', () => {
    const root = rootOf({ list: Object.assign(['a', 'b'], { name: 1 }) });
    deletePath(root, 'list.name');
    expect([...(root['list'] as string[])]).toEqual(['a', 'b']);
  });

  it('says that there was nothing where undefined stands', () => {
    expect(deletePath(rootOf({ gone: undefined }), 'gone')).toBe(false);
  });
});
