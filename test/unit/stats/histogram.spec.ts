import { describe, expect, it } from '@jest/globals';
import { Histogram } from '../../../lib/stats/histogram.js';

describe('Histogram', () => {
  it('counts a value in the bucket whose upper bound it does not exceed, and what is above all in the last', () => {
    const histogram = new Histogram([1, 10]);
    for (const value of [0, 1, 1.5, 10, 10.5, 1_000]) histogram.record(value);
    expect(histogram.stats()).toEqual({ bounds: [1, 10], counts: [2, 2, 2], count: 6, sum: 1_023 });
  });

  it('gives figures that later values do not change', () => {
    const histogram = new Histogram([1]);
    const before = histogram.stats();
    histogram.record(1);
    expect(before).toEqual({ bounds: [1], counts: [0, 0], count: 0, sum: 0 });
  });
});
