import { describe, expect, it } from '@jest/globals';
import { writeSetCookie } from '../../../lib/http/session-cookie.js';
import type { SessionCookieOptions } from '../../../lib/options/transport.options.js';
import type { CookieChange } from '../../../lib/session/cookie-intent.js';
import { SessionConfigurationError } from '../../../lib/session.errors.js';
import { resolveOptions } from '../../../lib/session.options.js';
import { createSessionId, issueCredential } from '../../../lib/session/token.js';
import { errorOf } from '../../support/error-of.js';

const NOW = 1_700_000_000_000;
const DAY = 86_400_000;

/** The grammar of RFC 6265bis, 4.1.1, with nothing of the white space that it allows where there need be none. */
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const OCTET = '[!#-+\\--:<-[\\]-~]';
const LABEL = '[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?';
const ATTRIBUTES = [
  'Expires=(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT',
  'Max-Age=\\d+',
  `Domain=${LABEL}(?:\\.${LABEL})*`,
  'Path=/[ -:<-~]*',
  'Secure',
  'HttpOnly',
  'SameSite=(?:Strict|Lax|None)',
  'Partitioned',
];
const SET_COOKIE = new RegExp(`^${TOKEN}=${OCTET}*(?:; (?:${ATTRIBUTES.join('|')}))*$`);

const CHANGES: readonly CookieChange[] = [
  { kind: 'issued', value: issueCredential(createSessionId()).cookieValue, endsAt: NOW + DAY, persistent: null },
  { kind: 'issued', value: issueCredential(createSessionId()).cookieValue, endsAt: null, persistent: null },
  { kind: 'issued', value: issueCredential(createSessionId()).cookieValue, endsAt: NOW - DAY, persistent: true },
  { kind: 'issued', value: issueCredential(createSessionId()).cookieValue, endsAt: NOW + DAY, persistent: false },
  { kind: 'removed' },
];

/** Every line that is written with these options. */
function linesOf(cookie: SessionCookieOptions): string[] {
  const options = resolveOptions({ cookie }).cookie;
  return CHANGES.flatMap((change) => [true, false].map((isHttps) => writeSetCookie(options, change, NOW, isHttps)));
}

const LONGEST_NAME = 'n'.repeat(4_096 - 80);
const LONGEST_PATH = `/${'p'.repeat(1_023)}`;
const LONGEST_DOMAIN = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;

describe('The line that sets or removes the cookie, by RFC 6265bis,', () => {
  const allowed: [string, SessionCookieOptions][] = [
    ['no options', {}],
    ['a name of every kind of character', { name: "!#$%&'*+-.^_`|~09AZaz" }],
    ['the prefix __Host-', { name: '__Host-sid', secure: true, sameSite: 'strict' }],
    ['the prefix __Secure-', { name: '__Secure-sid', secure: true, domain: 'example.com', path: '/a b/~c' }],
    ['a dot before the domain', { domain: '.example.com' }],
    ['Partitioned', { sameSite: 'none', secure: true, partitioned: true }],
    ['no end but the browser’s', { persistent: false }],
    ['the longest name, path and domain', { name: LONGEST_NAME, path: LONGEST_PATH, domain: LONGEST_DOMAIN }],
  ];

  it.each(allowed)('is what the grammar allows (4.1.1), with %s', (_with, cookie) => {
    for (const line of linesOf(cookie)) expect(line).toMatch(SET_COOKIE);
  });

  it.each(allowed)('names no attribute twice (4.1.1), with %s', (_with, cookie) => {
    for (const line of linesOf(cookie)) {
      const attributes = line.split('; ').slice(1);
      const names = attributes.map((attribute) => attribute.split('=')[0]);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it.each(allowed)('is small enough for browsers to keep (5.6), with %s', (_with, cookie) => {
    for (const line of linesOf(cookie)) {
      const [pair = '', ...attributes] = line.split('; ');
      expect(pair.length - '='.length).toBeLessThanOrEqual(4_096);
      for (const attribute of attributes) expect((attribute.split('=')[1] ?? '').length).toBeLessThanOrEqual(1_024);
    }
  });

  it('has no age beyond 400 days (5.5)', () => {
    const options = resolveOptions({ absoluteTimeout: false }).cookie;
    for (const endsAt of [null, NOW + 401 * DAY, NOW + 4_000 * DAY])
      expect(writeSetCookie(options, { kind: 'issued', value: 'v', endsAt, persistent: true }, NOW, true)).toContain(
        'Max-Age=34560000;',
      );
  });
});

describe('What browsers drop without a word, by RFC 6265bis (5.6), is refused at start:', () => {
  it.each<[string, keyof SessionCookieOptions, string]>([
    ['a name that is too long beside its value', 'name', `${LONGEST_NAME}n`],
    ['a path longer than an attribute may be', 'path', `${LONGEST_PATH}p`],
    ['a domain longer than a host name can be', 'domain', `${LONGEST_DOMAIN}d`],
  ])('%s', (_what, option, value) => {
    const { message } = errorOf(SessionConfigurationError, () => resolveOptions({ cookie: { [option]: value } }));
    expect(message).toContain(`option "cookie.${option}" must be`);
    expect(message).toContain(`of at most ${value.length - 1} characters`);
  });
});
