import { describe, expect, it } from '@jest/globals';
import { Random } from './random.js';

/** How evenly numbers from 0 to 1 fall into ten parts: the chi-square statistic, with nine degrees of freedom. */
function unevenness(numbers: readonly number[]): number {
  const counts = Array.from({ length: 10 }, () => 0);
  for (const number of numbers) counts.splice(Math.floor(number * 10), 1, (counts[Math.floor(number * 10)] ?? 0) + 1);
  const expected = numbers.length / 10;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

const firstOf = (...path: [number, ...number[]]): number => Random.of(...path).next();
const range = Array.from({ length: 2_000 }, (_, index) => index);

describe('Random', () => {
  it('makes the same choices of the same seed', () => {
    const choices = (...path: [number, ...number[]]): number[] => {
      const random = Random.of(...path);
      return range.slice(0, 50).map(() => random.integer(0, 1_000));
    };
    expect(choices(7, 1, 2)).toEqual(choices(7, 1, 2));
    expect(choices(7, 1, 2)).not.toEqual(choices(7, 2, 1));
  });

  // One in a million generators that are even is above 47.
  it.each<[string, (index: number) => number]>([
    ['small seeds', (index) => firstOf(index)],
    ['the last step of a path', (index) => firstOf(1, 2, index)],
    ['the difference between two seeds in a row', (index) => (1 + firstOf(index, 0) - firstOf(index + 1, 0)) % 1],
    ['the difference between two paths in a row', (index) => (1 + firstOf(1, index) - firstOf(1, index + 1)) % 1],
  ])('chooses evenly whatever it is made of: %s', (_what, numberOf) => {
    expect(unevenness(range.map(numberOf))).toBeLessThan(47);
  });

  it('makes another generator of every small seed and path', () => {
    const firsts = range.flatMap((seed) => range.slice(0, 20).map((step) => firstOf(seed, step)));
    // Of so many numbers of 32 bits, about a fifth of one pair is alike by chance.
    expect(new Set(firsts).size).toBeGreaterThan(firsts.length - 5);
  });
});
