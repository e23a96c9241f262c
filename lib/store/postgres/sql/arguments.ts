import { type DataChanges, NO_CHANGES } from '../../../session/data/changes.js';
import type { CommitRequest } from '../../batching/commit-request.js';
import type { ChangeKind } from './merge.js';

// What statements take, in the form that costs the driver least.

/** The kinds of changes that there are, and the arrays that a commit takes for them. */
export function changesOf(requests: readonly CommitRequest[]): { kinds: ChangeKind[]; arrays: string[] } {
  const kinds: ChangeKind[] = [];
  const arrays: string[] = [];
  const add = (kind: ChangeKind, ...columns: string[]): void => {
    kinds.push(kind);
    arrays.push(...columns);
  };
  const data = requests.map(({ changes }) => changes.data ?? NO_CHANGES);
  const lifetimes = requests.map(({ changes }) => changes.lifetime);
  if (data.some(({ set }) => set.size > 0))
    add(
      'set',
      textsOf(data, ({ set }) => objectOf(set)),
    );
  if (data.some(({ unset }) => unset.length > 0))
    add(
      'unset',
      textsOf(data, ({ unset }) => listOf(unset)),
    );
  if (data.some(({ increment }) => increment.size > 1)) {
    add(
      'increments',
      textsOf(data, ({ increment }) => objectOf(increment)),
    );
  } else if (data.some(({ increment }) => increment.size > 0)) {
    const only = data.map(({ increment }) => onlyOf(increment));
    add(
      'increment',
      textsOf(only, (entry) => entry?.[0]),
      arrayOf(only, (entry) => entry?.[1]),
    );
  }
  if (data.some(({ push }) => push.size > 1)) {
    add(
      'pushes',
      textsOf(data, ({ push }) => objectOf(push)),
    );
  } else if (data.some(({ push }) => push.size > 0)) {
    const only = data.map(({ push }) => onlyOf(push));
    add(
      'push',
      textsOf(only, (entry) => entry?.[0]),
      textsOf(only, (entry) => entry?.[1]),
    );
  }
  if (requests.some(({ found }) => found !== null && found.size > 1)) {
    add(
      'founds',
      textsOf(requests, ({ found }) => found && objectOf(found)),
    );
  } else if (requests.some(({ found }) => found !== null && found.size > 0)) {
    const only = requests.map(({ found }) => found && onlyOf(found));
    add(
      'found',
      textsOf(only, (entry) => entry?.[0]),
      textsOf(only, (entry) => entry && (entry[1] ?? 'null')),
    );
  }
  if (lifetimes.some((lifetime) => lifetime !== null)) {
    add(
      'lifetime',
      arrayOf(lifetimes, (lifetime) => lifetime?.ttl),
      arrayOf(lifetimes, (lifetime) => lifetime?.absolute),
      arrayOf(lifetimes, (lifetime) => lifetime?.absolute === null),
    );
  }
  return { kinds, arrays };
}

/** The arguments of a login; null where a kind of change is absent. */
export function mergeOf(changes: DataChanges | null) {
  if (changes === null) return { set: null, unset: null, increment: null, push: null };
  return {
    set: objectOf(changes.set),
    unset: listOf(changes.unset),
    increment: objectOf(changes.increment),
    push: objectOf(changes.push),
  };
}

/** An array as PostgreSQL writes it, of what needs no quotes: ids, versions, numbers, truth values. */
export function arrayOf<Item>(
  items: readonly Item[],
  valueOf: (item: Item) => string | number | boolean | null | undefined,
): string {
  let text = '';
  for (const item of items) text += `${text === '' ? '' : ','}${valueOf(item) ?? 'null'}`;
  return `{${text}}`;
}

/** One of any texts (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). */
export function textsOf<Item>(items: readonly Item[], textOf: (item: Item) => string | null | undefined): string {
  return arrayOf(items, (item) => {
    const text = textOf(item) ?? null;
    return text === null ? null : `"${text.replace(/["\\]/g, '\\$&')}"`;
  });
}

function objectOf(entries: ReadonlyMap<string, string | number | null>): string | null {
  if (entries.size === 0) return null;
  return `{${Array.from(entries, ([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
}

function listOf(items: readonly string[]): string | null {
  return items.length === 0 ? null : JSON.stringify(items);
}

/** The entry of a map that has one at most. */
function onlyOf<Value>(entries: ReadonlyMap<string, Value>): [string, Value] | undefined {
  return entries.entries().next().value;
}
