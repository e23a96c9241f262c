/** What a session can hold of a value: what comes back, or nothing, because the value is refused. */
export type Kept = { readonly value: unknown } | null;

/** How many objects and arrays may stand one in another. */
const DEEPEST = 64;

class NotStorable extends Error {}

/**
 * What is stored of a value, by the rules of the documentation: plain objects, arrays, strings, finite numbers, booleans and
 * null come back; an `undefined` property is absent, and -0 is 0. Written anew, so that it may disagree with the library.
 *
 * @param level how deep it stands already; -1 for a whole document, which is no level of its own
 */
export function kept(value: unknown, level = 0): Kept {
  try {
    return { value: plain(value, level) };
  } catch {
    // A getter that throws, too.
    return null;
  }
}

function plain(value: unknown, level: number): unknown {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') {
    if (value.includes('\0') || /\p{Surrogate}/u.test(value)) throw new NotStorable();
    return value;
  }
  if (typeof value === 'number') {
    if (Number.isNaN(value) || Math.abs(value) === Infinity) throw new NotStorable();
    return value === 0 ? 0 : value;
  }
  if (typeof value !== 'object' || level >= DEEPEST) throw new NotStorable();
  // Of a whole document, the members are taken.
  if (level >= 0 && typeof (value as { toJSON?: unknown }).toJSON === 'function') throw new NotStorable();
  if (Array.isArray(value)) {
    if (Object.getPrototypeOf(value) !== Array.prototype) throw new NotStorable();
    if (Object.keys(value).some((key) => !/^\d+$/.test(key))) throw new NotStorable();
    const items: unknown[] = [];
    for (let index = 0; index < value.length; index++) items.push(plain(value[index], level + 1));
    return items;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) throw new NotStorable();
  if (Object.getOwnPropertySymbols(value).length > 0) throw new NotStorable();
  const members: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    members.push([plain(key, level) as string, plain(item, level + 1)]);
  }
  // It defines, and so knows no key with a meaning.
  return Object.fromEntries(members);
}

/** Whether a value would be taken for a sealed one, so that it is refused where nothing is encrypted. What is within a value would not. */
export const isLikeSealed = (value: unknown): boolean =>
  typeof value === 'string' && /^\$enc[0-9]+\.[A-Za-z0-9_-]{8}\./.test(value);

/** How many bytes the text of a value has at least, and at most in any store: sealed, and with all digits of its numbers. */
export function sizeOf(value: unknown): { readonly least: number; readonly most: number } {
  const least = Buffer.byteLength(JSON.stringify(value));
  return { least, most: 2 * (mostOf(value) + 100) };
}

function mostOf(value: unknown): number {
  if (typeof value === 'number') return 400;
  if (typeof value !== 'object' || value === null) return Buffer.byteLength(JSON.stringify(value)) + 80;
  return Object.entries(value).reduce((sum, [key, item]) => sum + mostOf(key) + mostOf(item) + 4, 4);
}

/** How PostgreSQL writes a `jsonb` whose numbers have no exponent. */
export function jsonbText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(jsonbText).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${jsonbText(item)}`)
    .join(', ')}}`;
}
