import { describe, expect, it } from '@jest/globals';
import { escaped, inQuotes, shown, shownError, shownMessage, shownStack } from '../../lib/shown.js';

describe('A text of others in a message', () => {
  it.each<[what: string, text: string, expected: string]>([
    ['a line break', 'a\nb\r\nc', 'a\\nb\\r\\nc'],
    ['a tab', 'a\tb', 'a\\tb'],
    ['a NUL', 'a\0b', 'a\\u0000b'],
    ['an escape sequence of terminals', '\u001b[2J', '\\u001b[2J'],
    ['the same in one character', '\u009b2J', '\\u009b2J'],
    ['a delete', '\u007f', '\\u007f'],
    ['a line break of Unicode', 'a\u2028b\u2029c\u0085d', 'a\\u2028b\\u2029c\\u0085d'],
    ['a change of direction', '\u202eabc\u2066d\u200f\u061c', '\\u202eabc\\u2066d\\u200f\\u061c'],
    ['half a character', 'a\ud83d', 'a\\ud83d'],
  ])('shows %s as an escape', (_what, text, expected) => {
    expect(escaped(text)).toBe(expected);
    expect(shown(text)).toBe(expected);
  });

  it.each(['cart.items.0', 'größe', '名前', '👩‍👩‍👧 and 🏳️‍🌈', 'שלום', 'a "b" \\ c'])('shows %s as it is', (text) => {
    expect(shown(text)).toBe(text);
  });

  it('is cut, and not in the middle of a character', () => {
    expect(shown('a'.repeat(400))).toBe('a'.repeat(400));
    expect(shown('a'.repeat(401))).toBe(`${'a'.repeat(400)}…`);
    expect(shown(`${'a'.repeat(399)}😀b`)).toBe(`${'a'.repeat(399)}…`);
    expect(shown('abc', 2)).toBe('ab…');
  });

  it('cannot leave the quotes that it is in', () => {
    expect(inQuotes('a')).toBe('"a"');
    expect(inQuotes('a" is fine. "b')).toBe('"a\\" is fine. \\"b"');
    expect(inQuotes('a\\')).toBe('"a\\\\"');
    expect(inQuotes('\n')).toBe('"\\n"');
    expect(inQuotes('abc', 2)).toBe('"ab…"');
  });
});

describe('An error of others in a message', () => {
  const hostile = 'a\n    at fake (file.js:1:1)\n[Nest] 1 - LOG admin signed in';
  const frames = (stack: string): string[] => stack.split('\n').slice(1);

  it('is a line, and bounded', () => {
    expect(shownError(new TypeError(hostile))).toBe(`TypeError: ${hostile.replaceAll('\n', '\\n')}`);
    expect(shownMessage(new Error(hostile))).toBe(hostile.replaceAll('\n', '\\n'));
    expect(shownMessage(new Error('a'.repeat(1e6))).length).toBe(2_001);
    expect(shownError('b\nc')).toBe('b\\nc');
  });

  it('has a stack of one line for what it says, and one for each call', () => {
    const stack = shownStack(new Error(hostile));
    expect(stack.split('\n')[0]).toBe(`Error: ${hostile.replaceAll('\n', '\\n')}`);
    expect(frames(stack).length).toBeGreaterThan(2);
    for (const frame of frames(stack)) expect(frame).toMatch(/^ {4}at (?!fake)/);
  });

  it('has a stack with no line of its own, though it says something else since it was made', () => {
    const error = new Error('one\n[Nest] two');
    error.message = 'another';
    const stack = shownStack(error);
    expect(stack.split('\n')[0]).toBe('Error: another');
    for (const frame of frames(stack)) expect(frame).toMatch(/^ {4}at /);
  });

  it('may have no stack, and say no text', () => {
    const error = Object.assign(new Error('a'), { stack: undefined, message: 7 });
    expect(shownStack(error as unknown as Error)).toBe('Error: 7');
    expect(shownMessage(error as unknown as Error)).toBe('7');
  });
});
