import { SessionArgumentError } from '../../session.errors.js';
import { kindOf, MAX_DEPTH, tooDeep } from './json.js';
import { inQuotes } from '../../shown.js';

/**
 * What the application keeps in its sessions. Empty until you say otherwise, and then typed everywhere:
 *
 * ```ts
 * declare module 'nestjs-mikro-session' {
 *   interface SessionData { cart: { items: string[] } }
 * }
 * ```
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- there to be merged into
export interface SessionData {}

type Untyped = keyof SessionData extends never ? true : false;

/** The data as a handler sees it: every declared key may be absent; without a declaration, anything goes. */
// oxlint-disable-next-line typescript/no-explicit-any -- what is not declared cannot be typed
export type LiveSessionData = Untyped extends true ? Record<string, any> : Partial<SessionData>;

type Leaf = string | number | boolean | null | undefined;

/** The dotted paths into a type, down to six levels. */
export type PathInto<T, Depth extends unknown[] = []> = Depth['length'] extends 6
  ? never
  : T extends Leaf
    ? never
    : T extends readonly (infer Item)[]
      ? `${number}` | `${number}.${PathInto<NonNullable<Item>, [...Depth, 0]>}`
      : {
          [Key in keyof T & string]-?: Key | `${Key}.${PathInto<NonNullable<T[Key]>, [...Depth, 0]>}`;
        }[keyof T & string];

/** The type that a dotted path leads to. */
export type ValueAt<T, Path extends string> = Path extends keyof T
  ? T[Path]
  : Path extends `${infer Key}.${infer Rest}`
    ? ValueAt<NonNullable<Step<T, Key>>, Rest>
    : Step<T, Path>;

type Step<T, Key extends string> = Key extends keyof T ? T[Key] : T extends readonly (infer Item)[] ? Item : unknown;

/** A dotted path into the session's data, such as `cart.items.0`. */
export type SessionPath = Untyped extends true ? string : PathInto<SessionData>;

/** What stands at a {@link SessionPath}. */
export type SessionValue<Path extends string> = Untyped extends true ? unknown : ValueAt<SessionData, Path>;

/** A top-level key of the session's data. */
export type SessionKey = Untyped extends true ? string : keyof SessionData & string;

type Container = Record<string, unknown>;

/** The top-level key that a path begins with. */
export function topLevelOf(path: string): string {
  return segmentsOf(path)[0] as string;
}

/** Reads what stands at a path. Only own properties count, so `__proto__` and `constructor` lead nowhere. */
export function getPath(root: Container, path: string): unknown {
  return reached(root, segmentsOf(path));
}

function reached(root: Container, segments: readonly string[]): unknown {
  let value: unknown = root;
  for (const segment of segments) {
    if (!hasOwn(value, segment)) return undefined;
    value = value[segment];
  }
  return value;
}

/**
 * Writes at a path, making the objects that lead there.
 *
 * @returns those that it has made
 * @throws {SessionArgumentError} for a path through something that is not an object, or to beyond the end of an array.
 * @throws {SessionDataError} for one that leads deeper than what can be stored.
 */
export function setPath(root: Container, path: string, value: unknown): object[] {
  const segments = segmentsOf(path);
  const last = segments.pop() as string;
  // It would be refused when it is stored, and until then be more than calls can go down.
  if (segments.length > MAX_DEPTH) throw tooDeep(path);
  const made: object[] = [];
  let container = root;
  for (const segment of segments) {
    assertFits(container, segment, path);
    let next = hasOwn(container, segment) ? container[segment] : undefined;
    if (next === undefined || next === null) {
      made.push((next = {}));
      define(container, segment, next);
    }
    if (typeof next !== 'object') {
      throw new SessionArgumentError(
        `Cannot set ${inQuotes(path)}: ${inQuotes(segment)} holds ${kindOf(next)}, not an object. Set ${inQuotes(segment)} itself first.`,
      );
    }
    container = next as Container;
  }
  assertFits(container, last, path);
  define(container, last, value);
  return made;
}

/** Removes what stands at a path; from an array, the item. Returns whether there was anything. */
export function deletePath(root: Container, path: string): boolean {
  const segments = segmentsOf(path);
  const last = segments.pop() as string;
  const container = reached(root, segments);
  if (!hasOwn(container, last) || container[last] === undefined) return false;
  if (Array.isArray(container)) {
    if (!isIndex(last)) return false;
    container.splice(Number(last), 1);
    return true;
  }
  return delete container[last];
}

function assertFits(container: Container, segment: string, path: string): void {
  if (!Array.isArray(container)) return;
  if (!isIndex(segment)) {
    throw new SessionArgumentError(
      `Cannot set ${inQuotes(path)}: ${inQuotes(segment)} is not an index of the array there.`,
    );
  }
  // No hole is stored, and an array of four billion of them takes minutes to look at.
  if (Number(segment) > container.length) {
    throw new SessionArgumentError(
      `Cannot set ${inQuotes(path)}: ${segment} is beyond the end of the array there, and would leave holes in it, which ` +
        'cannot be stored. Set or push the items before it first.',
    );
  }
}

/** As ECMAScript defines it: anything else makes a property that is no item. */
function isIndex(segment: string): boolean {
  return /^(0|[1-9]\d*)$/.test(segment) && Number(segment) < 2 ** 32 - 1;
}

function segmentsOf(path: string): string[] {
  if (typeof path !== 'string' || path === '') {
    throw new SessionArgumentError(`A path into the session must be a non-empty string, but was ${kindOf(path)}.`);
  }
  return path.split('.');
}

function hasOwn(value: unknown, key: string): value is Container {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

// Assigning `__proto__` would replace the prototype of an object; defining it makes an ordinary property.
function define(container: Container, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    container[key] = value;
  }
}
