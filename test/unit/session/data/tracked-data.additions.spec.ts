import { describe, expect, it } from '@jest/globals';
import { SessionArgumentError } from '../../../../lib/session.errors.js';
import { errorOf } from '../../../support/error-of.js';
import { changesOf, load, merge, nothing, pending } from './documents.js';

describe('increment', () => {
  it('adds here and now, and asks the store to add', () => {
    const document = load({ n: 5 });
    expect(document.increment('n', 1)).toBe(6);
    expect(document.increment('n', -3)).toBe(3);
    expect(document.data['n']).toBe(3);
    expect(changesOf(document)).toEqual({ ...nothing, increment: { n: -2 } });
  });

  it.each<[string, (document: ReturnType<typeof load>) => unknown, object]>([
    ['set, then added to', (d) => [d.set('n', 1), d.increment('n', 2)], { set: { n: 3 } }],
    ['added to, then set', (d) => [d.increment('n', 2), d.set('n', 1)], { set: { n: 1 } }],
    ['added to, then removed', (d) => [d.increment('n', 2), d.delete('n')], { unset: ['n'] }],
    ['removed, then added to', (d) => [d.delete('n'), d.increment('n', 2)], { set: { n: 2 } }],
    ['cleared, then added to', (d) => [d.clear(), d.increment('n', 2)], { set: { n: 2 } }],
    ['added to directly as well', (d) => [d.increment('n', 2), (d.data['n'] = 8)], { set: { n: 8 } }],
  ])('of a key that was %s leaves what the handler saw', (_what, write, expected) => {
    const document = load({ n: 5 });
    write(document);
    expect(changesOf(document)).toEqual({ ...nothing, ...expected });
  });

  it.each<[unknown]>([[Number.NaN], [Number.POSITIVE_INFINITY], ['1'], [1n], [null]])(
    'refuses to add %p, and changes nothing',
    (by) => {
      const document = load({ n: 5 });
      expect(() => document.increment('n', by as number)).toThrow(SessionArgumentError);
      expect(document.changes()).toBeNull();
    },
  );

  it.each([
    ['a text', 'secret'],
    ['an array', [1]],
    ['a boolean', true],
    ['an object', {}],
  ])('refuses to add to %s, and does not show it', (_what, value) => {
    const document = load({ n: value });
    expect(errorOf(SessionArgumentError, () => document.increment('n', 1)).message).not.toContain('secret');
    expect(document.changes()).toBeNull();
  });

  it.each(['a.b', '', '.'])('refuses %j, which is no top-level key', (key) => {
    expect(() => load({}).increment(key, 1)).toThrow(SessionArgumentError);
  });

  it.each([
    ['the data is untouched otherwise', () => {}],
    ['the application holds it', (d: ReturnType<typeof load>) => void d.data],
  ])('is sent even where rounding swallows it, and %s', (_what, before) => {
    const document = load({ n: 2 ** 60 });
    before(document);
    expect(document.isChanged).toBe(false);
    expect(document.increment('n', 1)).toBe(2 ** 60);
    expect(document.isChanged).toBe(true);
    const changes = pending(document);
    expect(changes.increment).toEqual(new Map([['n', 1]]));
    expect(merge({ n: 5 }, changes)).toEqual({ n: 6 });
    document.sent(changes);
    expect([document.isChanged, document.changes()]).toEqual([false, null]);
  });

  it('that comes to nothing is no change, be the number ever so large', () => {
    const document = load({ n: 2 ** 60 });
    document.increment('n', 1);
    document.increment('n', -1);
    expect([document.isChanged, document.changes()]).toEqual([false, null]);
  });

  it('adds to a key named __proto__ like to any other', () => {
    const document = load({});
    expect(document.increment('__proto__', 2)).toBe(2);
    expect([...(document.changes()?.increment ?? [])]).toEqual([['__proto__', 2]]);
  });
});

describe('push', () => {
  it('appends here and now, and asks the store to append', () => {
    const document = load({ l: ['a'] });
    expect(document.push('l', ['b'])).toBe(2);
    expect(document.push('l', ['c', 'd'])).toBe(4);
    expect(document.data['l']).toEqual(['a', 'b', 'c', 'd']);
    expect(changesOf(document)).toEqual({ ...nothing, push: { l: ['b', 'c', 'd'] } });
  });

  it('of nothing is no change, and makes no array', () => {
    const document = load({ l: ['a'] });
    expect([document.push('l', []), document.push('new', [])]).toEqual([1, 0]);
    expect(document.changes()).toBeNull();
  });

  it('keeps one item that is an array as one item', () => {
    const document = load({});
    document.push('l', [['a', 'b']]);
    expect(changesOf(document)?.push).toEqual({ l: [['a', 'b']] });
  });

  it('sends an object as it is at the end, if it was changed after it was pushed', () => {
    const document = load({ l: [0] });
    const item = { n: 1 };
    document.push('l', [item]);
    item.n = 2;
    expect(changesOf(document)).toEqual({ ...nothing, push: { l: [{ n: 2 }] } });
  });

  it.each<[string, (document: ReturnType<typeof load>) => unknown, object]>([
    ['edited directly', (d) => [d.push('l', ['x']), d.set('l.0', 'b')], { set: { l: ['b', 'x'] } }],
    ['appended to directly', (d) => [d.push('l', ['x']), d.set('l.2', 'y')], { set: { l: ['a', 'x', 'y'] } }],
    ['replaced before', (d) => [d.set('l', []), d.push('l', ['x'])], { set: { l: ['x'] } }],
    ['replaced afterwards', (d) => [d.push('l', ['x']), d.set('l', [])], { set: { l: [] } }],
    ['removed afterwards', (d) => [d.push('l', ['x']), d.delete('l')], { unset: ['l'] }],
    ['cleared before', (d) => [d.clear(), d.push('l', ['x'])], { set: { l: ['x'] } }],
  ])('to an array that was %s leaves what the handler saw', (_what, write, expected) => {
    const document = load({ l: ['a'] });
    write(document);
    expect(changesOf(document)).toEqual({ ...nothing, ...expected });
  });

  it.each([
    ['a text', 'ab'],
    ['an object', { length: 1 }],
    ['a number', 0],
  ])('refuses %s', (_what, value) => {
    const document = load({ l: value });
    expect(() => document.push('l', [1])).toThrow(SessionArgumentError);
    expect(document.changes()).toBeNull();
  });

  it('refuses a path', () => {
    expect(() => load({ a: { l: [] } }).push('a.l', [1])).toThrow(SessionArgumentError);
  });
});
