import { describe, expect, it } from '@jest/globals';
import { Progress } from '../../../lib/cli/progress.js';

/** A progress of 200 rows, with a clock that a test moves. */
function progress(isTTY: boolean, total = 200) {
  const written: string[] = [];
  const clock = { now: 5_000 };
  const stream = { isTTY, write: (text: string) => written.push(text) > 0 };
  const bar = new Progress(stream as never, 'Removed', 'row', total, () => clock.now);
  return {
    written,
    bar,
    /** What is written once some more are done. */
    after: (milliseconds: number, count: number): string | undefined => {
      clock.now += milliseconds;
      const before = written.length;
      bar.add(count);
      return written[before];
    },
  };
}

describe('Progress', () => {
  it('is a line a second where there is no terminal, and none before the first is over', () => {
    const { after, bar, written } = progress(false);
    expect(after(900, 40)).toBeUndefined();
    expect(after(100, 10)).toBe('Removed 50 of 200 rows, 25 %, 3 s left\n');
    expect(after(999, 10)).toBeUndefined();
    expect(after(1, 40)).toBe('Removed 100 of 200 rows, 50 %, 2 s left\n');
    bar.end();
    expect(written).toHaveLength(2);
    expect(bar.done).toBe(100);
  });

  it('is rarer where there is no terminal the longer it takes: a tenth later each time', () => {
    const { after } = progress(false);
    expect(after(100_000, 10)).toContain('Removed 10 of 200 rows');
    expect(after(9_999, 1)).toBeUndefined();
    expect(after(1, 1)).toContain('Removed 12 of 200 rows');
    expect(after(10_999, 1)).toBeUndefined();
    expect(after(1, 1)).toContain('Removed 14 of 200 rows');
  });

  it('is a bar on a terminal, drawn in its place, and taken away at the end', () => {
    const { after, bar, written } = progress(true);
    expect(after(50, 20)).toBeUndefined();
    expect(after(50, 80)).toBe(`\r\u001b[K${'█'.repeat(12)}${'░'.repeat(12)} Removed 100 of 200 rows, 50 %, 1 s left`);
    bar.end();
    expect(written.at(-1)).toBe('\r\u001b[K');
  });

  it('counts on where there is more than there was, and says nothing of the time before anything is done', () => {
    const { after } = progress(false);
    expect(after(1_000, 0)).toBe('Removed 0 of 200 rows, 0 %\n');
    expect(after(1_000, 300)).toBe('Removed 300 of 300 rows, 100 %, 0 s left\n');
  });

  it.each([
    [89_000, '89 s'],
    [600_000, '10 min'],
    [10_800_000, '3 h'],
  ])('says %d ms as %s', (milliseconds, text) => {
    expect(progress(false).after(milliseconds, 100)).toBe(`Removed 100 of 200 rows, 50 %, ${text} left\n`);
  });
});
