import type { Row } from './verdict.js';

export const COLUMNS = [
  'fault',
  'requests',
  'errors by kind',
  'longest answer',
  'recovery',
  'backends at most',
  'acknowledged',
  'lost',
  'revived',
] as const;

/** The cells of a row, but for the first. */
export function cellsOf(row: Row): string[] {
  if (row.skipped !== null) return ['', `skipped: ${row.skipped}`, '', '', '', '', '', ''];
  const errors = Object.entries(row.errors)
    .toSorted(([, one], [, other]) => other - one)
    .map(([kind, count]) => `${count} × ${kind}`);
  return [
    String(row.requests),
    errors.join(', ') || 'none',
    `${Math.round(row.longest)} ms`,
    `${Math.round(row.recovery)} ms`,
    String(row.backends),
    String(row.acknowledged),
    String(row.lost),
    String(row.revived),
  ];
}

/** One line of a table in a terminal. */
export function line(name: string, cells: readonly string[]): string {
  const widths = [9, 46, 15, 12, 17, 13, 5, 8];
  return name.padEnd(28) + cells.map((cell, index) => cell.padStart((widths[index] as number) + 1)).join('');
}
