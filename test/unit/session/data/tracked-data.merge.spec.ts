import { describe, expect, it } from '@jest/globals';
import type { TrackedData } from '../../../../lib/session/data/tracked-data.js';
import { load, merge, pending } from './documents.js';

type Row = Record<string, unknown>;

/** Numbers from 0 to below 1 that look random, and are the same in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Does one thing that a handler may do without looking at the data. */
function step(document: TrackedData, random: () => number): void {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const number = Math.floor(random() * 5) - 2;
  const [n, l, o] = [pick(['n', 'm', '__proto__']), pick(['l', 'k']), pick(['o', 'p'])];
  const actions: (() => unknown)[] = [
    () => document.increment(n, number),
    () => document.push(l, [number, { number }]),
    () => document.set(n, number),
    () => document.set(l, [number]),
    () => document.set(`${o}.a.${number}`, { number }),
    () => document.delete(pick([n, l, o, `${o}.a`, `${l}.0`])),
    () => document.flash('c', number),
    () => document.flashes(),
    () => document.discard(),
    () => random() < 0.2 && document.clear(),
  ];
  pick(actions)();
}

/** Changes something in place. */
function stepInPlace(document: TrackedData, random: () => number): void {
  const list = random() < 0.5 ? (document.get('l') as unknown[] | undefined) : (document.data['k'] as unknown[]);
  if (random() < 0.5) list?.reverse();
  else list?.pop();
}

/** What a handler would see, without looking: looking changes how changes are found. */
function seen(document: TrackedData): Row {
  return visible(JSON.parse(document.text()) as object);
}

/** What a document holds, reserved keys included. */
function contentOf(row: object, document: TrackedData): Row {
  const changes = document.changes();
  return changes === null ? { ...row } : merge(row, changes);
}

function visible(row: object): Row {
  return Object.fromEntries(Object.entries(row).filter(([key]) => !key.startsWith('$')));
}

describe.each([
  ['never looks', 0],
  ['looks at some time', 0.02],
  ['looks often', 0.3],
])('whatever a handler does that %s', (_, looking) => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))('the row comes to what it saw (sequence %i)', (seed) => {
    const random = randomFrom(seed + 1);
    let row: Row = { n: 1, l: ['a'], o: { a: { 1: 1 } }, kept: [{}] };
    const document = load(row);
    for (let round = 0; round < 25; round++) {
      for (let count = Math.floor(random() * 6); count >= 0; count--) {
        if (random() < looking) stepInPlace(document, random);
        else step(document, random);
      }
      const changes = document.changes();
      if (changes !== null) {
        const takeBack = document.sent(changes);
        if (random() < 0.3) {
          step(document, random);
          takeBack();
          continue;
        }
        row = merge(row, changes);
      }
      expect(visible(row)).toEqual(seen(document));
      expect(document.isChanged).toBe(false);
    }
    expect(visible(contentOf(row, document))).toEqual(seen(document));
    expect(row['kept'] ?? [{}]).toEqual([{}]);
  });
});

describe('two requests that are under way together', () => {
  const stored = { n: 1, l: ['a'], o: { x: 1 }, kept: true, other: 1 };

  /** The row after both, the changes arriving in either order. */
  function bothOrders(one: (document: TrackedData) => unknown, other: (document: TrackedData) => unknown): Row[] {
    const [a, b] = [load(stored), load(stored)];
    one(a);
    other(b);
    return [merge(merge(stored, pending(a)), pending(b)), merge(merge(stored, pending(b)), pending(a))];
  }

  it('both survive where they changed different keys', () => {
    const rows = bothOrders(
      (document) => [document.set('o.x', 2), document.delete('kept')],
      (document) => [document.set('new', 1), document.set('other', undefined)],
    );
    for (const row of rows) expect(row).toEqual({ n: 1, l: ['a'], o: { x: 2 }, new: 1 });
  });

  it('both count where they added to the same number', () => {
    const rows = bothOrders(
      (document) => document.increment('n', 2),
      (document) => document.increment('n', 3),
    );
    for (const row of rows) expect(row['n']).toBe(6);
  });

  it('both count where they made the same number', () => {
    const rows = bothOrders(
      (document) => document.increment('hits', 1),
      (document) => document.increment('hits', 1),
    );
    for (const row of rows) expect(row['hits']).toBe(2);
  });

  it('both append where they pushed to the same array', () => {
    const rows = bothOrders(
      (document) => document.push('l', ['b']),
      (document) => document.push('l', ['c']),
    );
    expect(rows.map((row) => row['l'])).toEqual([
      ['a', 'b', 'c'],
      ['a', 'c', 'b'],
    ]);
  });

  it('the later one wins where they set the same key, as a whole: nothing is merged deep', () => {
    const rows = bothOrders(
      (document) => document.set('o', { x: 1, y: 1 }),
      (document) => document.set('o.z', 1),
    );
    expect(rows.map((row) => row['o'])).toEqual([
      { x: 1, z: 1 },
      { x: 1, y: 1 },
    ]);
  });

  it('clear removes what it saw, and leaves what the other one added', () => {
    const rows = bothOrders(
      (document) => document.clear(),
      (document) => document.set('new', 1),
    );
    for (const row of rows) expect(row).toEqual({ new: 1 });
  });
});
