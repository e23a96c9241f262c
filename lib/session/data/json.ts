import { SessionDataError } from '../../session.errors.js';
import { inQuotes, shown } from '../../shown.js';

/** What a session can hold: what JSON can say without losing anything. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** How deep data may be nested. */
export const MAX_DEPTH = 64;

/** Why a value cannot be stored. No error yet: of thousands that are found, one is told, and each would take a stack trace. */
export interface Refusal {
  /** Where it stands. */
  readonly path: string;
  /** What stands there, and what to do about it. */
  readonly kind: string;
  readonly fix: string;
  readonly cause?: unknown;
}

/**
 * The JSON text of a value, after making sure that reading it back gives the same value: plain objects, arrays,
 * strings, finite numbers, booleans and null. An `undefined` property is absent, and -0 is 0.
 *
 * @throws {SessionDataError} for anything else, naming the path.
 */
export function encodeJson(value: unknown, path: string): string {
  const text = encoded(value, path);
  if (typeof text !== 'string') throw toError(text);
  return text;
}

/** The same; for anything else, why it is refused. */
export function encoded(value: unknown, path: string): string | Refusal {
  const refusal = checkValue(value, path, []);
  if (refusal !== null) return refusal;
  const text = textOf(value);
  if (text === undefined) return cannotBeLookedAt(path);
  // A getter or a proxy may have said something else now than when it was checked.
  return (text.includes(ESCAPED) ? checkValue(JSON.parse(text), path, []) : null) ?? text;
}

/** The error that tells of it. */
export function toError({ path, kind, fix, cause }: Refusal): SessionDataError {
  const message = `Session data at ${inQuotes(path)} is ${kind}, which cannot be stored. ${fix}`;
  return new SessionDataError(path, message, { cause });
}

/** How JSON writes a NUL character and half a surrogate pair, and little else. */
const ESCAPED = '\\u';

/** What `JSON.stringify()` makes of a value; `undefined` where it makes nothing, or fails. */
function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined;
  } catch {
    return undefined;
  }
}

/**
 * What `JSON.stringify()` makes of a value, read back: a Date is text, a class instance what it shows of itself, and a
 * function nothing. The value itself where that says the same, and where JSON has no word for it (a cycle, a bigint).
 */
export function asJson(value: unknown): unknown {
  try {
    if (isJson(value, 0)) return value;
    const text = JSON.stringify(value, refuseSparse) as string | undefined;
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return value;
  }
}

/** How long an array may be whose holes JSON fills up with null: to do that for four billion takes minutes. */
const LONGEST_WITH_HOLES = 10_000;

/** Whether an array has holes, and so many that it is not worth looking at: say, as an index comes from a client. */
export function isSparse(array: readonly unknown[]): boolean {
  return array.length > LONGEST_WITH_HOLES && Object.keys(array).length < array.length;
}

/** For `JSON.stringify()`. @throws {TypeError} for such an array */
export function refuseSparse(_key: string, value: unknown): unknown {
  if (Array.isArray(value) && isSparse(value)) throw new TypeError('It has too many holes.');
  return value;
}

function isJson(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean';
  // Deeper than anything that is stored: encodeJson() says what is wrong.
  if (value === null || depth > MAX_DEPTH) return true;
  // Not every(), which passes over holes.
  if (Array.isArray(value)) {
    return isPlainArray(value) && !isSparse(value) && !Array.from(value).some((item) => !isJson(item, depth + 1));
  }
  if (!isPlainObject(value) || Object.getOwnPropertySymbols(value).length > 0) return false;
  return Object.values(value).every((item) => item === undefined || isJson(item, depth + 1));
}

/** Why a top-level key cannot be stored; `null` where it can. */
export function checkKey(key: string): Refusal | null {
  return checkString(key, '', 'a key');
}

function checkValue(value: unknown, path: string, ancestors: object[]): Refusal | null {
  switch (typeof value) {
    case 'string':
      return checkString(value, path, 'a string');
    case 'number':
      return Number.isFinite(value) ? null : refused(path, String(value), 'Only finite numbers can be stored.');
    case 'boolean':
      return null;
    case 'object':
      if (value === null) return null;
      break;
    default:
      return refused(path, kindOf(value), 'Store plain data instead.');
  }
  if (ancestors.length >= MAX_DEPTH) {
    return ancestors.includes(value)
      ? refused(path, 'a reference to an object that contains it (a cycle)', 'Store an id instead of the object.')
      : tooDeepAt(path);
  }
  ancestors.push(value);
  try {
    const refusal = Array.isArray(value) ? checkArray(value, path, ancestors) : checkObject(value, path, ancestors);
    if (refusal !== null) return refusal;
    // One that is a member like any other was refused as a function.
    if ('toJSON' in value && typeof value.toJSON === 'function') {
      return refused(path, 'an object that says what it is by toJSON()', 'Store what that gives instead.');
    }
  } catch (error) {
    return cannotBeLookedAt(path, error);
  }
  ancestors.pop();
  return null;
}

function checkArray(value: unknown[], path: string, ancestors: object[]): Refusal | null {
  if (!isPlainArray(value)) {
    return refused(path, 'an array with more to it than items', 'Store plain data instead, e.g. [...array].');
  }
  for (let index = 0; index < value.length; index++) {
    if (value[index] === undefined) {
      return refused(`${path}.${index}`, 'undefined in an array', 'Store null, or leave the item out.');
    }
    const refusal = checkValue(value[index], `${path}.${index}`, ancestors);
    if (refusal !== null) return refusal;
  }
  return null;
}

function checkObject(value: object, path: string, ancestors: object[]): Refusal | null {
  if (!isPlainObject(value)) {
    return refused(path, kindOf(value), 'Store plain data instead, e.g. date.toISOString() or [...map].');
  }
  if (Object.getOwnPropertySymbols(value).length > 0) {
    return refused(path, 'an object with a symbol as key', 'Use string keys.');
  }
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    if (item === undefined) continue;
    const itemPath = path === '' ? key : `${path}.${key}`;
    const refusal = checkString(key, path, 'a key') ?? checkValue(item, itemPath, ancestors);
    if (refusal !== null) return refusal;
  }
  return null;
}

function checkString(value: string, path: string, what: string): Refusal | null {
  // PostgreSQL's jsonb can hold neither (https://www.postgresql.org/docs/current/datatype-json.html).
  if (value.includes('\0')) return refused(path, `${what} with a NUL character`, 'Remove it, or encode it as base64.');
  if (value.isWellFormed()) return null;
  return refused(path, `${what} with half a surrogate pair`, 'Use toWellFormed(), or encode it as base64.');
}

function cannotBeLookedAt(path: string, cause?: unknown): Refusal {
  const kind = 'an object that cannot be looked at: a getter or a proxy throws';
  return refused(path, kind, 'Store plain data instead.', cause);
}

/** The error for what is nested too deep. */
export function tooDeep(path: string): SessionDataError {
  return toError(tooDeepAt(path));
}

function tooDeepAt(path: string): Refusal {
  return refused(path, `nesting deeper than ${MAX_DEPTH} levels`, 'Store flatter data.');
}

function refused(path: string, kind: string, fix: string, cause?: unknown): Refusal {
  return { path, kind, fix, cause };
}

/** Whether a value is an object literal, whichever realm it is from; class instances are not. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === null ||
    prototype === Object.prototype ||
    (Object.getPrototypeOf(prototype) === null &&
      // A realm's own Object.prototype, or an empty stand-in for null, as parsers of queries and cookies use it.
      (Object.hasOwn(prototype as object, 'toString') || Reflect.ownKeys(prototype as object).length === 0))
  );
}

/** What an array holds; `null` for anything else, and for an array that cannot be looked at. */
export function itemsOf(value: unknown): unknown[] | null {
  try {
    return Array.isArray(value) ? [...(value as unknown[])] : null;
  } catch {
    // A proxy that throws.
    return null;
  }
}

/** Whether an array is nothing but its items: no subclass, no properties of other names. */
function isPlainArray(value: unknown[]): boolean {
  if (!Array.isArray(Object.getPrototypeOf(value))) return false;
  // A hole makes room for a property of another name, but a hole is refused, and differs from everything, anyway.
  return Object.keys(value).length <= value.length;
}

/**
 * The object that a stored JSON text says.
 *
 * @throws {SyntaxError | TypeError} where it says anything else, or is nested deeper than what is ever stored: whatever works
 *   on the object takes a call for each level.
 */
export function readObject(text: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(text);
  if (!isPlainObject(parsed)) throw new TypeError(`expected a JSON object, found ${kindOf(parsed)}`);
  // The object itself is one level.
  if (mayBeDeep(text) && isDeeperThan(parsed, MAX_DEPTH + 1)) {
    throw new TypeError(`it is nested deeper than ${MAX_DEPTH} levels`);
  }
  return parsed;
}

/** The same; `null` where it says anything else. */
export function parseObject(text: string): Record<string, unknown> | null {
  try {
    return readObject(text);
  } catch {
    return null;
  }
}

/** Whether a text begins as many objects and arrays as it takes to be too deep: to count them costs next to nothing. */
function mayBeDeep(text: string): boolean {
  let count = 0;
  for (const opening of ['{', '[']) {
    for (let at = text.indexOf(opening); at >= 0; at = text.indexOf(opening, at + 1)) {
      if (++count > MAX_DEPTH) return true;
    }
  }
  return false;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isDeeperThan(item, levels - 1));
}

/** What a value is, for a message; never what it contains. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object') {
    try {
      if (Array.isArray(value)) return 'an array';
      const name: unknown = (Object.getPrototypeOf(value) as object | null)?.constructor?.name;
      return typeof name === 'string' && name !== '' && name !== 'Object' ? `a ${shown(name)}` : 'an object';
    } catch {
      return 'an object that cannot be looked at';
    }
  }
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`;
}

/** A copy of what JSON can say; what it cannot is taken as it is. */
export function copyJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson);
  const copy: Record<string, unknown> = {};
  for (const key in value) {
    const item = copyJson((value as Record<string, unknown>)[key]);
    // Assigning it would replace the prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { ...OWN, value: item });
    else copy[key] = item;
  }
  return copy;
}

const OWN = { configurable: true, enumerable: true, writable: true };

/**
 * Whether a live value still says what parsed JSON says. Key order does not matter, an `undefined` property is absent.
 * Anything JSON cannot say differs from everything.
 */
export function sameJson(live: unknown, parsed: unknown): boolean {
  try {
    return isSame(live, parsed);
  } catch {
    // A getter or a proxy that throws.
    return false;
  }
}

function isSame(live: unknown, parsed: unknown): boolean {
  if (live === parsed) return true;
  if (typeof live !== 'object' || typeof parsed !== 'object' || live === null || parsed === null) return false;
  if (Array.isArray(live)) {
    if (!Array.isArray(parsed) || live.length !== parsed.length || !isPlainArray(live)) return false;
    for (let index = 0; index < live.length; index++) if (!isSame(live[index], parsed[index])) return false;
    return true;
  }
  if (Array.isArray(parsed) || !isPlainObject(live) || Object.getOwnPropertySymbols(live).length > 0) return false;
  // This runs over everything that a handler has looked at, so it makes no lists of keys.
  let count = 0;
  for (const key in live) {
    const item = live[key];
    if (item === undefined) continue;
    // The one name under which everything that is parsed inherits an object.
    if (key === '__proto__' && !Object.hasOwn(parsed, key)) return false;
    if (!isSame(item, (parsed as Record<string, unknown>)[key])) return false;
    count++;
  }
  for (const _key in parsed) count--;
  return count === 0;
}
