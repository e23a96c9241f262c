import { describe, expect, it } from '@jest/globals';
import { SessionArgumentError, SessionDataError } from '../../../../lib/session.errors.js';
import { errorOf } from '../../../support/error-of.js';
import { nested } from '../../../support/json-values.js';
import { changesOf, load, merge, nothing, pending } from './documents.js';

const KEY = /^\$flash:[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

describe('flash messages', () => {
  it('are taken out once, oldest first', () => {
    const document = load({});
    const texts = Array.from({ length: 50 }, (_, index) => `message ${index}`);
    for (const text of texts) document.flash('info', text);
    expect(document.flashes().map(({ message }) => message)).toEqual(texts);
    expect(document.flashes()).toEqual([]);
  });

  it('are taken out oldest first, however the row orders its keys', () => {
    const message = (text: string) => ({ category: 'c', message: text });
    const document = load({ '$flash:3': message('c'), '$flash:1': message('a'), '$flash:2': message('b') });
    expect(document.flashes().map((flash) => flash.message)).toEqual(['a', 'b', 'c']);
  });

  it('of one category leave the others where they are', () => {
    const document = load({});
    document.flash('error', 'e1');
    document.flash('info', 'i1');
    document.flash('error', 'e2');
    expect(document.flashes('error')).toEqual([
      { category: 'error', message: 'e1' },
      { category: 'error', message: 'e2' },
    ]);
    expect(document.flashes('warning')).toEqual([]);
    expect(document.flashes()).toEqual([{ category: 'info', message: 'i1' }]);
  });

  it('have a key of their own each, so that those of parallel requests merge', () => {
    const [one, other] = [load({}), load({})];
    one.flash('c', 'one');
    other.flash('c', 'other');
    const row = merge(merge({}, pending(one)), pending(other));
    expect(Object.keys(row)).toEqual([expect.stringMatching(KEY), expect.stringMatching(KEY)]);
    expect(
      load(row)
        .flashes()
        .map(({ message }) => message),
    ).toEqual(['one', 'other']);
  });

  it('are out of the sight of the data', () => {
    const document = load({});
    document.flash('c', 'm');
    expect([document.keys(), { ...document.data }]).toEqual([[], {}]);
  });

  it('are removed from the row when they were read, and only those', () => {
    const document = load({
      '$flash:1': { category: 'a', message: 1 },
      '$flash:2': { category: 'b', message: 2 },
      $other: 1,
    });
    document.flashes('a');
    expect(changesOf(document)).toEqual({ ...nothing, unset: ['$flash:1'] });
  });

  it('that are read in the same request are no change', () => {
    const document = load({});
    document.flash('c', 'm');
    document.flashes();
    expect(document.changes()).toBeNull();
  });

  it('come again if reading them could not be stored', () => {
    const document = load({ '$flash:1': { category: 'c', message: 'm' } });
    expect(document.flashes()).toHaveLength(1);
    document.discard();
    expect(document.flashes()).toHaveLength(1);
  });

  it.each<[string, unknown, unknown]>([
    ['an object', { key: 'welcome', args: [1] }, { key: 'welcome', args: [1] }],
    ['null', null, null],
    ['an empty text', '', ''],
    ['undefined, as null', undefined, null],
  ])('may be %s', (_what, message, stored) => {
    const document = load({});
    document.flash('c', message);
    expect(Object.values(changesOf(document)?.set ?? {})).toEqual([{ category: 'c', message: stored }]);
    expect(document.flashes()).toEqual([{ category: 'c', message: stored }]);
  });

  it('that cannot be stored are refused at once, naming the path', () => {
    const document = load({});
    const error = errorOf(SessionDataError, () => document.flash('info', { at: new Date() }));
    expect(error.path).toBe('flash.message.at');
    expect(document.changes()).toBeNull();
  });

  it.each([[''], [undefined], [null], [5], [['info']]])('need a category that is a text, not %j', (category) => {
    expect(() => load({}).flash(category as string, 'm')).toThrow(SessionArgumentError);
  });
});

describe('What was wrong once', () => {
  it.each(['null', '5', '"text"', '{}'])('never crash on a row that holds %s in place of one', (text) => {
    const document = load(`{"$flash:1": ${text}, "$flash:2": {"category": "c", "message": "m"}}`);
    expect(document.flashes('c')).toEqual([{ category: 'c', message: 'm' }]);
    expect(() => document.flashes().map(({ category }) => category)).not.toThrow();
  });

  it('that are too deep to be stored are refused at once, not by the commit', () => {
    const document = load({});
    expect(() => document.flash('c', nested(64))).toThrow(SessionDataError);
    expect(() => document.changes()).not.toThrow();
  });

  it.each(['a\0', '\ud800'])('of the category %j, which cannot be stored, are refused at once', (category) => {
    const document = load({});
    expect(() => document.flash(category, 'm')).toThrow(SessionDataError);
    expect(() => document.changes()).not.toThrow();
  });
});
