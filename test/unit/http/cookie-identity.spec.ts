import { describe, expect, it } from '@jest/globals';
import { identityOf, isSameCookie } from '../../../lib/http/cookie-identity.js';

const OURS = { name: 'sid', path: '/', domain: undefined, partitioned: false };
const SHARED = { ...OURS, domain: '.Example.com', path: '/shop' };

describe('A Set-Cookie line sets the same cookie as ours', () => {
  it.each<[string, string, string]>([
    ['where all is named', 'sid=x; Path=/', '/a/b'],
    ['whatever its other attributes are', 'sid=x; HttpOnly; Max-Age=1; Secure; SameSite=None; Path=/', '/a/b'],
    ['by the default path of a request at the root', 'sid=x', '/login'],
    ['by the default path of a request without one', 'sid=x', '*'],
    ['by the default path, whatever the query holds', 'sid=x', '/login?back=/a/b'],
    ['by the default path, given an absolute URL', 'sid=x', 'http://example.com/login?a#b'],
    ['by the default path, given an absolute URL without a path', 'sid=x', 'http://example.com'],
    ['by the default path in the place of an empty one', 'sid=x; Path=', '/login'],
    ['by the default path in the place of a relative one', 'sid=x; Path=shop', '/login'],
    ['where its last path is ours', 'sid=x; Path=/a; Path=/', '/a/b'],
    ['where its last domain is empty', 'sid=x; Domain=example.com; Domain; Path=/', '/'],
    ['where its domain is a dot', 'sid=x; Domain=.; Path=/', '/'],
    ['with blanks around all of it', ' sid\t=x ;\tpath\t= / ; ', '/a/b'],
  ])('%s: %j, to %s', (_what, line, url) => {
    expect(isSameCookie(identityOf(line, url), OURS)).toBe(true);
  });

  it.each<[string, string]>([
    ['in other words', 'sid=x; DOMAIN=EXAMPLE.COM; PATH=/shop'],
    ['with a leading dot', 'sid=x; Domain=.example.com; Path=/shop'],
    ['by the default path', 'sid=x; Domain=example.com'],
  ])('where it names the domain %s', (_what, line) => {
    expect(isSameCookie(identityOf(line, '/shop/login'), SHARED)).toBe(true);
  });
});

describe('The default path of a Set-Cookie line', () => {
  it.each([
    ['/shop/login', '/shop'],
    ['/shop/', '/shop'],
    ['/shop', '/'],
    ['/shop/login?back=/a/b', '/shop'],
    ['/shop?a#b/c', '/'],
    ['/shop/a\n?b/c', '/shop'],
    ['HTTP://example.com:80/shop/login', '/shop'],
    ['svn+ssh-2.0://example.com/shop/login', '/shop'],
    ['http://example.com?/shop/login', '/'],
    ['/shop/http://example.com/login', '/shop/http://example.com'],
    ['example.com:443', '/'],
    ['*', '/'],
    ['', '/'],
  ])('of a request to %j is %j', (url, path) => {
    expect(identityOf('sid=x', url).path).toBe(path);
  });
});

describe('A Set-Cookie line sets another cookie than ours', () => {
  it.each<[string, string, string]>([
    ['by its name', 'sid2=x; Path=/', '/'],
    ['by the case of its name', 'SID=x; Path=/', '/'],
    ['by its path', 'sid=x; Path=/shop', '/'],
    ['by a slash at the end of its path', 'sid=x; Path=//', '/'],
    ['by the default path', 'sid=x', '/auth/login'],
    ['by the default path of a folder', 'sid=x', '/auth/'],
    ['by its domain', 'sid=x; Domain=example.com; Path=/', '/'],
    ['by being partitioned', 'sid=x; Path=/; Secure; Partitioned', '/'],
  ])('%s: %j, to %s', (_what, line, url) => {
    expect(isSameCookie(identityOf(line, url), OURS)).toBe(false);
  });

  it.each<[string, string]>([
    ['by being for one host alone', 'sid=x; Path=/shop'],
    ['by a host below the domain', 'sid=x; Domain=a.example.com; Path=/shop'],
    ['by the case of its path', 'sid=x; Domain=example.com; Path=/Shop'],
  ])('of a domain, %s', (_what, line) => {
    expect(isSameCookie(identityOf(line, '/'), SHARED)).toBe(false);
  });
});
