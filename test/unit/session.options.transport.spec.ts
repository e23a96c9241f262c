import { describe, expect, it } from '@jest/globals';
import { resolveOptions, type SessionModuleOptions } from '../../lib/session.options.js';
import { SessionConfigurationError } from '../../lib/session.errors.js';
import { errorOf } from '../support/error-of.js';

const problemOf = (value: unknown): string =>
  errorOf(SessionConfigurationError, () => resolveOptions(value as SessionModuleOptions)).message;

describe('the transport', () => {
  it('is a cookie, unless a header is asked for', () => {
    expect(resolveOptions().transport).toBe('cookie');
    expect(resolveOptions({ transport: 'cookie', cookie: { name: 'sid' } })).toMatchObject({
      transport: 'cookie',
      cookie: { name: 'sid' },
    });
  });

  it('is the header X-Session-Token, unless another name is given', () => {
    expect(resolveOptions({ transport: 'header' })).toMatchObject({
      transport: 'header',
      header: { name: 'X-Session-Token' },
    });
    expect(resolveOptions({ transport: 'header', header: { name: 'Shop-Session' } }).header.name).toBe('Shop-Session');
  });

  it('is frozen', () => {
    expect(Object.isFrozen(resolveOptions({ transport: 'header' }).header)).toBe(true);
  });

  it.each([undefined, null])('takes %p for not given', (absent) => {
    const given: unknown = { transport: absent, cookie: absent, header: absent };
    expect(resolveOptions(given as SessionModuleOptions)).toEqual(resolveOptions());
  });

  it.each<[unknown, string]>([
    ['headers', '"headers"'],
    [true, 'true'],
    [{ header: 'X-Session' }, 'an object'],
  ])('refuses to be %j', (transport, shown) => {
    expect(problemOf({ transport })).toContain(
      `option "transport" must be one of "cookie", "header", but was ${shown}. Fix: `,
    );
  });

  it('refuses options of a cookie that is never set', () => {
    expect(problemOf({ transport: 'header', cookie: { name: 'sid' } })).toBe(
      'SessionModule option "cookie" is given, but "transport" is "header", which makes no use of it. ' +
        'Fix: remove "cookie", or set "transport" to "cookie".',
    );
  });

  it.each<[unknown]>([[{}], [{ transport: 'cookie' }]])(
    'refuses a name for a header that is never sent: %j',
    (other) => {
      expect(problemOf({ ...(other as object), header: { name: 'X-Session' } })).toContain(
        'Fix: remove "header", or set "transport" to "header".',
      );
    },
  );

  it.each<[unknown]>([[''], ['X Session'], ['X-Session:'], ['X-Session\r\n'], ['séance'], [5], [true]])(
    'refuses a header of the name %j',
    (name) => {
      const message = problemOf({ transport: 'header', header: { name } });
      expect(message).toContain('option "header.name" must be the name of a header');
      expect(message).toContain('Fix: ');
    },
  );

  it.each([
    'Authorization',
    'cookie',
    'Set-Cookie',
    'Vary',
    'Host',
    'X-Forwarded-Proto',
    'Sec-Session',
    'Content-Type',
  ])('refuses %s, which means something else', (name) => {
    expect(problemOf({ transport: 'header', header: { name } })).toMatch(/has a meaning of its own.*Fix: choose/);
  });

  it.each(['Session', 'Server-Session', 'X-Auth-Token', 'X-Host-Session'])('may be called %s', (name) => {
    expect(resolveOptions({ transport: 'header', header: { name } }).header.name).toBe(name);
  });

  it('has no other options', () => {
    expect(problemOf({ transport: 'header', header: { prefix: 'Bearer' } })).toContain(
      'has no option "header.prefix". Fix: remove it, or use one of name.',
    );
  });
});
