import { describe, expect, it } from '@jest/globals';
import { Output } from '../../../lib/cli/output.js';

describe('what a command prints', () => {
  it('has no power over the terminal as JSON either, and says the same', () => {
    const printed: string[] = [];
    const stream = { write: (text: string) => printed.push(text) } as never;
    const found = { userAgent: 'a\u001b[2J\u009b2J\u007f\u202e\u2028\n"\\é😀', ip: null };
    new Output(stream, stream, true).answer(found, '');
    expect(printed.join('')).not.toMatch(/[^\n\P{Cc}]|[\u2028\u202e]/u);
    expect(printed.join('').split('\n')).toHaveLength(5);
    expect(JSON.parse(printed.join(''))).toEqual(found);
  });
});
