import { describe, expect, it } from '@jest/globals';
import type { DataChanges } from '../../../../lib/session/data/changes.js';
import { SessionDataError } from '../../../../lib/session.errors.js';
import { load } from './documents.js';

const sets = (document: ReturnType<typeof load>) => Object.fromEntries(document.changes()?.set ?? []);

describe('What was refused', () => {
  const refused = (change: (document: ReturnType<typeof load>) => void): ReturnType<typeof load> => {
    const document = load('{"a":{"deep":1},"ab":1,"n":1}');
    change(document);
    expect(() => document.changes()).toThrow('cannot be stored');
    document.noteRefusal();
    return document;
  };

  it.each<[string, (document: ReturnType<typeof load>) => void]>([
    ['by a method', (document) => document.set('bad', 1n)],
    ['in place', (document) => (document.data['bad'] = 1n)],
    ['in place, further down', (document) => (document.data['a'] = { deep: 1n })],
  ])('is dropped, and the rest stays to be stored: %s', (_how, change) => {
    const document = refused((one) => {
      one.set('ok', 1);
      change(one);
    });
    const path = 'bad' in document.data ? 'bad' : 'a.deep';
    expect(document.dropRefused(path)).toBe(true);
    expect([sets(document), document.data['a'], 'bad' in document.data]).toEqual([{ ok: '1' }, { deep: 1 }, false]);
    expect(document.dropRefused(path)).toBe(false);
  });

  it('is known by the key at the beginning of its path, and not by one that begins the same', () => {
    const document = refused((one) => one.set('ab', { x: 1n }));
    expect([document.dropRefused('a'), document.dropRefused('a.b.x'), document.dropRefused('abc')]).toEqual([
      false,
      false,
      false,
    ]);
    expect(document.dropRefused('ab.x')).toBe(true);
    expect(document.changes()).toBeNull();
  });

  it.each<[string, (document: ReturnType<typeof load>, key: string) => void]>([
    ['values', (document, key) => document.set(key, 'a\0')],
    ['values of the data', (document, key) => (document.data[key] = 1n)],
    ['reserved keys', (document, key) => (document.data[`$${key}`] = 1)],
    ['items', (document, key) => document.push(key, [1n])],
  ])('is all dropped at once, which thousands would take seconds for one by one: %s', (_what, refuse) => {
    const document = load('{"n":1}');
    document.set('n', 2);
    for (let count = 0; count < 50; count++) refuse(document, `k${count}`);
    const pathOf = (): string => {
      try {
        document.changes();
        return 'none';
      } catch (error) {
        return (error as SessionDataError).path;
      }
    };
    const path = pathOf();
    document.noteRefusal();
    expect(document.dropRefused(path)).toBe(true);
    expect(pathOf()).toBe('none');
    expect(sets(document)).toEqual({ n: '2' });
  });

  it.each([
    ['all that was sent, where the whole document was refused', '', { n: 1, late: '4' }],
    ['the key that the store has refused', 'm', { n: 2, late: '4' }],
  ])('is %s', (_what, path, { n, late }) => {
    const document = load('{"n":1}');
    document.set('n', 2);
    document.set('m', 3);
    const takeBack = document.sent(document.changes() as DataChanges);
    document.set('late', 4);
    takeBack(new SessionDataError(path, 'refused'));
    document.noteRefusal();
    expect(document.dropRefused(path)).toBe(true);
    expect([sets(document), document.data['n']]).toEqual([n === 1 ? { late } : { n: '2', late }, n]);
  });

  it('is nothing where nothing was', () => {
    const document = load('{"n":1}');
    expect(document.dropRefused('n')).toBe(false);
    document.noteRefusal();
    expect([document.dropRefused('n'), document.dropRefused('')]).toEqual([false, false]);
  });
});
