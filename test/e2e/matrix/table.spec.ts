import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { PLATFORMS_AND_HTTP2 } from '../../support/platform.js';
import {
  ABANDONED,
  ANSWERS,
  CALLBACKS,
  CONNECTIONS,
  FAILURES,
  type Group,
  ORDER,
  type Scenario,
  STREAMS,
  TRIALS,
} from './scenarios.js';

const DOCUMENT = join(import.meta.dirname, '../../../docs/matrix.md');
const BEGIN = '<!-- prettier-ignore-start -->';
const END = '<!-- prettier-ignore-end -->';

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function table<Kind extends Scenario>(
  { title, file, scenarios }: Group<Kind>,
  columns: readonly string[],
  cells: (scenario: Kind) => string[],
): string {
  const head = ['Scenario', ...columns, ...PLATFORMS_AND_HTTP2];
  const rows = scenarios.map((scenario) => {
    const { name, on } = scenario;
    const tested = PLATFORMS_AND_HTTP2.map((platform) => (on === undefined || on.includes(platform) ? '✓' : '—'));
    return row([name, ...cells(scenario), ...tested]);
  });
  const link = `[${file}](../test/e2e/matrix/${file})`;
  return [`**${title}** (${link})`, '', row(head), row(head.map(() => '---')), ...rows].join('\n');
}

function matrix(): string {
  const answers = [ANSWERS, FAILURES, ORDER].map((group) =>
    table(group, ['Status', 'Changes'], ({ status = 200, outcome = 'saved' }) => [String(status), outcome]),
  );
  const own = [CALLBACKS, STREAMS, CONNECTIONS, ABANDONED, TRIALS].map((group) =>
    table(group, ['Changes'], ({ promise }) => [promise]),
  );
  return [...answers, ...own].join('\n\n');
}

it('the matrix in docs/matrix.md is what is tested (run with UPDATE_MATRIX=1 to write it anew)', async () => {
  const text = await readFile(DOCUMENT, 'utf8');
  const begin = text.indexOf(BEGIN) + BEGIN.length;
  const end = text.indexOf(END);
  const wanted = `\n\n${matrix()}\n\n`;
  const isUpdate = Boolean(process.env['UPDATE_MATRIX']);
  if (isUpdate) await writeFile(DOCUMENT, text.slice(0, begin) + wanted + text.slice(end));
  expect(isUpdate ? wanted : text.slice(begin, end)).toBe(wanted);
});
