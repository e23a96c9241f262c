import { describe, expect, it } from '@jest/globals';
import { type ForeignPage, OriginCheck } from '../../../lib/http/origin-check.js';
import type { AllowsOrigin } from '../../../lib/options/origin.options.js';

type Headers = Record<string, string>;
const HOST = 'app.example';
const PASSES = null;
const foreign = (origin: string | null): ForeignPage => ({ origin });

const checkOf = (allow: ReadonlySet<string> | AllowsOrigin = new Set<string>()) =>
  new OriginCheck({ requests: true, handshakes: true, allow });
const ofPost = (headers: Headers, { check = checkOf(), host = HOST }: { check?: OriginCheck; host?: string } = {}) =>
  check.ofRequest({ method: 'POST', url: '/login', headers }, () => host);
const ofHandshake = (headers: Headers, check = checkOf()) =>
  check.ofHandshake({ method: 'GET', url: '/', headers: { upgrade: 'websocket', host: HOST, ...headers } });

const EVIL = 'https://evil.example';
const OWN = 'https://app.example';

/** What browsers say, and who that is; `host` is app.example where there is no other. */
const RULE: [what: string, headers: Headers, answer: ForeignPage | null, host?: string][] = [
  ['a page of the same origin', { 'sec-fetch-site': 'same-origin', origin: OWN }, PASSES],
  ['the same, with Referrer-Policy: no-referrer', { 'sec-fetch-site': 'same-origin', origin: 'null' }, PASSES],
  ['the same, behind a proxy with another host', { 'sec-fetch-site': 'same-origin', origin: OWN }, PASSES, 'upstream'],
  ['the visitor, by a bookmark', { 'sec-fetch-site': 'none' }, PASSES],
  ['another site', { 'sec-fetch-site': 'cross-site', origin: EVIL }, foreign(EVIL)],
  [
    'a sibling',
    { 'sec-fetch-site': 'same-site', origin: 'https://blog.app.example' },
    foreign('https://blog.app.example'),
  ],
  ['another site that names no origin', { 'sec-fetch-site': 'cross-site' }, foreign(null)],
  ['another site that claims our origin', { 'sec-fetch-site': 'cross-site', origin: OWN }, foreign(OWN)],
  ['a sandboxed frame', { 'sec-fetch-site': 'cross-site', origin: 'null' }, foreign('null')],
  ['an unknown word', { 'sec-fetch-site': 'other', origin: OWN }, foreign(OWN)],
  ['an empty word', { 'sec-fetch-site': '' }, foreign(null)],
  ['two words', { 'sec-fetch-site': 'none, none', origin: EVIL }, foreign(EVIL)],
  ['a word in upper case', { 'sec-fetch-site': 'None' }, foreign(null)],

  ['no browser', {}, PASSES],
  ['a page of the same host', { origin: OWN }, PASSES],
  ['the same, by HTTP, as where a proxy ends TLS', { origin: 'http://app.example' }, PASSES],
  ['the same, in upper case in Host', { origin: OWN }, PASSES, 'App.Example'],
  ['the same, with its port', { origin: 'http://app.example:3000' }, PASSES, 'app.example:3000'],
  ['the same, whose default port is in Host', { origin: OWN }, PASSES, 'app.example:443'],
  ['the same by HTTP, whose default port is in Host', { origin: 'http://app.example' }, PASSES, 'app.example:80'],
  ['an address of IPv6', { origin: 'http://[::1]:3000' }, PASSES, '[::1]:3000'],
  ['another port of the host', { origin: 'https://app.example:8443' }, foreign('https://app.example:8443')],
  ['the default port of another scheme', { origin: OWN }, foreign(OWN), 'app.example:80'],
  ['another host', { origin: EVIL }, foreign(EVIL)],
  [
    'one that begins as ours does',
    { origin: 'https://app.example.evil.example' },
    foreign('https://app.example.evil.example'),
  ],
  ['one that ends as ours does', { origin: 'https://notapp.example' }, foreign('https://notapp.example')],
  ['a sandboxed frame, over plain HTTP', { origin: 'null' }, foreign('null')],
  ['a host that is called null', { origin: 'null' }, foreign('null'), 'null'],
  ['a file', { origin: 'file://' }, foreign('file://')],
  ['another scheme with our host', { origin: 'capacitor://app.example' }, foreign('capacitor://app.example')],
  ['another scheme that ends as ours does', { origin: 'xhttps://app.example' }, foreign('xhttps://app.example')],
  ['a sandboxed frame, to a host that is called undefined', { origin: 'null' }, foreign('null'), 'undefined:443'],
  ['a page, where the request has no host', { origin: OWN }, foreign(OWN), ''],

  ['an empty origin', { origin: '' }, foreign(null)],
  ['an origin without a host, where the request has none either', { origin: 'https://' }, foreign('https://'), ''],
  ['two origins', { origin: `${OWN}, ${EVIL}` }, foreign(null)],
  ['two origins, the first one ours', { origin: 'https://app.example://evil.example' }, foreign(null)],
  ['an origin with a path', { origin: `${OWN}/` }, foreign(null)],
  ['an origin with a user', { origin: 'https://app.example@evil.example' }, foreign(null)],
  ['an origin in upper case', { origin: 'HTTPS://APP.EXAMPLE' }, foreign(null)],
  ['no more than a host', { origin: 'app.example' }, foreign(null)],
  ['an origin that would break a line of the log', { origin: 'https://a\nforged' }, foreign(null)],
  ['an origin that would be markup', { origin: 'https://<b>' }, foreign(null)],
  ['an origin that is longer than any host', { origin: `https://${'a'.repeat(300)}` }, foreign(null)],
];

describe('A request that may change something, sent by', () => {
  it.each(RULE.map(([what, headers, answer, host = HOST]) => [what, headers, answer, host] as const))(
    '%s: %j',
    (_what, headers, answer, host) => {
      expect(ofPost(headers, { host })).toEqual(answer);
    },
  );
});

describe('A request by the method', () => {
  it.each<[string, ForeignPage | null]>([
    ['GET', PASSES],
    ['HEAD', PASSES],
    ['OPTIONS', PASSES],
    ['TRACE', PASSES],
    ['POST', foreign(EVIL)],
    ['PUT', foreign(EVIL)],
    ['PATCH', foreign(EVIL)],
    ['DELETE', foreign(EVIL)],
    ['QUERY', foreign(EVIL)],
    ['get', foreign(EVIL)],
  ])('%s from another site', (method, answer) => {
    expect(checkOf().ofRequest({ method, url: '/', headers: { origin: EVIL } }, () => HOST)).toEqual(answer);
  });
});

describe('A handshake, which is a GET, sent by', () => {
  it.each<[what: string, headers: Headers, answer: ForeignPage | null]>([
    ['a page of the same host', { origin: OWN }, PASSES],
    ['no browser', {}, PASSES],
    ['another site', { origin: EVIL }, foreign(EVIL)],
    [
      'another site, as browsers say that add Sec-Fetch-Site',
      { origin: EVIL, 'sec-fetch-site': 'cross-site' },
      foreign(EVIL),
    ],
    ['a page of ours behind a proxy', { origin: OWN, host: 'upstream:3000', 'x-forwarded-host': HOST }, PASSES],
    [
      'a page of ours behind two proxies',
      { origin: OWN, host: 'upstream', 'x-forwarded-host': `${HOST}, inner.example` },
      PASSES,
    ],
    [
      'a page of ours, whose host the second of two proxies has added',
      { origin: OWN, host: 'upstream', 'x-forwarded-host': `outer.example, ${HOST}` },
      PASSES,
    ],
    ['another site behind a proxy', { origin: EVIL, host: 'upstream', 'x-forwarded-host': HOST }, foreign(EVIL)],
    [
      'a page that polls, which can add headers',
      { origin: EVIL, upgrade: '', 'x-forwarded-host': 'evil.example' },
      foreign(EVIL),
    ],
  ])('%s: %j', (_what, headers, answer) => {
    expect(ofHandshake(headers)).toEqual(answer);
  });
});

describe('A handshake that is no upgrade', () => {
  it('is judged by its host alone', () => {
    const headers = { origin: EVIL, host: HOST, 'x-forwarded-host': 'evil.example' };
    expect(checkOf().ofHandshake({ method: 'GET', url: '/', headers })).toEqual(foreign(EVIL));
  });
});

describe('An origin passes that', () => {
  const lists: ReadonlySet<string> = new Set(['https://spa.example', 'capacitor://localhost']);

  it.each<[string, ForeignPage | null]>([
    ['https://spa.example', PASSES],
    ['capacitor://localhost', PASSES],
    ['http://spa.example', foreign('http://spa.example')],
    ['https://spa.example:8443', foreign('https://spa.example:8443')],
    ['https://spa.example.evil.example', foreign('https://spa.example.evil.example')],
  ])('is on the list: %s', (origin, answer) => {
    const check = checkOf(lists);
    expect(ofPost({ origin, 'sec-fetch-site': 'cross-site' }, { check })).toEqual(answer);
    expect(ofPost({ origin }, { check })).toEqual(answer);
    expect(ofHandshake({ origin }, check)).toEqual(answer);
  });

  it('a function says yes to, which sees the request', () => {
    const seen: unknown[] = [];
    const check = checkOf((origin, request) => seen.push([origin, request]) > 0 && request.url === '/login');
    expect(ofPost({ origin: 'null' }, { check })).toBe(PASSES);
    expect(ofHandshake({ origin: EVIL }, check)).toEqual(foreign(EVIL));
    expect(seen).toEqual([
      ['null', { method: 'POST', url: '/login', headers: { origin: 'null' } }],
      [EVIL, { method: 'GET', url: '/', headers: { upgrade: 'websocket', host: HOST, origin: EVIL } }],
    ]);
  });

  it('is asked for only where it is another one, and has the form of one', () => {
    const check = checkOf(() => {
      throw new Error('asked');
    });
    expect(ofPost({ origin: OWN }, { check })).toBe(PASSES);
    expect(ofPost({}, { check })).toBe(PASSES);
    expect(ofPost({ 'sec-fetch-site': 'cross-site' }, { check })).toEqual(foreign(null));
    expect(ofPost({ origin: 'https://evil.example/.spa.example' }, { check })).toEqual(foreign(null));
    expect(() => ofPost({ origin: EVIL }, { check })).toThrow('asked');
  });

  it('gets a yes that is `true`, and no promise of one', () => {
    const promising = (async () => true) as unknown as AllowsOrigin;
    expect(ofPost({ origin: EVIL }, { check: checkOf(promising) })).toEqual(foreign(EVIL));
  });
});

describe('What is not to be checked passes:', () => {
  const headers = { origin: EVIL, 'sec-fetch-site': 'cross-site' };

  it.each([
    [true, false],
    [false, true],
    [false, false],
  ])('requests: %p, handshakes: %p', (requests, handshakes) => {
    const check = new OriginCheck({ requests, handshakes, allow: new Set() });
    expect(ofPost(headers, { check }) !== PASSES).toBe(requests);
    expect(ofHandshake(headers, check) !== PASSES).toBe(handshakes);
  });
});
