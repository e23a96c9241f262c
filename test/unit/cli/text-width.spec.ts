import { describe, expect, it } from '@jest/globals';
import { cutTo, widthOf } from '../../../lib/cli/text-width.js';
import { textTable } from '../../../lib/cli/text-table.js';

describe('What the command line prints of others’ texts', () => {
  it.each([
    ['abc', 3],
    ['日本', 4],
    ['한글', 4],
    ['ｆｕ', 4],
    ['e\u0301', 1],
    ['👍🏽', 2],
    ['👩‍👩‍👧', 2],
    ['✓', 1],
    ['', 0],
  ])('%s takes %d columns', (text, columns) => {
    expect(widthOf(text)).toBe(columns);
  });

  it.each([
    ['short', 5, 'short'],
    ['longer', 5, 'long…'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
  ])('%s in %d columns is %s', (text, columns, cut) => {
    expect(cutTo(text, columns)).toBe(cut);
  });

  it('stands in line', () => {
    expect(
      textTable(
        ['A', 'B', 'C'],
        [
          ['日本', 'x', '1'],
          ['e\u0301', '', '22'],
          ['a\tb', 'yy', ''],
        ],
      ),
    ).toBe(['A     B   C', '日本  x   1', 'e\u0301         22', 'a\\tb  yy'].join('\n'));
  });

  it('is cut where it is wider than a table has room', () => {
    expect(textTable(['A'], [['x'.repeat(100)]]).split('\n')[1]).toBe(`${'x'.repeat(59)}…`);
  });
});
