import type { Additions } from './additions.js';
import { type DataChanges, NO_CHANGES } from './changes.js';
import { SessionDataError } from '../../session.errors.js';
import { checkKey, encoded, toError, kindOf, readObject, type Refusal, sameJson } from './json.js';
import type { Document } from './live-document.js';
import { inQuotes } from '../../shown.js';

/**
 * What turns `before` into `live`, or `null` if they say the same. Additions explain a difference where they can; a key
 * that was changed beyond them is set as a whole, and a key that was changed and changed back is no change.
 *
 * An increment is sent even where rounding swallows it (2 ** 60 + 1): the database adds it to the number that is there by
 * then, in double precision as JavaScript does.
 *
 * @param suspects what may differ are its keys, and those of `before`
 * @throws {SessionDataError} when a changed key cannot be stored.
 */
export function changesBetween(
  before: Document,
  live: Document,
  additions: Additions,
  suspects: Document = live,
): DataChanges | null {
  const found = new Found();
  for (const key of Object.keys(suspects)) {
    const refusal = found.add(key, before, live, additions);
    if (refusal !== null) throw toError(refusal);
  }
  const { set, increment, push } = found;
  const unset: string[] = [];
  for (const key of Object.keys(before)) {
    if (before[key] !== undefined && (live[key] === undefined || !Object.hasOwn(live, key))) unset.push(key);
  }
  if (set === null && unset.length === 0 && increment === null && push === null) return null;
  return {
    set: set ?? NO_CHANGES.set,
    unset,
    increment: increment ?? NO_CHANGES.increment,
    push: push ?? NO_CHANGES.push,
  };
}

/** The keys of which {@link changesBetween} throws an error: one for all. */
export function refusedKeys(before: Document, live: Document, additions: Additions, suspects: Document): string[] {
  const found = new Found();
  return Object.keys(suspects).filter((key) => found.add(key, before, live, additions) !== null);
}

/** What has changed, key by key. */
class Found {
  set: Map<string, string> | null = null;
  increment: Map<string, number> | null = null;
  push: Map<string, string> | null = null;

  /** Adds what has changed under a key; or says why it cannot be stored. */
  add(key: string, before: Document, live: Document, additions: Additions): Refusal | null {
    const value = Object.hasOwn(live, key) ? live[key] : undefined;
    if (value === undefined) return null;
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    const steps = additions.increment.get(key);
    const items = additions.push.get(key);
    if (steps !== undefined && items === undefined && value === sumFrom(old, steps)) {
      const by = sumFrom(0, steps) as number;
      if (by === 0 && typeof old === 'number') return null;
      for (const number of [by, value]) {
        const text = encoded(number, key);
        if (typeof text !== 'string') return text;
      }
      (this.increment ??= new Map<string, number>()).set(key, by);
    } else if (
      items !== undefined &&
      steps === undefined &&
      isArrayOrAbsent(old) &&
      sameJson(value, [...(old ?? []), ...items])
    ) {
      const text = encodedItems(items, key, value);
      if (typeof text !== 'string') return text;
      (this.push ??= new Map<string, string>()).set(key, text);
    } else if (!sameJson(value, old)) {
      const text = encoded(value, key);
      if (typeof text !== 'string') return text;
      (this.set ??= new Map<string, string>()).set(key, text);
    }
    return old === undefined ? checkKey(key) : null;
  }
}

/**
 * Whether some increment is to be sent that does not show, because rounding swallows it (2 ** 60 + 1): the number in the
 * database may be a smaller one by now, where it counts.
 */
export function hasSwallowedIncrement(before: Document, live: Document, additions: Additions): boolean {
  for (const [key, steps] of additions.increment) {
    if (additions.push.has(key) || live[key] !== sumFrom(before[key], steps)) continue;
    if (sumFrom(0, steps) !== 0) return true;
  }
  return false;
}

/** What the next changes are compared with: the document after these, sharing nothing that a handler can change. */
export function applyChanges(before: Document, live: Document, changes: DataChanges): Document {
  const after: Document = Object.assign(Object.create(null), before);
  for (const key of changes.unset) delete after[key];
  for (const [key, text] of changes.set) after[key] = JSON.parse(text);
  for (const key of changes.increment.keys()) after[key] = live[key];
  for (const [key, items] of changes.push) {
    after[key] = [...((after[key] as unknown[] | undefined) ?? []), ...(JSON.parse(items) as unknown[])];
  }
  return after;
}

/** What two sets of changes come to, one after the other; `null` when that depends on the data they meet. */
export function foldChanges(first: DataChanges, then: DataChanges): DataChanges | null {
  const set = new Map(first.set);
  const unset = new Set(first.unset);
  const increment = new Map(first.increment);
  const push = new Map(first.push);

  for (const key of then.unset) {
    for (const kind of [set, increment, push]) kind.delete(key);
    unset.add(key);
  }
  for (const [key, text] of then.set) {
    for (const kind of [unset, increment, push]) kind.delete(key);
    set.set(key, text);
  }
  for (const [key, by] of then.increment) {
    const known = valueAfter(set, unset, key);
    if (known === UNKNOWN) {
      const sum = (increment.get(key) ?? 0) + by;
      if (push.has(key) || !Number.isFinite(sum)) return null;
      increment.set(key, sum);
    } else {
      const sum = ((known ?? 0) as number) + by;
      if ((known !== null && typeof known !== 'number') || !Number.isFinite(sum)) return null;
      unset.delete(key);
      set.set(key, JSON.stringify(sum));
    }
  }
  for (const [key, items] of then.push) {
    const known = valueAfter(set, unset, key);
    if (known === UNKNOWN) {
      if (increment.has(key)) return null;
      push.set(key, appended(push.get(key) ?? '[]', items));
    } else {
      if (known !== null && !Array.isArray(known)) return null;
      unset.delete(key);
      set.set(key, appended(known === null ? '[]' : (set.get(key) as string), items));
    }
  }
  return { set, unset: [...unset], increment, push };
}

const UNKNOWN = Symbol('unknown');

/** What stands under a key after changes that say so; `null` where there is nothing. */
function valueAfter(set: ReadonlyMap<string, string>, unset: ReadonlySet<string>, key: string): unknown {
  const text = set.get(key);
  if (text !== undefined) return JSON.parse(text);
  return unset.has(key) ? null : UNKNOWN;
}

/** Joins the texts of two JSON arrays. */
function appended(first: string, then: string): string {
  if (first === '[]') return then;
  return then === '[]' ? first : `${first.slice(0, -1)},${then.slice(1)}`;
}

/** The JSON text of a document that consists of nothing but these changes. */
export function textOf(changes: DataChanges): string {
  const members: string[] = [];
  for (const [key, text] of changes.set) members.push(`${JSON.stringify(key)}:${text}`);
  for (const [key, by] of changes.increment) members.push(`${JSON.stringify(key)}:${by}`);
  for (const [key, items] of changes.push) members.push(`${JSON.stringify(key)}:${items}`);
  return `{${members.join(',')}}`;
}

/**
 * The JSON text of a stored document after changes, for a store that merges by itself. What no session reads is not merged either:
 * less deep by the changes, it would be read.
 *
 * @throws {SyntaxError | TypeError} for such a text
 */
export function mergedText(text: string, changes: DataChanges): string {
  const data: Document = Object.assign(Object.create(null), readObject(text));
  for (const key of changes.unset) delete data[key];
  for (const [key, value] of changes.set) data[key] = JSON.parse(value);
  for (const [key, by] of changes.increment) data[key] = incremented(key, data[key], by);
  for (const [key, items] of changes.push) data[key] = pushed(key, data[key], items);
  return JSON.stringify(data);
}

/** What an increment makes of a stored value; nothing, or null, counts as zero. @throws {SessionDataError} for no number. */
export function incremented(key: string, value: unknown, by: number): number {
  const old = value ?? 0;
  if (typeof old !== 'number') throw refusedAddition('increment', key, `met ${kindOf(old)}`);
  if (!Number.isFinite(old + by)) throw refusedAddition('increment', key, 'led out of the range of numbers');
  return old + by;
}

/** What a push makes of a stored value; nothing, or null, counts as empty. @throws {SessionDataError} for no array. */
export function pushed(key: string, value: unknown, items: string): unknown[] {
  const old = value ?? [];
  if (!Array.isArray(old)) throw refusedAddition('push', key, `met ${kindOf(old)}`);
  return [...(old as unknown[]), ...(JSON.parse(items) as unknown[])];
}

/** The error for an addition that cannot be made. @param problem follows the call, such as `met text` */
export function refusedAddition(method: 'increment' | 'push', key: string, problem: string): SessionDataError {
  return new SessionDataError(
    key,
    `${method}(${inQuotes(key)}) ${problem}, which a parallel request has put there; nothing was saved.`,
  );
}

/** Adds in the order in which the handler did, so that rounding comes out the same. */
function sumFrom(start: unknown, steps: readonly number[]): number | undefined {
  if (start !== undefined && start !== null && typeof start !== 'number') return undefined;
  let sum = start ?? 0;
  for (const step of steps) sum += step;
  return sum;
}

function isArrayOrAbsent(value: unknown): value is unknown[] | null | undefined {
  return value === undefined || value === null || Array.isArray(value);
}

/** What is wrong with an item is reported with its place in the whole array. */
function encodedItems(items: readonly unknown[], key: string, whole: unknown): string | Refusal {
  const text = encoded(items, key);
  if (typeof text === 'string') return text;
  const place = encoded(whole, key);
  return typeof place === 'string' ? text : place;
}
