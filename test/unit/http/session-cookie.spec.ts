import { maxHeaderSize } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { readCredentials, writeSetCookie } from '../../../lib/http/session-cookie.js';
import { issueCredential } from '../../../lib/session/token.js';
import type { CookieChange } from '../../../lib/session/cookie-intent.js';
import { resolveOptions } from '../../../lib/session.options.js';
import type { SessionCookieOptions } from '../../../lib/options/transport.options.js';

const [A, B] = Array.from(
  { length: 2 },
  (_, index) => issueCredential(`0199a1b2-c3d4-7e5f-8a6b-00000000000${index}`).cookieValue,
) as [string, string];

const read = (header: string | undefined, name = 'session_id'): string[] =>
  readCredentials(header, name).map((credential) => credential.cookieValue);

describe('readCredentials', () => {
  it.each<[string, string]>([
    ['alone', `session_id=${A}`],
    ['among others', `theme=dark; session_id=${A}; lang=en`],
    ['without space between', `theme=dark;session_id=${A};lang=en`],
    ['with a lot of space', `theme=dark ;  \t session_id \t=  ${A} \t ; lang=en`],
    ['in quotes', `session_id="${A}"`],
    ['with a semicolon after it', `session_id=${A};`],
    ['after a pair without "="', `session_id; session_id=${A}`],
    ['after empty pairs', `;; ;session_id=${A}`],
    ['after a malformed one of the same name', `session_id=deleted; session_id=${A}`],
    ['before a malformed one of the same name', `session_id=${A}; session_id=`],
    ['twice', `session_id=${A}; session_id=${A}`],
    ['twice, once in quotes', `session_id=${A}; session_id="${A}"`],
    ['after a value with "=" in it', `a=b=session_id=; session_id=${A}`],
  ])('finds the credential %s', (_what, header) => {
    expect(read(header)).toEqual([A]);
  });

  it.each<[string, string | undefined]>([
    ['is no header', undefined],
    ['is an empty one', ''],
    ['are others only', 'theme=dark; lang=en'],
    ['is a name that ends the same', `xsession_id=${A}`],
    ['is a name that begins the same', `session_id2=${A}`],
    ['is a prefix before the name', `__Host-session_id=${A}`],
    ['is the name in upper case', `SESSION_ID=${A}`],
    ['is the name inside a value', `a=session_id=${A}`],
    ['is the name in quotes', `"session_id"=${A}`],
    ['is a pair without "="', `session_id${A}`],
    ['is a comma in place of the semicolon', `a=b,session_id=${A}`],
    ['is an empty value', 'session_id='],
    ['is one quote', 'session_id="'],
    ['is a quote at one end only', `session_id="${A}`],
    ['are quotes twice', `session_id=""${A}""`],
    ['is something after the value', `session_id=${A} x`],
    ['is a quote before the value, and more after it', `session_id="${A}x`],
    ['is more before the value, and a quote after it', `session_id=x${A}"`],
    ['is a value that is percent-encoded', `session_id=${A.replace('.', '%2E')}`],
    ['is the name that every object has', `__proto__=${A}`],
  ])('finds nothing where there %s', (_what, header) => {
    expect(read(header)).toEqual([]);
  });

  it('counts what is none under the name, but for an empty value, and no other pair', () => {
    let malformed = 0;
    const count = (header: string) => readCredentials(header, 'session_id', () => malformed++);
    expect([count('session_id=x; session_id="y"; session_id=; session_id; session_idX; other=x'), malformed]).toEqual([
      [],
      2,
    ]);
    expect([count('other=x; session_i=1'), readCredentials('x=1; session_id=x', 'session_id'), malformed]).toEqual([
      [],
      [],
      2,
    ]);
  });

  it('finds several different ones, in order', () => {
    expect(read(`session_id=${B}; session_id=${A}; session_id=${B}`)).toEqual([B, A]);
  });

  const many = (count: number): string[] =>
    Array.from({ length: count }, () => issueCredential('0199a1b2-c3d4-7e5f-8a6b-000000000000').cookieValue);

  it('finds as many as the headers of a request can hold with 16 KiB, under the shortest of names', () => {
    const values = many(Math.floor(maxHeaderSize / `n=${A};`.length));
    expect(values.length).toBeGreaterThan(190);
    expect(read(values.map((value) => `n=${value}`).join(';'), 'n')).toEqual(values);
  });

  it('looks at the first 200 of a header that is longer than that, so that none costs any number of look-ups', () => {
    const values = many(201);
    expect(read(values.map((value) => `session_id=${value}`).join('; '))).toEqual(values.slice(0, 200));
  });

  it('finds one behind thousands of malformed ones', () => {
    const rest = `session_id=${'x'.repeat(80)}; `.repeat(10_000);
    expect(read(`${rest}session_id=${A}`)).toEqual([A]);
  });

  it('takes the name literally, whatever characters it has', () => {
    expect(read(`a.c=${A}; abc=${B}`, 'a.c')).toEqual([A]);
    expect(read(`$x^*=${A}`, '$x^*')).toEqual([A]);
    expect(read(`__proto__=${A}`, '__proto__')).toEqual([A]);
  });
});

describe('writeSetCookie', () => {
  const NOW = 1_700_000_000_000;
  const issued = (endsAt: number | null): CookieChange => ({ kind: 'issued', value: A, endsAt, persistent: null });
  const write = (options: SessionCookieOptions, change: CookieChange, isHttps = false): string =>
    writeSetCookie(resolveOptions({ cookie: options }).cookie, change, NOW, isHttps);

  it('sets the cookie until the absolute end', () => {
    expect(write({}, issued(NOW + 90_000))).toBe(`session_id=${A}; Max-Age=90; Path=/; HttpOnly; SameSite=Lax`);
  });

  it.each<[string, number | null, number]>([
    ['rounds up to a whole second', NOW + 1, 1],
    ['takes fractions of a millisecond', NOW + 1_000.25, 2],
    ['is capped at 400 days', NOW + 500 * 86_400_000, 34_560_000],
    ['is 400 days without an absolute end', null, 34_560_000],
    ['is never below zero', NOW - 5_000, 0],
    ['is zero at the very end', NOW, 0],
  ])('has an age that %s', (_what, endsAt, seconds) => {
    expect(write({}, issued(endsAt))).toContain(`; Max-Age=${seconds};`);
  });

  it('leaves the value as it is, for every character that it can have', () => {
    expect(write({}, { kind: 'issued', value: `${A}-_`, endsAt: null, persistent: null })).toContain(
      `session_id=${A}-_;`,
    );
  });

  it('ends with the browser where it is not persistent', () => {
    const set = write({ persistent: false }, issued(NOW + 90_000));
    expect(set).toBe(`session_id=${A}; Path=/; HttpOnly; SameSite=Lax`);
  });

  it('is removed with the same name, path, domain and flags, or browsers would keep it', () => {
    const options = {
      name: 'sid',
      path: '/a',
      domain: 'example.com',
      secure: true,
      sameSite: 'none',
      partitioned: true,
    } as const;
    expect(write(options, { kind: 'removed' })).toBe(
      'sid=; Max-Age=0; Domain=example.com; Path=/a; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ' +
        'HttpOnly; Secure; Partitioned; SameSite=None',
    );
    expect(write({ persistent: false }, { kind: 'removed' })).toContain('Max-Age=0');
  });

  it.each<[SessionCookieOptions, boolean, boolean]>([
    [{}, true, true],
    [{}, false, false],
    [{ secure: 'auto' }, true, true],
    [{ secure: true }, false, true],
    [{ secure: false }, true, false],
  ])('with %j and HTTPS %p has Secure: %p', (options, isHttps, secure) => {
    for (const change of [issued(null), { kind: 'removed' } as const]) {
      expect(write(options, change, isHttps).includes('; Secure')).toBe(secure);
    }
  });

  it.each<[SessionCookieOptions, string]>([
    [{ sameSite: 'strict' }, '; SameSite=Strict'],
    [{ sameSite: 'none', secure: true }, '; SameSite=None'],
    [{ partitioned: true, secure: true }, '; Partitioned'],
    [{ domain: 'example.com' }, '; Domain=example.com'],
    [{ path: '/app' }, '; Path=/app'],
  ])('with %j has %s', (options, attribute) => {
    expect(write(options, issued(null))).toContain(attribute);
  });

  it('is HttpOnly, always', () => {
    for (const change of [issued(null), { kind: 'removed' } as const])
      expect(write({}, change)).toContain('; HttpOnly');
  });
});

describe('What was wrong once', () => {
  // RFC 6265bis trims space and tab only. A host of the same domain can plant a cookie whose name begins with the byte
  // A0, which no browser holds to the demands of "__Host-"; trimmed, it would count as ours.
  it.each(['\u00a0', '\u000b', '\u000c', '\ufeff'])('a name with %j around it is another name', (space) => {
    expect(read(`${space}__Host-sid=${A}`, '__Host-sid')).toEqual([]);
    expect(read(`__Host-sid${space}=${A}`, '__Host-sid')).toEqual([]);
  });
});
