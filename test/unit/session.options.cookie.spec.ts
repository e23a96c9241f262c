import { describe, expect, it } from '@jest/globals';
import { writeSetCookie } from '../../lib/http/session-cookie.js';
import { resolveOptions } from '../../lib/session.options.js';
import type { SessionCookieOptions } from '../../lib/options/transport.options.js';
import { SessionConfigurationError } from '../../lib/session.errors.js';
import { errorOf } from '../support/error-of.js';

const resolved = (cookie: unknown) => resolveOptions({ cookie: cookie as SessionCookieOptions }).cookie;
const problemOf = (cookie: unknown): string => errorOf(SessionConfigurationError, () => resolved(cookie)).message;

describe('the cookie options', () => {
  it.each<[SessionCookieOptions]>([
    [{ name: 'sid' }],
    [{ name: "!#$%&'*+-.^_`|~09AZaz" }],
    [{ path: '/shop/~user;'.slice(0, -1) }],
    [{ path: '/a=b?c>d' }],
    [{ domain: 'example.com' }],
    [{ domain: '.example.com' }],
    [{ domain: 'xn--bcher-kva.example' }],
    [{ domain: 'localhost' }],
    [{ name: '__Host-sid', secure: true }],
    [{ name: '__Secure-sid', secure: true, domain: 'example.com', path: '/a' }],
    [{ sameSite: 'none', secure: true }],
    [{ sameSite: 'strict', secure: false }],
    [{ partitioned: true, secure: true }],
    [{ name: '__Host-sid', secure: true, path: '/', partitioned: true, sameSite: 'none' }],
    [{ name: '__Http-sid', secure: true, domain: 'example.com', path: '/a' }],
    [{ name: '__Host-Http-sid', secure: true }],
    [{ name: '__Secured', path: '/a' }],
    [{ name: 'x__Host-sid', path: '/a' }],
  ])('may be %j, and then a cookie can be made of them', (options) => {
    const set = writeSetCookie(
      resolved(options),
      { kind: 'issued', value: 'v', endsAt: null, persistent: null },
      0,
      true,
    );
    expect(set).toContain(`${options.name ?? 'session_id'}=v; Max-Age=`);
  });

  it.each<[string, unknown]>([
    ['name', ''],
    ['name', 'a b'],
    ['name', 'a=b'],
    ['name', 'a;b'],
    ['name', 'a,b'],
    ['name', 'a"b'],
    ['name', 'sid\n'],
    ['name', 'séance'],
    ['name', 5],
    ['path', ''],
    ['path', 'app'],
    ['path', '/a;b'],
    ['path', '/a\r\nSet-Cookie: x=y'],
    ['path', '/é'],
    ['domain', ''],
    ['domain', 'https://example.com'],
    ['domain', 'example.com/'],
    ['domain', 'example.com:80'],
    ['domain', 'example.com; Path=/'],
    ['domain', '-example.com'],
    ['domain', '.'],
    ['secure', 'yes'],
    ['secure', 1],
    ['sameSite', 'Lax'],
    ['sameSite', true],
    ['sameSite', false],
    ['partitioned', 'auto'],
    ['persistent', 'false'],
  ])('refuse %s: %j', (name, value) => {
    const message = problemOf({ [name]: value });
    expect(message).toContain(`option "cookie.${name}" must be `);
    expect(message).toContain('Fix: ');
  });

  it('list what is allowed', () => {
    expect(problemOf({ sameSite: 'Lax' })).toContain('one of "strict", "lax", "none", but was "Lax"');
    expect(problemOf({ secure: 'yes' })).toContain('one of true, false, "auto"');
  });

  it.each<[SessionCookieOptions, string, string]>([
    [{ name: '__Host-sid' }, 'its name begins with "__Host-"', '"cookie.name"'],
    [{ name: '__host-sid' }, 'its name begins with "__host-"', '"cookie.name"'],
    [{ name: '__Secure-sid' }, 'its name begins with "__Secure-"', '"cookie.name"'],
    [{ name: '__Secure-sid', secure: false }, 'is false, but its name', '"cookie.name"'],
    [{ name: '__SECURE-sid' }, 'its name begins with "__SECURE-"', '"cookie.name"'],
    [{ name: '__Http-sid' }, 'its name begins with "__Http-"', '"cookie.name"'],
    [{ name: '__Host-sid', secure: 'auto' }, 'is auto, but its name', '"cookie.name"'],
    [{ sameSite: 'none', secure: false }, 'is false, but sameSite is "none"', '"cookie.sameSite"'],
    [{ partitioned: true, secure: 'auto' }, 'is auto, but partitioned is true', '"cookie.partitioned"'],
    [{ sameSite: 'none' }, 'is auto, but sameSite is "none"', '"cookie.sameSite"'],
    [{ partitioned: true }, 'partitioned is true', '"cookie.partitioned"'],
  ])('%j demand secure: true, since browsers drop such a cookie otherwise', (options, because, alternative) => {
    const message = problemOf(options);
    expect(message).toContain(because);
    expect(message).toContain('Set "cookie.secure" to true');
    expect(message).toContain(alternative);
  });

  it.each<[SessionCookieOptions]>([[{ path: '/app' }], [{ domain: 'example.com' }], [{ path: '/x', domain: 'a.b' }]])(
    'with the prefix __Host- refuse %j',
    (options) => {
      for (const name of ['__Host-sid', '__HOST-sid', '__Host-Http-sid'])
        expect(problemOf({ name, secure: true, ...options })).toMatch(/"__Host-", which demands.*Remove/);
    },
  );
});

describe('What was wrong once', () => {
  // Accepted at start, and then every response that sets the cookie fails with a TypeError.
  it.each<[SessionCookieOptions]>([
    [{ path: '/a<b' }],
    [{ domain: 'example..com' }],
    [{ domain: 'example-.com' }],
    [{ domain: 'a.-example.com' }],
    [{ domain: `${'a'.repeat(64)}.example.com` }],
  ])('%j are refused at start, because no cookie can be made of them', (options) => {
    expect(problemOf(options)).toContain('option "cookie.');
  });
});
