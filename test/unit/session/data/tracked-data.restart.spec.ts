import { describe, expect, it } from '@jest/globals';
import { changesOf, load, nothing } from './documents.js';

describe('clear', () => {
  it('removes the keys that are there now, flash messages included', () => {
    const document = load({ a: 1, b: 2, '$flash:1': { category: 'c', message: 'm' } });
    const { data } = document;
    document.clear();
    expect(document.data).toBe(data);
    expect(document.flashes()).toEqual([]);
    expect(changesOf(document)).toEqual({ ...nothing, unset: ['a', 'b', '$flash:1'] });
  });

  it('and then set carries both', () => {
    const document = load({ a: 1, b: 2 });
    document.clear();
    document.set('b', 3);
    document.set('c', 4);
    expect(changesOf(document)).toEqual({ ...nothing, set: { b: 3, c: 4 }, unset: ['a'] });
  });

  it('of an empty document is no change', () => {
    const document = load(null);
    document.clear();
    expect(document.changes()).toBeNull();
  });

  it('removes what was written before it in the same request', () => {
    const document = load({});
    document.set('a', 1);
    document.increment('n', 1);
    document.flash('c', 'm');
    document.clear();
    expect(document.changes()).toBeNull();
  });
});

describe('detach', () => {
  it('takes everything along, as changes of a session that is not stored yet', () => {
    const document = load({ a: { b: 1 }, n: 1, '$flash:1': { category: 'c', message: 'm' } });
    document.increment('n', 1);
    document.detach();
    expect(changesOf(document)).toEqual({
      ...nothing,
      set: { a: { b: 1 }, n: 2, '$flash:1': { category: 'c', message: 'm' } },
    });
  });

  it('has nothing to remove, whatever was removed before', () => {
    const document = load({ a: 1, b: 2 });
    document.delete('a');
    document.detach();
    document.delete('b');
    expect(document.changes()).toBeNull();
  });
});

describe('replace', () => {
  it('starts over, in the object that the handler holds', () => {
    const document = load({ a: 1 });
    const { data } = document;
    document.set('b', 1);
    document.flash('c', 'm');
    document.replace({ data: '{"a": 2}' });
    expect(document.data).toBe(data);
    expect({ ...data }).toEqual({ a: 2 });
    expect(document.flashes()).toEqual([]);
    expect(document.changes()).toBeNull();
  });

  it('with null starts over with nothing, and with nothing to remove', () => {
    const document = load({ a: 1 });
    document.set('b', 1);
    document.replace(null);
    expect(document.keys()).toEqual([]);
    expect(document.changes()).toBeNull();
  });

  it('costs nothing where the data was not read', () => {
    const document = load('{unreadable');
    document.replace({ data: '{"a": 2}' });
    expect(document.changes()).toBeNull();
    expect(document.get('a')).toBe(2);
  });

  it('tells again where the new text cannot be read', () => {
    const problems: unknown[] = [];
    const document = load('{', (error) => problems.push(error));
    expect(document.keys()).toEqual([]);
    document.replace({ data: '[]' });
    expect(document.keys()).toEqual([]);
    expect(problems).toHaveLength(2);
  });
});
