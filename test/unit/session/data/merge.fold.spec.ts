import { describe, expect, it } from '@jest/globals';
import { isDeepStrictEqual } from 'node:util';
import type { DataChanges } from '../../../../lib/session/data/changes.js';
import { foldChanges } from '../../../../lib/session/data/merge.js';
import { Random } from '../../../history/random.js';

type Document = Record<string, any>;
interface Change {
  set?: Document;
  unset?: string[];
  increment?: Record<string, number>;
  push?: Record<string, unknown[]>;
}

function changesOf({ set = {}, unset = [], increment = {}, push = {} }: Change): DataChanges {
  const texts = (values: object) => new Map(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]));
  return { set: texts(set), unset, increment: new Map(Object.entries(increment)), push: texts(push) };
}

/** The same, to be compared with. */
function plain(changes: DataChanges | null): Change | null {
  if (changes === null) return null;
  const values = (texts: ReadonlyMap<string, string>) =>
    Object.fromEntries([...texts].map(([key, text]) => [key, JSON.parse(text) as any]));
  return {
    ...(changes.set.size > 0 && { set: values(changes.set) }),
    ...(changes.unset.length > 0 && { unset: [...changes.unset] }),
    ...(changes.increment.size > 0 && { increment: Object.fromEntries(changes.increment) }),
    ...(changes.push.size > 0 && { push: values(changes.push) }),
  };
}

/** What the database does; `null` where it refuses. */
function apply(document: Document, changes: DataChanges): Document | null {
  const after = { ...document };
  for (const key of changes.unset) delete after[key];
  for (const [key, text] of changes.set) after[key] = JSON.parse(text);
  for (const [key, by] of changes.increment) {
    const old: unknown = document[key] ?? 0;
    if (typeof old !== 'number' || !Number.isFinite(old + by)) return null;
    after[key] = old + by;
  }
  for (const [key, items] of changes.push) {
    const old: unknown = document[key] ?? [];
    if (!Array.isArray(old)) return null;
    after[key] = [...old, ...(JSON.parse(items) as unknown[])];
  }
  return after;
}

const applyAll = (document: Document, ...all: DataChanges[]): Document | null =>
  all.reduce<Document | null>((data, changes) => data && apply(data, changes), document);

const KEYS = ['a', 'b', 'c'];
const NUMBERS = [0, 1, -1, 7, 1024, -3];

/** Values that tell themselves apart: what is added to, appended to, neither, or both as if nothing were there. */
function valueFrom(random: Random): unknown {
  const digit = () => random.integer(0, 8);
  return random.pick([random.pick(NUMBERS), [digit()], [], null, 'text', '', random.chance(0.5), {}, { n: digit() }]);
}

function documentFrom(random: Random): Document {
  const keys = KEYS.filter(() => random.chance(2 / 3));
  return Object.fromEntries(keys.map((key) => [key, valueFrom(random)]));
}

/** As `changesBetween` makes them: each key in one kind at most. */
function changesFrom(random: Random): DataChanges {
  const change = { set: {} as Document, unset: [] as string[], increment: {} as Document, push: {} as Document };
  for (const key of KEYS) {
    const kind = random.integer(0, 5);
    if (kind === 0) change.set[key] = valueFrom(random);
    else if (kind === 1) change.unset.push(key);
    else if (kind === 2) change.increment[key] = random.pick(NUMBERS);
    else if (kind === 3) change.push[key] = Array.from({ length: random.integer(1, 2) }, () => valueFrom(random));
  }
  return changesOf(change);
}

describe('foldChanges', () => {
  it.each<[string, Change, Change, Change | null]>([
    ['keeps changes of different keys', { set: { a: 1 } }, { unset: ['b'] }, { set: { a: 1 }, unset: ['b'] }],
    ['lets the later value win', { set: { a: 1 } }, { set: { a: 2 } }, { set: { a: 2 } }],
    ['removes what was set', { set: { a: 1 } }, { unset: ['a'] }, { unset: ['a'] }],
    ['sets what was removed', { unset: ['a'] }, { set: { a: 1 } }, { set: { a: 1 } }],
    ['adds to what was set', { set: { a: 1 } }, { increment: { a: 2 } }, { set: { a: 3 } }],
    ['adds to what was set to null', { set: { a: null } }, { increment: { a: 2 } }, { set: { a: 2 } }],
    ['adds to what was removed', { unset: ['a'] }, { increment: { a: 2 } }, { set: { a: 2 } }],
    ['adds twice', { increment: { a: 1 } }, { increment: { a: 2 } }, { increment: { a: 3 } }],
    ['forgets what was added before it was set', { increment: { a: 1 } }, { set: { a: 0 } }, { set: { a: 0 } }],
    ['forgets what was appended before it was removed', { push: { a: [1] } }, { unset: ['a'] }, { unset: ['a'] }],
    ['appends to what was set', { set: { a: [1] } }, { push: { a: [2, 3] } }, { set: { a: [1, 2, 3] } }],
    ['appends to an empty array', { set: { a: [] } }, { push: { a: [2] } }, { set: { a: [2] } }],
    ['appends to what was set to null', { set: { a: null } }, { push: { a: [2] } }, { set: { a: [2] } }],
    ['appends to what was removed', { unset: ['a'] }, { push: { a: [[]] } }, { set: { a: [[]] } }],
    ['appends twice, in order', { push: { a: [1] } }, { push: { a: ['],['] } }, { push: { a: [1, '],['] } }],
    ['leaves adding to a text to the database', { set: { a: 'x' } }, { increment: { a: 1 } }, null],
    ['leaves adding to a numeral to the database', { set: { a: '1' } }, { increment: { a: 1 } }, null],
    ['leaves adding to an array to the database', { set: { a: [] } }, { increment: { a: 1 } }, null],
    ['leaves adding to an object to the database', { set: { a: {} } }, { increment: { a: 1 } }, null],
    ['leaves appending to a number to the database', { set: { a: 1 } }, { push: { a: [1] } }, null],
    ['leaves adding to what was appended to, to the database', { push: { a: [1] } }, { increment: { a: 1 } }, null],
    ['leaves appending to what was added to, to the database', { increment: { a: 1 } }, { push: { a: [1] } }, null],
    ['leaves a sum out of range to the database', { set: { a: 1e308 } }, { increment: { a: 1e308 } }, null],
    ['leaves a step out of range to the database', { increment: { a: 1e308 } }, { increment: { a: 1e308 } }, null],
  ])('%s', (_what, first, then, expected) => {
    expect(plain(foldChanges(changesOf(first), changesOf(then)))).toEqual(expected);
  });

  it.each(['__proto__', 'constructor', ''])('treats the key %j like any other', (key) => {
    const change = (kind: string, value: unknown) => changesOf({ [kind]: JSON.parse(`{"${key}":${String(value)}}`) });
    const both = foldChanges(change('set', 1), change('increment', 2));
    expect([...(both?.set ?? [])]).toEqual([[key, '3']]);
    expect(foldChanges(change('push', '[1]'), change('push', '[2]'))?.push.get(key)).toBe('[1,2]');
  });

  it('changes neither of the two that it folds', () => {
    const random = new Random(5);
    for (let n = 0; n < 500; n++) {
      const [first, then] = [changesFrom(random), changesFrom(random)];
      const before = structuredClone([first, then]);
      foldChanges(first, then);
      expect([first, then]).toEqual(before);
    }
  });

  it.each([1, 2, 3, 4, 5])('comes to the same as one after the other, whatever they meet (seed %i)', (seed) => {
    const random = new Random(seed);
    const differences: unknown[] = [];
    let folds = 0;
    for (let n = 0; n < 10_000; n++) {
      const [first, then, document] = [changesFrom(random), changesFrom(random), documentFrom(random)];
      const folded = foldChanges(first, then);
      if (folded === null) continue;
      folds++;
      const [actual, expected] = [apply(document, folded), applyAll(document, first, then)];
      // What the database would have refused, it no longer does where the later change makes up for it.
      const isForgiven = [...then.set.keys(), ...then.unset].some(
        (key) => first.increment.has(key) || first.push.has(key),
      );
      if (expected === null && isForgiven) continue;
      if (!isDeepStrictEqual(actual, expected))
        differences.push({ document, changes: [first, then], actual, expected });
    }
    expect(differences).toEqual([]);
    expect(folds).toBeGreaterThan(3_000);
  });

  it.each([6, 7, 8])('comes to the same in longer sequences, folded from either end (seed %i)', (seed) => {
    const random = new Random(seed);
    const differences: unknown[] = [];
    let folds = 0;
    for (let n = 0; n < 3_000; n++) {
      const all = Array.from({ length: 3 }, () => changesFrom(random)) as [DataChanges, DataChanges, DataChanges];
      const document = documentFrom(random);
      const expected = applyAll(document, ...all);
      if (expected === null) continue;
      const left = foldChanges(all[0], all[1]);
      const right = foldChanges(all[1], all[2]);
      for (const folded of [left && foldChanges(left, all[2]), right && foldChanges(all[0], right)]) {
        if (folded === null) continue;
        folds++;
        const actual = apply(document, folded);
        if (!isDeepStrictEqual(actual, expected)) differences.push({ document, all, actual, expected });
      }
    }
    expect(differences).toEqual([]);
    expect(folds).toBeGreaterThan(500);
  });

  it.each([9, 10])('gives up only on what the database refuses, too, whatever it meets (seed %i)', (seed) => {
    const random = new Random(seed);
    const accepted: unknown[] = [];
    let refusals = 0;
    for (let n = 0; n < 4_000; n++) {
      const [first, then] = [changesFrom(random), changesFrom(random)];
      if (foldChanges(first, then) !== null) continue;
      refusals++;
      for (let m = 0; m < 20; m++) {
        const document = documentFrom(random);
        if (applyAll(document, first, then) !== null) accepted.push({ document, changes: [first, then] });
      }
    }
    expect(accepted).toEqual([]);
    expect(refusals).toBeGreaterThan(300);
  });

  describe('what was wrong once', () => {
    it.each([true, false])('leaves adding to %s to the database, which refuses it', (value) => {
      expect(foldChanges(changesOf({ set: { a: value } }), changesOf({ increment: { a: 1 } }))).toBeNull();
    });
  });
});
