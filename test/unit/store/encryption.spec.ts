import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionConfigurationError } from '../../../lib/session.errors.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { type EncryptionKey, KeyRing, SessionCipher } from '../../../lib/store/encryption.js';
import { OpenedTexts } from '../../../lib/store/opened-texts.js';
import { errorOf } from '../../support/error-of.js';

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');
const OTHER = Buffer.alloc(32, 7);
const ring = new KeyRing([KEY]);
const CHARACTERS = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. \né');

describe('KeyRing', () => {
  it.each(['', '{}', '"Grüße, 世界 👋"', JSON.stringify('x'.repeat(100_000))])(
    'opens what it sealed: %.20s',
    (text) => {
      expect(ring.open(ring.seal(text, 'here'), 'here')).toBe(text);
    },
  );

  it('opens what earlier releases have sealed', () => {
    const sealed = '$enc1.anHR6YVX.Vgmn1s3f8KUFOOV6FlNKfyUoBU68w_vrpIQxD8d6993NUAGEDhU7gHngY_TquA';
    expect(ring.open(sealed, 'data\0id\0cart')).toBe('{"items":["book"]}');
  });

  it('seals the same text differently each time, and shows nothing of it', () => {
    const sealed = Array.from({ length: 1_000 }, () => ring.seal('secret', 'here'));
    expect(new Set(sealed.map((one) => one.slice(15, 31))).size).toBe(1_000);
    for (const one of sealed) expect(one).toMatch(/^\$enc1\.[\w-]{8}\.[\w-]{46}$/);
  });

  it.each([0, 1, 2, 3, 100, 10_000])('makes of %i bytes 4/3 as many, and 53', (length) => {
    expect(ring.seal('x'.repeat(length), 'here').length).toBe(15 + Math.ceil(((length + 28) * 4) / 3));
  });

  it('opens nothing of which a single character was changed, to any other', () => {
    const sealed = ring.seal('secret', 'here');
    const opened: string[] = [];
    for (let at = 0; at < sealed.length; at++) {
      for (const character of CHARACTERS) {
        const changed = sealed.slice(0, at) + character + sealed.slice(at + 1);
        if (changed !== sealed && ring.open(changed, 'here') !== null) opened.push(changed);
      }
    }
    expect(opened).toEqual([]);
    expect(ring.open(sealed, 'here')).toBe('secret');
  });

  it('opens nothing that was cut short, or that something was added to', () => {
    const sealed = ring.seal('secret', 'here');
    const changed = Array.from(sealed, (_, length) => sealed.slice(0, length));
    changed.push(...['A', 'AAAA', '=', ' ', '\n', '.'].map((more) => sealed + more), ` ${sealed}`);
    expect(changed.filter((one) => ring.open(one, 'here') !== null)).toEqual([]);
  });

  it('opens nothing in another place, or with another key', () => {
    const sealed = ring.seal('secret', 'here');
    for (const context of ['', 'there', 'here ', 'her']) expect(ring.open(sealed, context)).toBeNull();
    const other = new KeyRing([OTHER]);
    expect(other.open(sealed, 'here')).toBeNull();
    // Nor with another key that goes by the name of the right one.
    expect(other.open(sealed.replace(ring.ids[0] as string, other.ids[0] as string), 'here')).toBeNull();
  });

  it.each(['', 'text', '$', '$enc', '$enc1.', '$enc1..', '$1.99', '$enc2.AAAAAAAA.', `$enc1.${ring.ids[0]}.AAAA`])(
    'opens nothing that it has not sealed: %j',
    (text) => {
      expect(ring.open(text, 'here')).toBeNull();
    },
  );

  it('takes for sealed what begins as sealed texts do, of later versions as well, and nothing else', () => {
    for (const text of [ring.seal('x', 'here'), '$enc1.AAAAAAAA.', '$enc27.AAAA-_09.x']) {
      expect(KeyRing.isSealed(text)).toBe(true);
    }
    const plain = [
      '',
      '$1.99',
      'enc1.',
      '$enc',
      '$encore',
      '$enc1.',
      '$enc1.AAAAAAA.',
      '$enc1.AAAAAAAA',
      '$enc.AAAAAAAA.',
    ];
    for (const text of [...plain, ' $enc1.AAAAAAAA.', '$Enc1.AAAAAAAA.']) expect(KeyRing.isSealed(text)).toBe(false);
  });

  it('seals with the first key, and opens with all of them', () => {
    const [before, now, after] = [ring, new KeyRing([OTHER, KEY]), new KeyRing([OTHER])];
    const old = before.seal('secret', 'here');
    expect([now.open(old, 'here'), after.open(old, 'here')]).toEqual(['secret', null]);
    const sealed = now.seal('secret', 'here');
    expect([before, now, after].map((one) => one.open(sealed, 'here'))).toEqual([null, 'secret', 'secret']);
    expect(now.ids).toEqual([...after.ids, ...before.ids]);
  });

  it.each<[string, EncryptionKey]>([
    ['a Buffer', KEY],
    ['a Uint8Array', new Uint8Array(KEY)],
    ['base64', KEY.toString('base64')],
    ['base64 without padding', KEY.toString('base64').replace('=', '')],
    ['base64url', KEY.toString('base64url')],
    ['hex', KEY.toString('hex')],
    ['hex in capitals', KEY.toString('hex').toUpperCase()],
    ['the text of a file with a line break', `${KEY.toString('base64')}\n`],
  ])('takes a key as %s', (_, key) => {
    expect(new KeyRing([key]).ids).toEqual(ring.ids);
    const random = randomBytes(32);
    expect(new KeyRing([random.toString('base64url')]).ids).toEqual(new KeyRing([random]).ids);
  });

  it.each<[string, unknown]>([
    ['a string of 8 characters', 'hunter2!'],
    ['a string of 0 characters', ''],
    ['a string of 32 characters', 'correct-horse-battery-staple-sec'],
    ['a string of 43 characters', KEY.toString('base64url').slice(0, -1) + '9'],
    ['a string of 62 characters', KEY.toString('hex').slice(2)],
    ['a string of 44 characters', `!${KEY.toString('base64url')}`],
    ['a string of 44 characters', `${KEY.toString('base64url')}!`],
    ['a string of 65 characters', `0${KEY.toString('hex')}`],
    ['a string of 65 characters', `${KEY.toString('hex')}0`],
    ['a string of 88 characters', Buffer.concat([KEY, KEY]).toString('base64')],
    ['a Buffer of 31 bytes', KEY.subarray(1)],
    ['a Uint8Array of 33 bytes', new Uint8Array(33)],
    ['undefined', undefined],
    ['null', null],
    ['a number', 12345678],
    ['an object', { key: 'hunter2!' }],
  ])('refuses a key that is %s, without showing it, and says how to make one', (what, key) => {
    const { message } = errorOf(SessionConfigurationError, () => new KeyRing([KEY, key as string]));
    expect(message).toBe(
      'SessionModule option "encryption.keys[1]" must be 32 bytes, as a Buffer or as base64, base64url or hex text, ' +
        `but was ${what}. Make one: node -e "console.log(require('node:crypto').randomBytes(32).toString('base64'))"`,
    );
  });

  it.each<[string, unknown]>([
    ['an empty one', []],
    ['a string', KEY.toString('base64')],
    ['undefined', undefined],
    ['a Buffer', KEY],
  ])('refuses keys that are no list, or %s, without showing them', (what, keys) => {
    const { message } = errorOf(SessionConfigurationError, () => new KeyRing(keys as string[]));
    expect(message).toContain(`"encryption.keys" must be a list of keys, newest first, but was ${what}. Make one: `);
    expect(message).not.toContain(KEY.toString('base64'));
  });

  it('refuses a key that it has already, in whatever spelling', () => {
    const { message } = errorOf(SessionConfigurationError, () => new KeyRing([OTHER, KEY, KEY.toString('hex')]));
    expect(message).toContain('"encryption.keys[2]" is the same key as "encryption.keys[1]"');
  });

  it('shows no key when it is printed, and does not change when the Buffer it was given is wiped', () => {
    const given = Buffer.from(KEY);
    const wiped = new KeyRing([given]);
    given.fill(0);
    expect(wiped.open(ring.seal('secret', 'here'), 'here')).toBe('secret');
    const shown = inspect(wiped, { depth: null, showHidden: true }) + JSON.stringify(wiped);
    expect(shown).not.toMatch(/KeyObject|Buffer/);
    for (const encoding of ['hex', 'base64', 'base64url'] as const) expect(shown).not.toContain(KEY.toString(encoding));
  });
});

describe('SessionCipher', () => {
  const reports: string[] = [];
  const cipher = new SessionCipher(ring, (id, what) => reports.push(`${id}: ${what}`));
  const stored = (id: string, data: string, auth: string | null = null) =>
    cipher.open({ id, generation: 1, auth, data } as never);

  it('binds a value to its session and its key, however the two are divided', () => {
    const value = cipher.seal('id', 'key', '1');
    expect(stored('id', `{"key":${value},"ke":${value},"y":${value},"KEY":${value}}`).data).toBe('{"key":1}');
    expect(stored('idk', `{"ey":${value}}`).data).toBe('{}');
    for (const id of ['i', 'idk', 'ID']) expect(stored(id, `{"key":${value}}`).data).toBe('{}');
    expect(stored('id', '{}', value).auth).toBeNull();
    const auth = cipher.sealAuth('id', 1, '{"a":1}');
    expect([stored('id', '{}', auth).auth, stored('other', '{}', auth).auth]).toEqual(['{"a":1}', null]);
    expect(stored('id', `{"auth":${auth},"":${auth},"id":${auth}}`).data).toBe('{}');
  });

  it('keeps all values as they are, under any key', () => {
    const data = '{"__proto__":{"a":1},"constructor":null,"":false,"ü\\"\\n":[1,"x"],"$flash:1":"$1.99"}';
    const sealed = cipher.sealData('id', data);
    for (const value of Object.values(JSON.parse(sealed) as object)) expect(KeyRing.isSealed(value)).toBe(true);
    expect(stored('id', sealed).data).toBe(data);
  });

  it('leaves alone what is not sealed, and what is no document', () => {
    for (const text of [
      '{"a":"$1.99","b":[1,{"c":"$enc1.x"}]}',
      '{"a":["$enc1.AAAAAAAA.x"]}',
      '{}',
      '[1]',
      '"text"',
      'null',
      'no JSON',
    ]) {
      expect(stored('id', text).data).toBe(text);
    }
    for (const text of [null, '{"a":1}', '"text"', 'no JSON']) expect(stored('id', '{}', text).auth).toBe(text);
  });

  it('reads a document by key: what is stored there, and what that says', () => {
    const [value, list] = [cipher.seal('id', 'n', '1'), cipher.seal('id', 'list', '[1,{"a":2}]')];
    const reader = cipher.reader(
      'id',
      `{"n":${value},"list":${list},"plain":{"b":[1, 2]},"nil":null,"lost":"$enc1.AAAAAAAA.x"}`,
    );
    const keys = ['n', 'list', 'plain', 'nil', 'lost', 'no', 'toString'];
    expect(keys.map((key) => reader.stored(key))).toEqual([
      value,
      list,
      '{"b":[1,2]}',
      null,
      '"$enc1.AAAAAAAA.x"',
      null,
      null,
    ]);
    const readable = keys.filter((key) => key !== 'lost');
    expect(readable.map((key) => reader.value(key))).toEqual([1, [1, { a: 2 }], { b: [1, 2] }, null, null, null]);
    expect(() => reader.value('lost')).toThrow('Session data at "lost" cannot be decrypted here');
    expect([cipher.reader('id', '[').stored('n'), cipher.reader('id', '[').value('n')]).toEqual([null, null]);
  });

  it('opens only what is looked at, and once', () => {
    let opened = 0;
    const counting = new KeyRing([KEY]);
    counting.open = (...args) => (opened++, ring.open(...args));
    const [data, auth] = [cipher.sealData('id', '{"a":1,"b":2}'), cipher.sealAuth('id', 1, '{}')];
    const plain = new SessionCipher(counting, () => {}).open({ id: 'id', generation: 1, data, auth } as never);
    expect(opened).toBe(0);
    expect([plain.auth, plain.auth, opened]).toEqual(['{}', '{}', 1]);
    expect([plain.data, plain.data, opened]).toEqual(['{"a":1,"b":2}', '{"a":1,"b":2}', 3]);
  });

  it('reports once what it cannot open, by the name of its key, which cannot break the line', () => {
    reports.length = 0;
    const data = '{"a\\n":"$enc1.AAAAAAAA.secret","b":"$enc2.AAAAAAAA.secret","c":3}';
    for (let time = 0; time < 2; time++) expect(stored('one', data, '"$enc1.AAAAAAAA.secret"').data).toBe('{"c":3}');
    expect(stored('one', data, '"$enc1.AAAAAAAA.secret"').auth).toBeNull();
    expect(stored('two', data).data).toBe('{"c":3}');
    expect(reports).toEqual([
      'one: data at "a\\n"',
      'one: data at "b"',
      'one: auth',
      'two: data at "a\\n"',
      'two: data at "b"',
    ]);
  });

  it('remembers no more than a thousand reports', () => {
    reports.length = 0;
    const value = '{"a":"$enc1.AAAAAAAA.secret"}';
    for (let n = 0; n < 2_500; n++) void stored(`id${n}`, value).data;
    for (let n = 2_400; n < 2_500; n++) void stored(`id${n}`, value).data;
    expect(reports).toHaveLength(2_500);
    void stored('id0', value).data;
    expect(reports).toHaveLength(2_501);
  });
});

describe('SessionCipher, of what was opened lately,', () => {
  const DATA = '{"n":1,"list":["a"]}';
  let cipher: SessionCipher;
  const sealed = (auth: string | null = '{"a":1}') =>
    ({
      id: 'id',
      generation: 1,
      auth: cipher.sealAuth('id', 1, auth),
      data: cipher.sealData('id', DATA),
    }) as StoredSession;

  beforeEach(() => {
    cipher = new SessionCipher(ring, () => {}, true, new OpenedTexts());
  });

  /** Opens what is asked for so often that it is kept. */
  function keep(session: StoredSession, ...parts: ('auth' | 'data')[]): void {
    for (let times = 0; times < 2; times++) {
      const plain = cipher.open(session);
      for (const part of parts) expect(plain[part]).not.toBeNull();
    }
  }

  it('knows a session of which all was opened, just as it is stored', () => {
    const session = sealed();
    expect(cipher.known(session)).toBeNull();
    keep(session, 'auth', 'data');
    expect(cipher.known(session)).toEqual({ auth: '{"a":1}', data: DATA });
    expect(cipher.known({ ...session, auth: null })).toEqual({ auth: null, data: DATA });
    const others = [{ generation: 2 }, { auth: sealed().auth }, { data: sealed().data }, { id: 'other' }];
    for (const other of others) expect(cipher.known({ ...session, ...other })).toBeNull();
  });

  it('does not know one of which a part was opened', () => {
    const [one, other] = [sealed(), { ...sealed(), id: 'other' }];
    keep(one, 'data');
    expect(cipher.known(one)).toBeNull();
    keep({ ...other, auth: cipher.sealAuth('other', 1, '{}') }, 'auth');
    expect(cipher.known(other)).toBeNull();
  });

  it('knows a session of a visitor who is not signed in', () => {
    const session = sealed(null);
    keep(session, 'data');
    expect(cipher.known(session)).toEqual({ auth: null, data: DATA });
  });

  it('reads the members of a document that it knows, and of no other', () => {
    const session = sealed();
    expect(cipher.knownReader('id', ['n'])).toBeNull();
    keep(session, 'data');
    const stored = JSON.parse(session.data) as Record<string, string>;
    const reader = cipher.knownReader('id', ['n', 'list']);
    expect(['n', 'list'].map((key) => reader?.stored(key))).toEqual([`"${stored.n}"`, `"${stored.list}"`]);
    expect(['n', 'list'].map((key) => reader?.value(key))).toEqual([1, ['a']]);
    for (const keys of [['m'], ['n', 'm'], ['m', 'n']]) expect(cipher.knownReader('id', keys)).toBeNull();
    expect(cipher.knownReader('other', ['n'])).toBeNull();
  });
});
