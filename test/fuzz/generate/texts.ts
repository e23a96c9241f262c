import fc from 'fast-check';

/** What has a meaning of its own to JavaScript, SQL, JSON, paths or logs. */
const TELLING = [
  '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'toJSON', 'then', '__defineGetter__',
  '', ' ', '\t', '\n', '\r\n', '.', '..', 'a.b', '.a', 'a.', '$', '$flash:', '$flash:x', '$enc1.AAAAAAAA.x', '$1', '%s', '%n',
  '\0', 'a\0b', '\u{1}', '\u{7f}', '\u{2028}', '\u{feff}', '\ud800', '\udc00x', 'x\ud83d', '\u{1f600}', 'é', 'e\u0301', 'İ', 'ß',
  "'", "''", '"', '`', "' OR 1=1 --", "'; drop table sessions; --", '$$', ':id', '?', '??', '@', '*', '$.a', '$[*]', '{a,b}',
  '{}', '[]', '[0]', '0', '-1', '1e3', 'null', 'true', 'NaN', 'undefined', '/*', '--', '\\n', '\\u0000', '\\x00', "E'\\\\'",
  '<script>', '\u001b[31m', 'length', 'data', 'id',
] as const; // prettier-ignore

/**
 * A fault of V8's, in Node 24: where an object of the same shape had a key that ends with a backslash, JSON.parse() takes
 * another whose last character is an escape for that one ({"a":1,"\\":2} read twenty times, and {"a":1,"\n":2} has a
 * backslash for its key from then on). So no key that is generated ends with one.
 */
const isReadRightly = (text: string): boolean => !text.endsWith('\\');

/** Any text at all, lone surrogates and NUL included. */
export const anyText: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 4, arbitrary: fc.constantFrom(...TELLING) },
    { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
    {
      weight: 2,
      arbitrary: fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)), maxLength: 8 }),
    },
    { weight: 2, arbitrary: fc.array(fc.constantFrom(...TELLING), { maxLength: 4 }).map((parts) => parts.join('')) },
  )
  .filter(isReadRightly);

/** The same, and now and then one of up to a million characters. */
export const anyTextOrLong: fc.Arbitrary<string> = fc.oneof(
  { weight: 60, arbitrary: anyText },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyText, fc.constantFrom(255, 511, 512, 513, 8_000, 100_000, 1_000_000))
      .map(([text, length]) => (text === '' ? 'x' : text).repeat(length).slice(0, length))
      .filter(isReadRightly),
  },
);

/** The form of a session's id. */
export const uuid: fc.Arbitrary<string> = fc.uuid({ version: [1, 4, 7] });

/** Whether a database can hold a text. */
export const isStorableText = (text: string): boolean => !text.includes('\0') && text.isWellFormed();
