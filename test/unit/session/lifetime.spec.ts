import { describe, expect, it } from '@jest/globals';
import { expiryOf, parseDuration } from '../../../lib/session/lifetime.js';

const THOUSAND_YEARS = 1_000 * 365 * 86_400_000;

describe('parseDuration', () => {
  it.each<[unknown, number]>([
    [0, 0],
    [1_500, 1_500],
    ['250ms', 250],
    ['30s', 30_000],
    ['15m', 900_000],
    ['12h', 43_200_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
    ['1.5h', 5_400_000],
    ['0.0015s', 2],
    [0.4, 0],
    [1.6, 2],
    [-1, -1],
    ['-5m', -300_000],
    ['007s', 7_000],
    [THOUSAND_YEARS, THOUSAND_YEARS],
    ['365000d', THOUSAND_YEARS],
    [-THOUSAND_YEARS, -THOUSAND_YEARS],
  ])('reads %j as %d milliseconds', (value, milliseconds) => {
    expect(parseDuration(value)).toBe(milliseconds);
  });

  it.each<[string, unknown]>([
    ['no unit', '30'],
    ['an unknown unit', '30y'],
    ['a unit in upper case', '30M'],
    ['a written unit', '30 minutes'],
    ['space between', '30 m'],
    ['space before', ' 30m'],
    ['space after', '30m '],
    ['a line break after', '30m\n'],
    ['no number', 'm'],
    ['a number that begins with a point', '.5h'],
    ['a number that ends with a point', '5.h'],
    ['an exponent', '1e3s'],
    ['a plus sign', '+5m'],
    ['two parts', '1h30m'],
    ['digits of another script', '٣m'],
    ['an empty string', ''],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['more than a thousand years', THOUSAND_YEARS + 1],
    ['more than a thousand years ago', '-365001d'],
    ['digits without end', `${'9'.repeat(400)}s`],
    ['null', null],
    ['undefined', undefined],
    ['true', true],
    ['a BigInt', 5n],
    ['a Date', new Date()],
    ['an array', ['5m']],
  ])('says that %s is no duration', (_what, value) => {
    expect(parseDuration(value)).toBeUndefined();
  });
});

describe('expiryOf', () => {
  it('is the idle timeout after the last access', () => {
    expect(expiryOf(1_000, 500, null)).toBe(1_500);
    expect(expiryOf(1_000, 500, 9_000)).toBe(1_500);
  });

  it('is never beyond the absolute end', () => {
    expect(expiryOf(1_000, 500, 1_200)).toBe(1_200);
    expect(expiryOf(1_000, 500, 1_500)).toBe(1_500);
  });

  it('lies in the past for a ttl below zero', () => {
    expect(expiryOf(1_000, -1, null)).toBe(999);
  });
});
