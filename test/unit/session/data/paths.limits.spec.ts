import { describe, expect, it } from '@jest/globals';
import { MAX_DEPTH } from '../../../../lib/session/data/json.js';
import { deletePath, getPath, setPath } from '../../../../lib/session/data/paths.js';
import { SessionArgumentError, SessionDataError } from '../../../../lib/session.errors.js';
import { errorOf } from '../../../support/error-of.js';
import { load } from './documents.js';

describe('A path', () => {
  it('leads as deep as data can be stored, and is refused at once where it leads deeper', () => {
    const deepest = Array.from({ length: MAX_DEPTH + 1 }, () => 'a').join('.');
    const root = {};
    setPath(root, deepest, 1);
    expect(getPath(root, deepest)).toBe(1);
    expect(errorOf(SessionDataError, () => setPath(root, `${deepest}.a`, 1)).path).toBe(`${deepest}.a`);
  });

  it('names items by any number, of several digits as well', () => {
    const list = Array.from({ length: 11 }, (_, index) => index);
    setPath({ list }, 'list.10', 'ten');
    setPath({ list }, 'list.11', 'eleven');
    expect(list.slice(9)).toEqual([9, 'ten', 'eleven']);
    expect([deletePath({ list }, 'list.10'), list.slice(9)]).toEqual([true, [9, 'eleven']]);
  });

  it('that is no text is refused, naming what it is', () => {
    for (const path of [5, null, Symbol('a'), ['a']]) {
      expect(() => load({}).set(path as never, 1)).toThrow(SessionArgumentError);
      expect(() => load({}).get(path as never)).toThrow('A path into the session must be a non-empty string');
    }
  });

  it('through an item that is none names the path, and the item', () => {
    expect(() => setPath({ list: [] }, 'list.first', 1)).toThrow(
      'Cannot set "list.first": "first" is not an index of the array there.',
    );
  });
});
