import { describe, expect, it } from '@jest/globals';
import { SessionDataError } from '../../../../lib/session.errors.js';
import { errorOf } from '../../../support/error-of.js';
import { changesOf, load, nothing } from './documents.js';

describe('A document that starts over from what is stored by now', () => {
  const row = { a: 1, b: 1, n: 1, l: ['a'] };

  it('does to that what has not been sent, of every kind', () => {
    const document = load(row);
    document.delete('a');
    document.set('b', 2);
    document.increment('n', 2);
    document.push('l', ['b']);
    document.rebase({ data: '{"a":5,"b":5,"n":5,"l":["x"],"other":1}' });
    expect(document.data).toEqual({ b: 2, n: 7, l: ['x', 'b'], other: 1 });
    expect(changesOf(document)).toEqual({ set: { b: 2 }, unset: ['a'], increment: { n: 2 }, push: { l: ['b'] } });
  });

  it('differs in nothing then, where nothing was to be sent', () => {
    const document = load(row);
    document.set('n', 1);
    expect(document.mayDiffer).toBe(true);
    document.rebase({ data: '{"n":5}' });
    expect([document.mayDiffer, document.get('n'), document.changes()]).toEqual([false, 5, null]);
  });

  it('differs in nothing either where an increment was taken back by hand', () => {
    const document = load(row);
    document.increment('n', 1);
    document.set('n', 1);
    expect([document.isChanged, document.changes()]).toEqual([false, null]);
  });

  it('has dropped nothing before anything was refused', () => {
    const document = load(row);
    document.set('n', 2);
    expect([document.dropRefused(''), document.get('n')]).toEqual([false, 2]);
  });

  it('forgets what was refused of a key, so that it can be set again', () => {
    const document = load({ n: 1 });
    document.set('bad', 1n);
    expect(() => document.changes()).toThrow(SessionDataError);
    document.noteRefusal();
    expect([document.dropRefused('bad'), document.changes()]).toEqual([true, null]);
    document.set('bad', 1);
    expect([document.dropRefused('bad'), changesOf(document)]).toEqual([false, { ...nothing, set: { bad: 1 } }]);
  });
});

describe('A symbol as key', () => {
  it('is refused for the whole document, and dropped with that alone', () => {
    const document = load({ n: 1 });
    Object.assign(document.data, { [Symbol('of an application')]: 1 });
    expect(document.dropRefused('')).toBe(false);
    expect(errorOf(SessionDataError, () => document.changes()).path).toBe('');
    document.set('n', 1n);
    expect(() => document.changes()).toThrow('a symbol as key');
    document.noteRefusal();
    expect([document.dropRefused('n'), document.get('n')]).toEqual([true, 1]);
    expect(() => document.changes()).toThrow('a symbol as key');
    expect([document.dropRefused(''), document.changes()]).toEqual([true, null]);
  });
});

describe('A getter that throws', () => {
  const withGetter = () => {
    const document = load({ n: 1 });
    const throwing = (): never => {
      throw new Error('no');
    };
    Object.defineProperty(document.data, 'bad', { get: throwing, enumerable: true, configurable: true });
    document.set('ok', 2);
    return document;
  };

  it('is dropped where it was refused', () => {
    const document = withGetter();
    expect(() => document.changes()).toThrow(SessionDataError);
    document.noteRefusal();
    expect([document.dropRefused('bad'), 'bad' in document.data]).toEqual([true, false]);
    expect(changesOf(document)).toEqual({ ...nothing, set: { ok: 2 } });
  });

  it('is replaced alone, and by whatever is set in its place', () => {
    const document = withGetter();
    expect(errorOf(SessionDataError, () => document.changes()).path).toBe('bad');
    document.data['bad'] = 'good';
    expect(changesOf(document)).toEqual({ ...nothing, set: { ok: 2, bad: 'good' } });
    expect(document.get('n')).toBe(1);
  });
});

describe('Messages in the place of which something else is stored', () => {
  it.each(['{}', '{"category":5}', 'null', '"text"'])('are none, and are removed: %s', (text) => {
    const document = load(`{"$flash:1":${text},"$flash:2":{"category":"info","message":1}}`);
    expect(document.flashes()).toEqual([{ category: 'info', message: 1 }]);
    expect(changesOf(document)).toEqual({ ...nothing, unset: ['$flash:1', '$flash:2'] });
  });
});
