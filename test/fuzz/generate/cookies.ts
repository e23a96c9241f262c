import fc from 'fast-check';
import { anyText } from './texts.js';

/** The lines of a request's Cookie header, written once the credentials of three live sessions are known. */
export type CookieLines = (live: readonly string[]) => string[];
type Piece = (live: readonly string[]) => string;

/** The name of the cookie that is looked for. */
export const COOKIE = 'session_id';
/** How many well-formed values are looked at. More than that no request brings, unless its server takes longer headers. */
export const MOST_LOOKED_AT = 200;

const always = (text: string): Piece => Object.assign(() => text, { toString: () => JSON.stringify(text) });
const shown = (what: string, piece: Piece): Piece => Object.assign(piece, { toString: () => what });

/** Bytes of a header. CR and LF end it, and are in none. */
const byte = fc.nat(255).filter((code) => code !== 10 && code !== 13).map((code) => String.fromCharCode(code)); // prettier-ignore
const visible = fc.integer({ min: 0x21, max: 0xff }).filter((code) => code !== 0x7f).map((code) => String.fromCharCode(code)); // prettier-ignore
const inHeader = (text: string): string =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/[\r\n]/g, ' ');

const of = fc.nat(2);
const at = fc.nat(79);
const hex = fc.string({
  unit: fc.integer({ min: 0, max: 15 }).map((digit) => digit.toString(16)),
  minLength: 32,
  maxLength: 32,
});
const secret = fc
  .string({ unit: fc.constantFrom('A', 'Z', 'a', 'z', '0', '9', '-', '_'), minLength: 42, maxLength: 42 })
  .map((text) => `${text}A`);
const dead = fc
  .tuple(hex, secret)
  .map(
    ([id, rest]) =>
      `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}.${rest}`,
  );

const credential = (live: readonly string[], index: number): string => live[index] as string;
const exact = of.map((index) => shown(`live ${index}`, (live) => credential(live, index)));

/** What is nearly a credential. */
const nearly: fc.Arbitrary<Piece> = fc.oneof(
  fc.tuple(of, at, byte).map(([index, where, char]) =>
    shown(`live ${index} with ${JSON.stringify(char)} at ${where}`, (live) => {
      const text = credential(live, index);
      return text.slice(0, where) + char + text.slice(where + 1);
    }),
  ),
  fc.tuple(of, at, byte).map(([index, where, char]) =>
    shown(`live ${index} with ${JSON.stringify(char)} put in at ${where}`, (live) => {
      const text = credential(live, index);
      return text.slice(0, where) + char + text.slice(where);
    }),
  ),
  fc.tuple(of, at).map(([index, where]) => shown(`live ${index} until ${where}`, (live) => credential(live, index).slice(0, where))),
  fc.tuple(of, of).map(([id, other]) =>
    shown(`the id of ${id} with the secret of ${other}`, (live) => credential(live, id).slice(0, 37) + credential(live, other).slice(37)),
  ),
  of.map((index) => shown(`live ${index} in capitals`, (live) => credential(live, index).toUpperCase())),
  of.map((index) => shown(`live ${index} percent-encoded`, (live) => credential(live, index).replaceAll('-', '%2D').replace('.', '%2E'))),
  of.map((index) => shown(`live ${index} signed`, (live) => `s%3A${credential(live, index)}.c2lnbmF0dXJl`)),
  of.map((index) => shown(`live ${index} twice`, (live) => `${credential(live, index)},${credential(live, index)}`)),
  of.map((index) => shown(`live ${index} with an open quote`, (live) => `"${credential(live, index)}`)),
  of.map((index) => shown(`live ${index} in two quotes`, (live) => `""${credential(live, index)}""`)),
); // prettier-ignore

const value: fc.Arbitrary<Piece> = fc.oneof(
  { weight: 5, arbitrary: exact },
  { weight: 2, arbitrary: of.map((index) => shown(`"live ${index}"`, (live) => `"${credential(live, index)}"`)) },
  { weight: 5, arbitrary: nearly },
  { weight: 3, arbitrary: dead.map(always) },
  { weight: 2, arbitrary: fc.string({ unit: visible, maxLength: 90 }).map(always) },
  { weight: 1, arbitrary: fc.string({ unit: byte, maxLength: 90 }).map(always) },
  { weight: 1, arbitrary: anyText.map((text) => always(inHeader(text))) },
);

const name: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.constant(COOKIE) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'Session_id', 'SESSION_ID', 'session_id2', 'xsession_id', 'session-id', 'session_id[]', 'session_id[0]', 'session.id',
      '__Host-session_id', '__Secure-session_id', 'session%5Fid', '$session_id', '"session_id"', 'session_id\u00a0', 'sessıon_id',
      '__proto__', 'constructor', '', 'session', 'session_i', '$Version', 'session_id\u0000', 'session_id\u000b',
    ).map(inHeader), // prettier-ignore
  },
  { weight: 1, arbitrary: anyText.map(inHeader) },
);

const blanks = fc.constantFrom('', '', '', ' ', '\t', '  \t ', ' '.repeat(300));
const pair: fc.Arbitrary<Piece> = fc
  .tuple(blanks, name, blanks, fc.constantFrom('=', '=', '=', '=', '=', '==', ''), blanks, value, blanks)
  .map(([before, called, afterName, equals, beforeValue, what, after]) =>
    shown(`${JSON.stringify(before + called + afterName + equals + beforeValue)} ${what.toString()}`, (live) =>
      [before, called, afterName, equals, beforeValue, what(live), after].join(''),
    ),
  );

const join = (pieces: readonly Piece[], separator: string): Piece =>
  shown(pieces.map(String).join(separator), (live) => pieces.map((piece) => piece(live)).join(separator));

const line: fc.Arbitrary<Piece> = fc
  .tuple(
    fc.array(pair, { minLength: 1, maxLength: 6 }),
    fc.constantFrom('; ', '; ', ';', ';;', ' ; ', ';\t', ',', '; ; '),
  )
  .map(([pairs, separator]) => join(pairs, separator));

/** Thousands of pairs, with one that may be live among them. */
const long: fc.Arbitrary<Piece> = fc
  .tuple(fc.constantFrom(170, 199, 200, 201, 2_000, 10_000), fc.constantFrom(COOKIE, 'other', '__proto__'), fc.boolean(), dead, pair, fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([count, called, isWellFormed, text, one, where]) =>
    shown(`${count} pairs called ${called}, ${isWellFormed ? 'dead' : 'short'}, with ${one.toString()} at ${where}`, (live) => {
      const pairs = Array.from({ length: count }, (_, number) => {
        const mark = number.toString(16).padStart(8, '0');
        return `${called}=${isWellFormed ? mark + text.slice(8) : mark}`;
      });
      pairs.splice(Math.floor(where * count), 0, one(live));
      return pairs.join('; ');
    }),
  ); // prettier-ignore

/** One header, or a few, of any form. */
export const cookieLines: fc.Arbitrary<CookieLines> = fc
  .oneof(
    { weight: 100, arbitrary: fc.array(line, { minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.tuple(long) },
  )
  .map((lines) =>
    Object.assign((live: readonly string[]) => lines.map((one) => one(live)), {
      toString: () => lines.map(String).join('\n'),
    }),
  );

/** The value of a header that carries a credential by itself. */
export const headerValues: fc.Arbitrary<CookieLines> = fc.array(value, { minLength: 1, maxLength: 2 }).map((values) =>
  Object.assign((live: readonly string[]) => values.map((one) => one(live)), {
    toString: () => values.map(String).join('\n'),
  }),
);

/** Whether Node refuses a header with such a character before any application sees it. */
export const hasControlCharacter = (text: string): boolean => /[\0-\u0008\u000a-\u001f\u007f]/.test(text); // oxlint-disable-line no-control-regex
const hasCredentialForm = (text: string): boolean =>
  /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.[\w-]{42}[AEIMQUYcgkosw048]$/.test(text) && !text.includes('\n');

/**
 * Which of the live sessions a request with these Cookie headers opens, by the rules of RFC 6265 and of the documentation;
 * `null` for none. Written anew, so that it may disagree with the library.
 */
export function opened(lines: readonly string[], live: readonly string[]): number | null {
  const values = lines
    .map(outerBlanksOff)
    .join('; ')
    .split(';')
    .flatMap((text) => {
      const [called = '', ...rest] = text.split('=');
      return rest.length > 0 && outerBlanksOff(called) === COOKIE ? [outerBlanksOff(rest.join('='))] : [];
    })
    .map((text) => (/^".*"$/s.test(text) ? text.slice(1, -1) : text))
    .filter(hasCredentialForm);
  const looked = [...new Set(values)].slice(0, MOST_LOOKED_AT);
  const found = new Set(looked.map((text) => live.indexOf(text)).filter((index) => index >= 0));
  return found.size === 1 ? ([...found][0] as number) : null;
}

/** The same for a header that carries a credential by itself: sent twice, it carries none. */
export function openedByHeader(lines: readonly string[], live: readonly string[]): number | null {
  const index = lines.length === 1 ? live.indexOf(outerBlanksOff(lines[0] as string)) : -1;
  return index < 0 ? null : index;
}

function outerBlanksOff(text: string): string {
  let blank = text;
  while (/^[ \t]/.test(blank)) blank = blank.slice(1);
  while (/[ \t]$/.test(blank)) blank = blank.slice(0, -1);
  return blank;
}
