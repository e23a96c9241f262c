import { describe, expect, it } from '@jest/globals';
import {
  changedLifetime,
  durationText,
  expiryOf,
  ownLifetime,
  parseDuration,
  shownDuration,
} from '../../../lib/session/lifetime.js';
import { SessionArgumentError } from '../../../lib/session.errors.js';
import { errorOf } from '../../support/error-of.js';

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

describe('a lifetime of a session’s own', () => {
  const known = { ttl: 1_000, absolute: 5_000 };

  it('is the one it had, without a change', () => {
    expect(changedLifetime(known, null)).toBe(known);
  });

  it('has the absolute timeout that the change names, or none', () => {
    expect(changedLifetime(known, { ttl: 2_000, absolute: 3_000 })).toEqual({ ttl: 2_000, absolute: 3_000 });
    expect(changedLifetime(known, { ttl: 2_000, absolute: null })).toEqual({ ttl: 2_000, absolute: null });
  });

  it('moves the absolute timeout as far as the idle timeout, where the change names none', () => {
    expect(changedLifetime(known, { ttl: 2_000, absolute: undefined })).toEqual({ ttl: 2_000, absolute: 5_000 });
    expect(changedLifetime(known, { ttl: 9_000, absolute: undefined })).toEqual({ ttl: 9_000, absolute: 9_000 });
    const endless = { ttl: 1_000, absolute: null };
    expect(changedLifetime(endless, { ttl: 9_000, absolute: undefined })).toEqual({ ttl: 9_000, absolute: null });
  });

  it('is read from the arguments, with the idle timeout of the module where none is given', () => {
    expect(ownLifetime({}, 1_000)).toBeNull();
    expect(ownLifetime({ ttl: '5s' }, 1_000)).toEqual({ ttl: 5_000, absolute: undefined });
    expect(ownLifetime({ absolute: '1h' }, 1_000)).toEqual({ ttl: 1_000, absolute: 3_600_000 });
    expect(ownLifetime({ ttl: 7, absolute: false }, 1_000)).toEqual({ ttl: 7, absolute: null });
  });

  it('names the argument that is no duration, and what it is instead', () => {
    const hint = "a number of milliseconds, or a string such as '30s', '15m', '12h', '30d'";
    const messageFor = (name: 'ttl' | 'absolute', value: unknown) =>
      errorOf(SessionArgumentError, () => ownLifetime({ [name]: value }, 1_000)).message;
    expect(messageFor('ttl', '30')).toBe(`"ttl" must be ${hint}, but was a number without a unit, as a string.`);
    expect(messageFor('ttl', 'soon')).toBe(`"ttl" must be ${hint}, but was another string.`);
    expect(messageFor('absolute', null)).toBe(`"absolute" must be ${hint}, but was null.`);
    expect(messageFor('absolute', true)).toBe(`"absolute" must be ${hint}, but was true.`);
    expect(messageFor('absolute', NaN)).toBe(`"absolute" must be ${hint}, but was NaN.`);
  });
});

describe('durationText', () => {
  it.each([
    [0, '0ms'],
    [1, '1ms'],
    [1_500, '1500ms'],
    [1_000, '1s'],
    [90_000, '90s'],
    [120_000, '2m'],
    [3_600_000, '1h'],
    [86_400_000, '1d'],
    [1_209_600_000, '2w'],
  ])('writes %d milliseconds as %s', (milliseconds, text) => {
    expect(durationText(milliseconds)).toBe(text);
  });
});

describe('shownDuration', () => {
  it.each<[unknown, string]>([
    [-5, '-5'],
    [false, 'false'],
    [null, 'null'],
    [[], 'an array'],
    [5n, 'a bigint'],
    ['soon', '"soon"'],
    ['5 apples', '"5 apples"'],
    ['x1', '"x1"'],
    ['', '""'],
    ['30', '"30", which has no unit (milliseconds: "30ms")'],
    ['1.55', '"1.55", which has no unit (milliseconds: "1.55ms")'],
    [' 1.5 ', '" 1.5 ", which has no unit (milliseconds: "1.5ms")'],
    ['1'.repeat(40), `"${'1'.repeat(40)}", which has no unit (milliseconds: "${'1'.repeat(40)}ms")`],
    ['1'.repeat(41), `"${'1'.repeat(40)}…"`],
  ])('shows %p as %s', (value, shown) => {
    expect(shownDuration(value)).toBe(shown);
  });
});
