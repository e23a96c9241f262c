import { met } from './by-design.js';
import { inOrder, type Note } from './notes.js';
import type { Outcome, Visited } from './outcome.js';

/** A request as it is compared: ids by the number of their first appearance. */
interface Compared {
  readonly title: string;
  readonly lines: readonly string[];
}

/** What can be seen of an outcome, in words that are the same where nothing differs. */
export function transcript(outcome: Outcome, sort = inOrder): readonly Compared[] {
  const ids = new Map<string, number>();
  const described = (title: string, visited: Visited): Compared => ({ title, lines: linesOf(visited, ids, sort) });
  const requests = outcome.groups.flatMap((group, index) =>
    group.map((visited, within) =>
      described(`request ${index + 1}${group.length > 1 ? `.${within + 1}` : ''}`, visited),
    ),
  );
  const after = outcome.after.map((visited, index) => described(`plain request ${index + 1} afterwards`, visited));
  const cookies = outcome.cookies.map((visited, index) => ({
    title: `what the cookie of request ${index + 1} opens in the end`,
    lines: linesOf(visited, new Map(), sort),
  }));
  const incidents = { title: 'incidents', lines: outcome.incidents.map((incident) => incident.split('\n')[0] ?? '') };
  return [...requests, ...after, ...cookies, incidents];
}

/** Whether two outcomes look different. */
export function differ(one: Outcome, other: Outcome): boolean {
  const isSame = (sort: typeof inOrder): boolean =>
    JSON.stringify(transcript(one, sort)) === JSON.stringify(transcript(other, sort));
  if (!isSame(inOrder)) return true;
  if (!isSame((value) => value)) met('orderOfKeys');
  return false;
}

function linesOf(
  { reply, notes, calledBack, isOver }: Visited,
  ids: Map<string, number>,
  sort: typeof inOrder,
): string[] {
  const { status, location, body } = reply;
  return [
    ...notes.map((note) => lineOf(note, ids, sort)),
    `callbacks: ${calledBack.join(', ') || 'none'}`,
    ...(isOver ? [] : ['a callback was not called, or the handler did not end']),
    `${status}${location === null ? '' : ` to ${location}`}`,
    // What stands in a redirection or an error is the platform’s.
    ...(status < 300 ? [body] : []),
  ];
}

function lineOf({ step, result, id }: Note, ids: Map<string, number>, sort: typeof inOrder): string {
  if (id !== undefined && !ids.has(id)) ids.set(id, ids.size + 1);
  const which = id === undefined ? '' : ` ${ids.get(id)}`;
  return `${step}${which}${result === undefined ? '' : `: ${JSON.stringify(sort(result))}`}`;
}
