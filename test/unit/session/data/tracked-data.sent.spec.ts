import { describe, expect, it } from '@jest/globals';
import { changesOf, load, nothing, pending } from './documents.js';

describe('sent', () => {
  it('leaves no changes behind', () => {
    const document = load({ a: 1, gone: 1, n: 1, l: [1] });
    document.set('b', { c: 1 });
    document.delete('gone');
    document.increment('n', 1);
    document.push('l', [2]);
    document.flash('info', 'x');
    document.sent(pending(document));
    expect(document.changes()).toBeNull();
    expect({ ...document.data }).toEqual({ a: 1, b: { c: 1 }, n: 2, l: [1, 2] });
  });

  it('lets later changes begin from there', () => {
    const document = load({ n: 1, l: [1], a: { b: 1 } });
    document.increment('n', 1);
    document.push('l', [2]);
    document.set('a.b', 2);
    document.sent(pending(document));
    document.increment('n', 5);
    document.push('l', [3]);
    document.set('a.c', 3);
    expect(changesOf(document)).toEqual({
      ...nothing,
      set: { a: { b: 2, c: 3 } },
      increment: { n: 5 },
      push: { l: [3] },
    });
  });

  it('notices that an object was changed that had been sent', () => {
    const document = load({});
    const pushed = { n: 1 };
    const set = { n: 1 };
    document.push('l', [pushed]);
    document.set('s', set);
    document.sent(pending(document));
    pushed.n = 2;
    set.n = 2;
    expect(changesOf(document)?.set).toEqual({ l: [{ n: 2 }], s: { n: 2 } });
  });

  it('taken back, asks for the same changes again', () => {
    const document = load({ n: 1, l: [1], gone: 1 });
    document.increment('n', 1);
    document.push('l', [2]);
    document.delete('gone');
    document.set('s', 1);
    const before = changesOf(document);
    const takeBack = document.sent(pending(document));
    takeBack();
    expect(changesOf(document)).toEqual(before);
  });

  it('taken back, asks for what came after it too', () => {
    const document = load({ n: 1, l: [1] });
    document.increment('n', 1);
    document.push('l', [2]);
    const takeBack = document.sent(pending(document));
    document.increment('n', 10);
    document.increment('m', 1);
    document.push('l', [3]);
    document.set('s', 1);
    takeBack();
    expect(changesOf(document)).toEqual({ ...nothing, set: { s: 1 }, increment: { n: 11, m: 1 }, push: { l: [2, 3] } });
  });

  it('taken back after a discard, counts what had been sent as pending again', () => {
    const document = load({ n: 1 });
    document.increment('n', 1);
    const takeBack = document.sent(pending(document));
    document.increment('n', 10);
    document.discard();
    takeBack();
    expect(changesOf(document)).toEqual({ ...nothing, increment: { n: 1 } });
  });
});

describe('discard', () => {
  it('goes back to what is stored, in the object that the handler holds', () => {
    const document = load({ a: { b: 1 }, n: 1, '$flash:1': { category: 'c', message: 'm' } });
    const { data } = document;
    document.set('a.b', 2);
    document.set('c', 1);
    document.increment('n', 1);
    expect(document.flashes()).toHaveLength(1);
    document.flash('c', 'new');
    document.discard();
    expect(document.data).toBe(data);
    expect({ ...data }).toEqual({ a: { b: 1 }, n: 1 });
    expect(document.changes()).toBeNull();
    expect(document.flashes()).toEqual([{ category: 'c', message: 'm' }]);
  });

  it('goes back to what was sent, not further', () => {
    const document = load({ a: 1 });
    document.set('a', 2);
    document.sent(pending(document));
    document.set('a', 3);
    document.discard();
    expect(document.data['a']).toBe(2);
    expect(document.changes()).toBeNull();
  });

  it('shares nothing with what it went back to', () => {
    const document = load({ a: { b: 1 } });
    document.set('a.b', 2);
    document.sent(pending(document));
    document.discard();
    document.set('a.b', 3);
    expect(changesOf(document)?.set).toEqual({ a: { b: 3 } });
    document.discard();
    expect(document.get('a.b')).toBe(2);
  });

  it('forgets additions, so that they do not explain later changes', () => {
    const document = load({ n: 1 });
    document.increment('n', 1);
    document.discard();
    document.set('n', 2);
    expect(changesOf(document)).toEqual({ ...nothing, set: { n: 2 } });
  });

  it('drops data that cannot be stored', () => {
    const document = load({ a: 1 });
    document.data['a'] = document.data;
    document.data['$a'] = 1;
    document.discard();
    expect(document.changes()).toBeNull();
  });

  it('keeps a key named __proto__', () => {
    const document = load('{"__proto__": {"a": 1}}');
    document.set('b', 1);
    document.discard();
    expect(JSON.stringify(document.data)).toBe('{"__proto__":{"a":1}}');
  });
});

describe('What was wrong once', () => {
  it('push changes the array that a handler holds, whose later edits would be lost otherwise', () => {
    const document = load({ l: ['a'] });
    const held = document.data['l'] as string[];
    document.push('l', ['b']);
    held.push('c');
    expect(document.data['l']).toEqual(['a', 'b', 'c']);
  });
});
