import { isPlainObject, sameJson } from './json.js';

type Members = Record<string, unknown>;

/**
 * Has an object that an application may hold say what parsed JSON says, and the objects and arrays in it. An object stays where it is
 * in the tree, by the keys that lead to it; in an array, an item stays as long as it says the same, wherever it moves to.
 *
 * @returns whether it says so now: something frozen cannot
 */
export function refillMembers(held: Members, content: Members): boolean {
  for (const key of Object.keys(content)) refill(memberOf(held, key), content[key]);
  const members = Object.create(null) as Members;
  // Once all is done: one object may have been at several places.
  for (const key of Object.keys(content)) {
    const member = memberOf(held, key);
    members[key] = Object.hasOwn(held, key) && sameJson(member, content[key]) ? member : content[key];
  }
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

/** The same for any value. What cannot say so (a class, something frozen) is left as it is, or half done: compare. */
export function refill(held: unknown, content: unknown): void {
  try {
    if (Array.isArray(held)) {
      if (Array.isArray(content)) refillArray(held, content);
    } else if (isPlainObject(held) && isPlainObject(content)) refillMembers(held as Members, content as Members);
  } catch {
    // It is for the caller to compare.
  }
}

function refillArray(held: unknown[], content: readonly unknown[]): void {
  const items = content.map((item, index) => (sameJson(held[index], item) ? held[index] : item));
  const moved = new Map<string, unknown[]>();
  for (const [index, item] of held.entries()) {
    if (!isObject(item) || items[index] === item) continue;
    const text = JSON.stringify(item);
    moved.set(text, [...(moved.get(text) ?? []), item]);
  }
  for (const [index, item] of items.entries()) {
    if (isObject(item) && item !== held[index]) items[index] = moved.get(JSON.stringify(item))?.shift() ?? item;
  }
  held.length = 0;
  held.push(...items);
}

/** That of a property; `undefined` for an accessor. */
export function memberOf(object: Members, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
