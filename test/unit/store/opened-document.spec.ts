import { describe, expect, it } from '@jest/globals';
import { OpenedDocument, type OpenedMember } from '../../../lib/store/opened-document.js';

type Members = Record<string, unknown>;

const textIn = (members: Members, colon: string, comma: string): string =>
  `{${Object.entries(members)
    .map(([key, value]) => `${JSON.stringify(key)}${colon}${JSON.stringify(value)}`)
    .join(comma)}}`;
const WRITERS: [string, (members: Members) => string][] = [
  ['PostgreSQL', (members) => textIn(members, ': ', ', ')],
  ['JSON.stringify()', (members) => JSON.stringify(members)],
];

/** As it is opened: what begins with an exclamation mark is sealed, and says its own length; a question mark cannot be opened. */
function opened(stored: string): OpenedDocument {
  const readable = Object.entries(JSON.parse(stored) as Members).filter(([, value]) => value !== '?');
  const members = readable.map(([key, value]): [string, OpenedMember] => {
    const isSealed = typeof value === 'string' && value.startsWith('!');
    return isSealed ? [key, { sealed: value, plain: `${value.length}` }] : [key, { sealed: null, plain: 'true' }];
  });
  return OpenedDocument.of(stored, new Map(members));
}

const change = (sealed: string, plain: string) => ({ sealed, plain });

describe.each(WRITERS)('A document that was opened, as %s writes it', (_who, write) => {
  const BEFORE = { a: '!first', 'b"\n': '!another', c: '!third', d: '!the last' };
  const document = opened(write(BEFORE));

  it('says what its members do', () => {
    expect(document.plain).toBe('{"a":6,"b\\"\\n":8,"c":6,"d":9}');
    expect(opened(write({})).plain).toBe('{}');
  });

  it('knows what is stored, and what that says, once members have been changed', () => {
    const changed = document.changed(
      new Map([
        ['d', change('!d', '"D"')],
        ['a', change('!much longer than before', '[1,2,3]')],
      ]),
    );
    expect(changed?.is(write({ ...BEFORE, a: '!much longer than before', d: '!d' }))).toBe(true);
    expect(changed?.plain).toBe('{"a":[1,2,3],"b\\"\\n":8,"c":6,"d":"D"}');
    const again = changed?.changed(
      new Map([
        ['c', change('!C', '3')],
        ['a', change('!A', '1')],
      ]),
    );
    expect(again?.is(write({ ...BEFORE, a: '!A', c: '!C', d: '!d' }))).toBe(true);
    expect(again?.plain).toBe('{"a":1,"b\\"\\n":8,"c":3,"d":"D"}');
    expect([again?.member('d'), again?.member('b"\n')]).toMatchObject([change('!d', '"D"'), change('!another', '8')]);
    expect(document.is(write(BEFORE))).toBe(true);
  });

  it('is no other document', () => {
    const after = { ...BEFORE, b: '!new', c: '!fourth' };
    const changed = opened(write({ ...BEFORE, b: '!old' })).changed(
      new Map([
        ['b', change('!new', '1')],
        ['c', change('!fourth', '2')],
      ]),
    );
    const text = write(after);
    expect(changed?.is(text)).toBe(true);
    for (let at = 0; at < text.length; at++) {
      expect(changed?.is(`${text.slice(0, at)}?${text.slice(at + 1)}`)).toBe(false);
    }
    for (const other of [`${text} `, text.slice(0, -1), '', write(BEFORE)]) expect(changed?.is(other)).toBe(false);
    for (const other of [`${write(BEFORE)} `, text, '{}']) expect(document.is(other)).toBe(false);
  });

  it('is read anew after many changes', () => {
    const members = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`k${n}`, `!${n}`]));
    let many: OpenedDocument | null = opened(write(members));
    let times = 0;
    for (; many !== null; times++) many = many.changed(new Map([[`k${times}`, change('!', '0')]]));
    expect(times).toBe(18);
  });

  it('does not tell it of a member that is not there', () => {
    expect(document.changed(new Map([['e', change('!', '1')]]))).toBeNull();
    expect(opened(write({})).changed(new Map([['e', change('!', '1')]]))).toBeNull();
  });

  it('takes memory for its texts, for each place, and for each change', () => {
    const texts = write(BEFORE).length + document.plain.length;
    expect(document.size).toBe(texts + 4 * 120);
    const changed = document.changed(new Map([['a', change('!longer', '"longer"')]]));
    expect(changed?.size).toBe(document.size + 200 + 7 + 8);
    const again = changed?.changed(
      new Map([
        ['a', change('!', '"世界"')],
        ['c', change('!C', '3')],
      ]),
    );
    expect(again?.size).toBe(document.size + 200 + 1 + 2 * 4 + 200 + 2 + 1);
  });

  it('finds a member by its key', () => {
    expect(document.member('c')).toEqual({ sealed: '!third', plain: '6' });
    expect([document.member('e'), document.member('C')]).toEqual([null, null]);
  });

  it.each<[string, Members]>([
    ['one that is stored as it is', { a: '!first', b: true, c: '!third' }],
    ['one that is stored as it is, first', { a: 1, b: '!', c: '!third' }],
    ['one that is stored as it is, last', { a: '!first', c: '!third', d: {} }],
    ['one that cannot be opened', { a: '!first', b: '?', c: '!third' }],
    ['one that cannot be opened, first', { a: '?', b: '!second', c: '!third' }],
    ['one that cannot be opened, last', { a: '!first', c: '!third', d: '?' }],
  ])('does not tell it where there is %s, and still finds the others', (_what, members) => {
    const stored = write(members);
    const part = opened(stored);
    expect(part.changed(new Map([['c', change('!C', '3')]]))).toBeNull();
    expect(part.member('c')).toEqual({ sealed: '!third', plain: '6' });
  });

  it('does not take for a member what stands inside of another one', () => {
    const stored = write({ a: { b: '!twice' }, b: '!twice' });
    const part = opened(stored);
    expect(part.changed(new Map([['b', change('!other', '3')]]))).toBeNull();
    expect(part.member('b')).toEqual({ sealed: '!twice', plain: '6' });
  });
});

describe('A document whose members come in another order than they are written in', () => {
  it('is not sought through for each of them, and tells nothing of what will be stored', () => {
    // A parsed document begins with the keys that are numbers.
    const document = opened('{"a": "!a", "10": "!10", "b": "!b"}');
    expect(document.plain).toBe('{"10":3,"a":2,"b":2}');
    expect(['10', 'a', 'b'].map((key) => document.member(key))).toEqual([change('!10', '3'), null, null]);
    expect(document.changed(new Map([['10', change('!other', '3')]]))).toBeNull();
  });
});
