import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { addVary, keepFromSharedCaches } from '../../../lib/http/cache-control.js';

let response: ServerResponse;

beforeEach(() => {
  response = new ServerResponse(new IncomingMessage(new Socket()));
});

describe('keepFromSharedCaches', () => {
  it.each<[string | string[] | undefined, string]>([
    [undefined, 'no-store'],
    ['', 'private'],
    ['max-age=60', 'private, max-age=60'],
    ['public', 'private'],
    ['Public, max-age=60', 'private, max-age=60'],
    ['public, s-maxage=600, max-age=60', 'private, max-age=60'],
    ['S-MaxAge=600', 'private'],
    ['s-maxage', 'private'],
    ['publicity, s-maxages=1', 'private, publicity, s-maxages=1'],
    ['x-public', 'private, x-public'],
    ['private, max-age=60', 'private, max-age=60'],
    ['PRIVATE', 'PRIVATE'],
    ['no-store', 'no-store'],
    ['must-understand, no-store', 'no-store'],
    ['Must-Understand, max-age=60', 'private, max-age=60'],
    ['no-store, must-understand=1, must-revalidate', 'no-store, must-revalidate'],
    ['no-store=1, private2, x-private', 'private, no-store=1, private2, x-private'],
    ['private="Set-Cookie", public', 'private, private="Set-Cookie"'],
    ['no-cache="a, b", public', 'private, no-cache="a, b"'],
    ['a="b c",d=e f', 'private, a="b c", d=e, f'],
    ['max-age=, public', 'private, max-age='],
    [['public', 'max-age=60'], 'private, max-age=60'],
  ])('makes %j %j', (given, cacheControl) => {
    if (given !== undefined) response.setHeader('Cache-Control', given);
    keepFromSharedCaches(response);
    expect(response.getHeader('Cache-Control')).toBe(cacheControl);
  });

  it('removes what is said to content delivery networks alone', () => {
    const kept = ['X-Surrogate-Control', 'Surrogate-Controls', 'Cache-Control-Extension'];
    const removed = ['CDN-Cache-Control', 'Cloudflare-CDN-Cache-Control', 'Surrogate-Control', 'Edge-Control'];
    for (const name of [...kept, ...removed, 'X-Accel-Expires']) response.setHeader(name, 'max-age=600');
    keepFromSharedCaches(response);
    expect(response.getHeaderNames()).toEqual([...kept.map((name) => name.toLowerCase()), 'cache-control']);
  });
});

describe('addVary', () => {
  it.each<[string | string[] | undefined, string | string[]]>([
    [undefined, 'Cookie'],
    ['', 'Cookie'],
    ['Accept', 'Accept, Cookie'],
    [['Accept', 'Origin'], 'Accept, Origin, Cookie'],
    ['Set-Cookie', 'Set-Cookie, Cookie'],
    ['accept,  COOKIE', 'accept,  COOKIE'],
    ['Accept,cookie ,Origin', 'Accept,cookie ,Origin'],
    [
      ['Accept', 'cookie'],
      ['Accept', 'cookie'],
    ],
    ['*', '*'],
    ['Accept, *', 'Accept, *'],
  ])('makes %j %j', (given, vary) => {
    if (given !== undefined) response.setHeader('Vary', given);
    addVary(response, 'Cookie');
    expect(response.getHeader('Vary')).toEqual(vary);
  });
});
