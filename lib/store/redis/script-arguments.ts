import type { DataChanges } from '../../session/data/changes.js';
import { fieldOf } from './records.js';

type Value = string | number | boolean | null | undefined;

/** What a script takes is texts: an empty one stands for nothing, "1" and "0" for yes and no. */
export function texts(...values: readonly Value[]): string[] {
  return values.map((value) => (typeof value === 'boolean' ? (value ? '1' : '0') : String(value ?? '')));
}

/** Changes as four lists, each after how many keys it has: unset, set, increment, push. */
export function changeArguments(changes: DataChanges | null): string[] {
  if (changes === null) return ['0', '0', '0', '0'];
  const pairs = (entries: ReadonlyMap<string, string | number>): string[] =>
    Array.from(entries, ([key, value]) => [fieldOf(key), String(value)]).flat();
  const { set, unset, increment, push } = changes;
  return [
    String(unset.length),
    ...unset.map(fieldOf),
    String(set.size),
    ...pairs(set),
    String(increment.size),
    ...pairs(increment),
    String(push.size),
    ...pairs(push),
  ];
}
