import { transcript } from './compare.js';
import type { Outcome } from './outcome.js';
import { describeVisit, type Sequence } from './program.js';

const WIDTH = 88;

/** A sequence, and what both sides made of it, line beside line; `≠` marks where they differ. */
export function sideBySide(
  sequence: Sequence,
  names: readonly [string, string],
  left: Outcome,
  right: Outcome,
): string {
  const programs = sequence.flatMap((group, index) =>
    group.visits.map((visit, within) => {
      const isHeld = within < group.visits.length - 1;
      const number = group.visits.length > 1 ? `${index + 1}.${within + 1}` : String(index + 1);
      const release = isHeld ? ` (held, released ${group.isReleasedInTurn ? 'in turn' : 'at once'})` : '';
      return `  request ${number}${release}: ${describeVisit(visit)}`;
    }),
  );
  const others = transcript(right);
  const rows = transcript(left).flatMap(({ title, lines }, index) => {
    const theirs = others[index]?.lines ?? [];
    const isSame = JSON.stringify(lines) === JSON.stringify(theirs);
    if (isSame && !title.startsWith('request')) return [];
    return [`  ${title}`, ...pairs(lines, theirs)];
  });
  return [...programs, row(' ', ...names), ...rows].join('\n');
}

function pairs(left: readonly string[], right: readonly string[]): string[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, index) => {
    const [one = '', other = ''] = [left[index], right[index]];
    return row(one === other ? ' ' : '≠', one, other);
  });
}

const row = (mark: string, one: string, other: string): string =>
  `    ${cut(one).padEnd(WIDTH)} ${mark} ${mark === ' ' && one === other ? '' : cut(other)}`.trimEnd();

const cut = (text: string): string => (text.length > WIDTH ? `${text.slice(0, WIDTH - 1)}…` : text);
