import { describe, expect, it } from '@jest/globals';
import type { Additions } from '../../../../lib/session/data/additions.js';
import { NO_CHANGES } from '../../../../lib/session/data/changes.js';
import {
  applyChanges,
  changesBetween,
  incremented,
  mergedText,
  pushed,
  textOf,
} from '../../../../lib/session/data/merge.js';
import { SessionDataError } from '../../../../lib/session.errors.js';
import { errorOf } from '../../../support/error-of.js';
import { withProtoKey } from '../../../support/json-values.js';

type Document = Record<string, unknown>;
const documentOf = (content: object): Document => Object.assign(Object.create(null) as Document, content);

/** What `changesBetween` finds, as plain data. */
function changes(before: object, live: object, additions: { increment?: object; push?: object } = {}) {
  const found = changesBetween(documentOf(before), documentOf(live), {
    increment: new Map(Object.entries(additions.increment ?? {})) as Additions['increment'],
    push: new Map(Object.entries(additions.push ?? {})) as Additions['push'],
  });
  return (
    found && {
      set: Object.fromEntries(found.set),
      unset: found.unset,
      increment: Object.fromEntries(found.increment),
      push: Object.fromEntries(found.push),
    }
  );
}

const nothing = { set: {}, unset: [], increment: {}, push: {} };

describe('changesBetween', () => {
  it.each<[string, object, object]>([
    ['nothing was changed', { a: 1, b: [{}] }, { a: 1, b: [{}] }],
    ['both are empty', {}, {}],
    ['the keys only come in another order', { a: 1, b: { c: 1, d: 2 } }, { b: { d: 2, c: 1 }, a: 1 }],
    ['a key was set to undefined that was never there', {}, { a: undefined }],
    ['0 became -0', { a: 0 }, { a: -0 }],
    ['the same was written again', { a: { b: null } }, { a: { b: null, c: undefined } }],
  ])('is null where %s', (_what, before, live) => {
    expect(changes(before, live)).toBeNull();
  });

  it('carries changed keys only, each as a whole', () => {
    expect(changes({ a: 1, b: { c: 1, d: 2 }, e: 3 }, { a: 1, b: { c: 9, d: 2 }, f: [] })).toEqual({
      ...nothing,
      set: { b: '{"c":9,"d":2}', f: '[]' },
      unset: ['e'],
    });
  });

  it('takes a key that became undefined for removed, and one that became null for set', () => {
    expect(changes({ a: 1, b: 2 }, { a: undefined, b: null })).toEqual({
      ...nothing,
      set: { b: 'null' },
      unset: ['a'],
    });
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])('treats the key %j like any other', (key) => {
    const content = JSON.parse(`{"${key}": {"a": 1}}`) as object;
    expect(changes({}, content)?.set).toEqual(JSON.parse(`{"${key}": "{\\"a\\":1}"}`));
    expect(changes(content, {})?.unset).toEqual([key]);
    expect(changes(content, content)).toBeNull();
  });

  it.each<[string, object, string]>([
    ['a value', { a: 1, b: { at: new Date() } }, 'b.at'],
    ['a value inside an array', { a: 1, b: [0, [1n]] }, 'b.1.0'],
    ['a new key', { 'a\0': 1 }, ''],
    ['a new key with half a surrogate pair', { '\udfff': 1 }, ''],
  ])('refuses %s that cannot be stored', (_what, live, path) => {
    expect(errorOf(SessionDataError, () => changes({ a: 1 }, live)).path).toBe(path);
  });

  it('finds what replaced a value, even where it serialises to the same text', () => {
    const at = new Date(0);
    expect(() => changes({ at: at.toJSON() }, { at })).toThrow(SessionDataError);
  });
});

describe('changesBetween, given increments', () => {
  it('sends the sum of the steps, not the result', () => {
    expect(changes({ n: 5 }, { n: 8 }, { increment: { n: [1, 2] } })).toEqual({ ...nothing, increment: { n: 3 } });
  });

  it('counts an absent key from zero', () => {
    expect(changes({}, { n: 2 }, { increment: { n: [2] } })).toEqual({ ...nothing, increment: { n: 2 } });
  });

  it('sends steps that come to nothing only where the key was absent', () => {
    expect(changes({ n: 5 }, { n: 5 }, { increment: { n: [2, -2] } })).toBeNull();
    expect(changes({}, { n: 0 }, { increment: { n: [0] } })).toEqual({ ...nothing, increment: { n: 0 } });
  });

  it('adds in the order of the calls, so that rounding explains itself', () => {
    const steps = [0.1, 0.2, 0.3];
    const live = steps.reduce((sum, step) => sum + step, 0.7);
    expect(changes({ n: 0.7 }, { n: live }, { increment: { n: steps } })?.set).toEqual({});
  });

  it.each<[string, object, object, number[]]>([
    ['was set before', { n: 5 }, { n: 11 }, [1]],
    ['was set afterwards', { n: 5 }, { n: 10 }, [1]],
    ['was removed first', { n: 5 }, { n: 1 }, [1]],
    ['was something else', { n: 'five' }, { n: 1 }, [1]],
  ])('sets the key that %s', (_what, before, live, steps) => {
    expect(changes(before, live, { increment: { n: steps } })).toEqual({
      ...nothing,
      set: { n: JSON.stringify((live as { n: number }).n) },
    });
  });

  it('removes the key that was removed afterwards', () => {
    expect(changes({ n: 5 }, {}, { increment: { n: [1] } })).toEqual({ ...nothing, unset: ['n'] });
    expect(changes({}, {}, { increment: { n: [1] } })).toBeNull();
  });

  it('refuses a new key that cannot be stored', () => {
    expect(() => changes({}, { 'n\0': 1 }, { increment: { 'n\0': [1] } })).toThrow(SessionDataError);
  });
});

describe('changesBetween, given pushes', () => {
  it('sends the new items, not the array', () => {
    expect(changes({ l: ['a'] }, { l: ['a', { b: 1 }, 'c'] }, { push: { l: [{ b: 1 }, 'c'] } })).toEqual({
      ...nothing,
      push: { l: '[{"b":1},"c"]' },
    });
    expect(changes({}, { l: [1] }, { push: { l: [1] } })).toEqual({ ...nothing, push: { l: '[1]' } });
  });

  it('sends an item as it is by then', () => {
    const item = { n: 1 };
    const live = { l: [item] };
    item.n = 2;
    expect(changes({ l: [] }, live, { push: { l: [item] } })?.push).toEqual({ l: '[{"n":2}]' });
  });

  it.each<[string, object, object, unknown[]]>([
    ['had another item changed', { l: [{ n: 1 }] }, { l: [{ n: 2 }, 'x'] }, ['x']],
    ['was sorted', { l: ['b'] }, { l: ['a', 'b'] }, ['a']],
    ['lost an item', { l: ['a', 'b'] }, { l: ['b', 'x'] }, ['x']],
    ['was replaced', { l: ['a'] }, { l: ['x'] }, ['x']],
    ['was something else', { l: 'text' }, { l: ['x'] }, ['x']],
  ])('sets the array that %s', (_what, before, live, items) => {
    expect(changes(before, live, { push: { l: items } })).toEqual({
      ...nothing,
      set: { l: JSON.stringify((live as { l: unknown[] }).l) },
    });
  });

  it('sees no change where the items were taken out again', () => {
    expect(changes({ l: ['a'] }, { l: ['a'] }, { push: { l: ['x'] } })).toBeNull();
    expect(changes({}, {}, { push: { l: ['x'] } })).toBeNull();
  });

  it('sets a key that was both added to and pushed to', () => {
    const additions = { increment: { l: [1] }, push: { l: ['x'] } };
    expect(changes({}, { l: ['x'] }, additions)).toEqual({ ...nothing, set: { l: '["x"]' } });
  });

  it('refuses items that cannot be stored', () => {
    expect(() => changes({}, { l: [undefined] }, { push: { l: [undefined] } })).toThrow(SessionDataError);
  });
});

describe('applyChanges', () => {
  const before = documentOf({ kept: { a: 1 }, gone: 1, n: 1, l: ['a'] });
  const live = documentOf({ kept: { a: 1 }, n: 3, l: ['a', { b: 1 }], added: { c: [] } });
  const found = changesBetween(before, live, { increment: new Map([['n', [2]]]), push: new Map([['l', [{ b: 1 }]]]) });
  const after = applyChanges(before, live, found ?? NO_CHANGES);

  it('comes to the live document', () => {
    expect({ ...after }).toEqual({ ...live });
    expect(changesBetween(after, live, { increment: new Map(), push: new Map() })).toBeNull();
  });

  it('shares nothing with it that a handler can change', () => {
    (live['l'] as { b: number }[])[1] = { b: 2 };
    (live['added'] as { c: unknown[] }).c.push(1);
    expect({ ...after }).toEqual({ kept: { a: 1 }, n: 3, l: ['a', { b: 1 }], added: { c: [] } });
  });

  it('leaves the document before as it was', () => {
    expect({ ...before }).toEqual({ kept: { a: 1 }, gone: 1, n: 1, l: ['a'] });
  });

  it('gives a key named __proto__ no meaning', () => {
    const evil = documentOf(withProtoKey({ admin: true }));
    const sent = changesBetween(documentOf({}), evil, { increment: new Map(), push: new Map() });
    const result = applyChanges(documentOf({}), evil, sent ?? NO_CHANGES);
    expect(Object.keys(result)).toEqual(['__proto__']);
    expect(result['admin']).toBeUndefined();
  });
});

describe('textOf', () => {
  it('is the document that consists of the changes', () => {
    const text = textOf({
      set: new Map([['a "quoted" key', '{"b":1}']]),
      unset: ['ignored'],
      increment: new Map([['n', -0.5]]),
      push: new Map([['__proto__', '["x"]']]),
    });
    expect(text).toBe('{"a \\"quoted\\" key":{"b":1},"n":-0.5,"__proto__":["x"]}');
  });

  it('is an empty object where there are none', () => {
    expect(textOf(NO_CHANGES)).toBe('{}');
  });
});

describe('mergedText', () => {
  it('is the stored document after the changes, as a database merges them', () => {
    const text = mergedText('{"kept":1,"old":2,"gone":3,"n":4,"list":[5]}', {
      set: new Map([['old', '{"a":1}']]),
      unset: ['gone'],
      increment: new Map([
        ['n', 2.5],
        ['m', 1],
      ]),
      push: new Map([
        ['list', '[6,[]]'],
        ['items', '[7]'],
      ]),
    });
    expect(JSON.parse(text)).toEqual({ kept: 1, old: { a: 1 }, n: 6.5, list: [5, 6, []], m: 1, items: [7] });
  });

  it('gives a key named __proto__ no meaning', () => {
    const changes = { ...NO_CHANGES, increment: new Map([['__proto__', 1]]) };
    expect(mergedText('{}', changes)).toBe('{"__proto__":1}');
  });
});

describe('an addition to a stored value', () => {
  it.each([[undefined], [null]])('counts %p as zero, and as empty', (value) => {
    expect([incremented('n', value, 2), pushed('list', value, '[1]')]).toEqual([2, [1]]);
  });

  it('adds in double precision, where a large number swallows a small one', () => {
    expect([incremented('n', 1e16, 1), incremented('n', 1e16, 2)]).toEqual([1e16, 1e16 + 2]);
  });

  it.each<[string, () => unknown, string]>([
    ['a number to a text', () => incremented('n', 'secret', 1), 'increment("n") met a string, which'],
    ['beyond what a number holds', () => incremented('n', 1.7e308, 1.7e308), 'increment("n") led out of the range'],
    ['an item to an object', () => pushed('l', {}, '[1]'), 'push("l") met an object, which'],
  ])('refuses to add %s, and does not say what stands there', (_what, add, message) => {
    const error = errorOf(SessionDataError, add);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('secret');
  });
});

describe('What was wrong once', () => {
  it('counts null like an absent key, as the database does, so that parallel increments all count', () => {
    expect(changes({ n: null }, { n: 1 }, { increment: { n: [1] } })).toEqual({ ...nothing, increment: { n: 1 } });
  });

  it('counts null like an empty array, as the database does, so that parallel pushes all count', () => {
    expect(changes({ l: null }, { l: ['x'] }, { push: { l: ['x'] } })).toEqual({ ...nothing, push: { l: '["x"]' } });
  });

  it.each<[string, object, number[]]>([
    ['a sum', { n: Number.MAX_VALUE }, [Number.MAX_VALUE]],
    ['steps', {}, [Number.MAX_VALUE, Number.MAX_VALUE]],
  ])('refuses %s that is no finite number, naming the key, before any SQL', (_what, before, steps) => {
    const live = { n: Number.POSITIVE_INFINITY };
    expect(errorOf(SessionDataError, () => changes(before, live, { increment: { n: steps } })).path).toBe('n');
  });

  it('names the index in the array, not among the new items', () => {
    const item = new Date();
    const action = () => changes({ l: ['a', 'b'] }, { l: ['a', 'b', item] }, { push: { l: [item] } });
    expect(errorOf(SessionDataError, action).path).toBe('l.2');
  });
});
