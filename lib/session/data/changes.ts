import { checkKey, encodeJson, sameJson } from './json.js';
import type { LifetimeChange } from '../lifetime.js';

/**
 * What a commit carries: changes to top-level keys of the data, never the document. The store merges them into the row
 * as it is when they arrive, so that parallel requests with different keys all survive. Values are JSON text.
 */
export interface DataChanges {
  readonly set: ReadonlyMap<string, string>;
  readonly unset: readonly string[];
  /** Numbers to add; an absent key, or null, counts as zero. */
  readonly increment: ReadonlyMap<string, number>;
  /** JSON arrays to append; an absent key, or null, counts as an empty array. */
  readonly push: ReadonlyMap<string, string>;
}

/** All that one commit changes of a session. */
export interface SessionChanges {
  readonly data: DataChanges | null;
  /** A new lifetime; an absolute timeout of `undefined` moves the absolute end only if the new idle timeout needs it. */
  readonly lifetime: LifetimeChange | null;
  /** Whether this counts as an access, which moves the expiry forward. */
  readonly renew: boolean;
}

/** Additions asked for through the API, in order, which the database does by itself. */
export interface Additions {
  readonly increment: Map<string, number[]>;
  readonly push: Map<string, unknown[]>;
}

type Document = Record<string, unknown>;

// Shared, as most changes are of one kind.
const NONE: ReadonlyMap<string, never> = new Map<string, never>();

/** No changes at all. */
export const NO_CHANGES: DataChanges = { set: NONE, unset: [], increment: NONE, push: NONE };

/**
 * What turns `before` into `live`, or `null` if they say the same. Additions explain a difference where they can; a key
 * that was changed beyond them is set as a whole, and a key that was changed and changed back is no change.
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
  let set: Map<string, string> | null = null;
  const unset: string[] = [];
  let increment: Map<string, number> | null = null;
  let push: Map<string, string> | null = null;

  for (const key of Object.keys(suspects)) {
    const value = Object.hasOwn(live, key) ? live[key] : undefined;
    if (value === undefined) continue;
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    const steps = additions.increment.get(key);
    const items = additions.push.get(key);
    if (steps !== undefined && items === undefined && value === sumFrom(old, steps)) {
      const by = sumFrom(0, steps) as number;
      if (by === 0 && typeof old === 'number') continue;
      for (const number of [by, value]) encodeJson(number, key);
      (increment ??= new Map<string, number>()).set(key, by);
    } else if (
      items !== undefined &&
      steps === undefined &&
      isArrayOrAbsent(old) &&
      sameJson(value, [...(old ?? []), ...items])
    ) {
      (push ??= new Map<string, string>()).set(key, encodeItems(items, key, value));
    } else if (old === undefined || !sameJson(value, old)) {
      (set ??= new Map<string, string>()).set(key, encodeJson(value, key));
    } else {
      continue;
    }
    if (old === undefined) checkKey(key);
  }
  for (const key of Object.keys(before)) {
    if (before[key] !== undefined && (live[key] === undefined || !Object.hasOwn(live, key))) unset.push(key);
  }
  if (set === null && unset.length === 0 && increment === null && push === null) return null;
  return { set: set ?? NONE, unset, increment: increment ?? NONE, push: push ?? NONE };
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
function encodeItems(items: readonly unknown[], key: string, whole: unknown): string {
  try {
    return encodeJson(items, key);
  } catch (error) {
    encodeJson(whole, key);
    throw error;
  }
}
