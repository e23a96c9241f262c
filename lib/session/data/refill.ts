import { isPlainObject, isSparse, sameJson } from './json.js';
import type { OwnParts } from './own-parts.js';

type Members = Record<string, unknown>;

/**
 * Has an object that an application may hold say what parsed JSON says, and the objects and arrays in it. An object stays where it is
 * in the tree, by the keys that lead to it, but at one place only; in an array, an item stays as long as it says the same, wherever
 * it moves to. What the application has put there stays as long as it says the same, and is not changed.
 *
 * @returns whether it says so now: something frozen cannot
 */
export function refillMembers(held: Members, content: Members, own: OwnParts): boolean {
  const seen = new Set<object>();
  const refilled = Object.keys(content).filter((key) => refill(memberOf(held, key), content[key], own, seen));
  const members = Object.assign(Object.create(null), content) as Members;
  // Once all is done, as what is below the items of an array may have been elsewhere as well.
  for (const key of refilled) if (sameJson(memberOf(held, key), content[key])) members[key] = memberOf(held, key);
  return replaceMembers(held, members);
}

/** Gives an object these members, and no others. @returns whether it could */
export function replaceMembers(held: Members, members: Members): boolean {
  for (const key of Reflect.ownKeys(held)) {
    if (!Object.hasOwn(members, key) && !Reflect.deleteProperty(held, key)) return false;
  }
  return Object.keys(members).every((key) => {
    const value = members[key];
    if (Object.hasOwn(held, key) && memberOf(held, key) === value) return true;
    // A key may be "__proto__".
    return Reflect.defineProperty(held, key, { value, configurable: true, enumerable: true, writable: true });
  });
}

/** The same for any value; but it may say something else, which is to be compared once. @param seen what was refilled so far */
function refill(held: unknown, content: unknown, own: OwnParts, seen: Set<object>): boolean {
  if (!isObject(held)) return held === content;
  if (!own.has(held)) return sameJson(held, content);
  if (seen.has(held)) return false;
  seen.add(held);
  try {
    if (Array.isArray(held)) return Array.isArray(content) && isRefilledArray(held, content);
    return isPlainObject(held) && isPlainObject(content) && isRefilled(held as Members, content as Members, own, seen);
  } catch {
    return false;
  }
}

function isRefilled(held: Members, content: Members, own: OwnParts, seen: Set<object>): boolean {
  const members = Object.create(null) as Members;
  for (const key of Object.keys(content)) {
    const member = memberOf(held, key);
    members[key] = refill(member, content[key], own, seen) ? member : content[key];
  }
  return replaceMembers(held, members);
}

function isRefilledArray(held: unknown[], content: readonly unknown[]): true {
  // What is beyond is not worth looking for what has moved.
  if (isSparse(held)) held.length = content.length;
  const items = content.map((item, index) => (sameJson(held[index], item) ? held[index] : item));
  const moved = new Map<string, unknown[]>();
  // The first comes last, to be taken first.
  for (let index = held.length - 1; index >= 0; index--) {
    const item = held[index];
    if (!isObject(item) || items[index] === item) continue;
    const text = JSON.stringify(item);
    const same = moved.get(text);
    if (same === undefined) moved.set(text, [item]);
    else same.push(item);
  }
  for (const [index, item] of items.entries()) {
    if (isObject(item) && item !== held[index]) items[index] = moved.get(JSON.stringify(item))?.pop() ?? item;
  }
  held.length = 0;
  for (const item of items) held.push(item);
  return true;
}

/** That of a property; `undefined` for an accessor. */
function memberOf(object: Members, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
