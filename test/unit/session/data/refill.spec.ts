import { describe, expect, it } from '@jest/globals';
import { load } from './documents.js';

/** How long it takes to read a document anew whose parts are held, in milliseconds of the processor. */
function costOf(before: object, after: object): number {
  const document = load(JSON.stringify(before));
  expect(Object.keys(document.data)).toEqual(Object.keys(before));
  const source = { data: JSON.stringify(after) };
  const since = process.cpuUsage();
  document.replace(source);
  const { user, system } = process.cpuUsage(since);
  expect(document.data).toEqual(JSON.parse(source.data));
  return (user + system) / 1_000;
}

const items = (many: number, item: object = {}): object[] => Array.from({ length: many }, () => ({ ...item }));
const below = (depth: number, inner: object): object =>
  Array.from({ length: depth }).reduce<object>((one) => ({ a: one }), inner);

describe('What it costs to read data anew whose parts are held', () => {
  it.each([
    ['say the same, and have moved', [1, ...items(20_000)], items(20_000)],
    ['are of two kinds, and have moved', [...items(10_000), ...items(10_000, { a: 1 })], items(20_000, { a: 1 })],
    ['are gone', items(20_000), []],
  ])('grows by no more than the number of items that %s', (_, before, after) => {
    const few = costOf(
      { list: before.filter((_item, index) => index % 10 === 0) },
      { list: after.slice(0, after.length / 10) },
    );
    expect(costOf({ list: before }, { list: after })).toBeLessThan(40 * few + 200);
  });

  it('is no more at the bottom than at the top', () => {
    const [before, after] = [items(8_000), items(8_001)];
    const shallow = costOf(below(1, before), below(1, after));
    expect(costOf(below(55, before), below(55, after))).toBeLessThan(6 * shallow + 100);
  });
});
