import { escaped } from '../shown.js';
import { cutTo, widthOf } from './text-width.js';

/** A value such as a user agent can be as long as a request's header. */
const WIDEST = 60;

/**
 * Rows below their headings, in columns that stand in line. What is in a cell has no power over the terminal.
 *
 * @param widest how many columns of the terminal a cell may take
 */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[], widest = WIDEST): string {
  const cells = [headings, ...rows].map((row) => row.map((cell) => cutTo(escaped(cell), widest)));
  const widths = headings.map((_, index) => Math.max(...cells.map((row) => widthOf(row[index] ?? ''))));
  return cells.map((row) => lineOf(row, widths)).join('\n');
}

function lineOf(row: readonly string[], widths: readonly number[]): string {
  const padded = row.map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - widthOf(cell)));
  return padded.join('  ').trimEnd();
}
