import { type IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { sign } from 'cookie-signature';
import type { SessionTransport } from '../../../lib/http/session-transport.js';
import { transportOf } from '../../../lib/http/transport-of.js';
import type { CookieChange } from '../../../lib/session/cookie-intent.js';
import { issueCredential } from '../../../lib/session/token.js';
import { resolveOptions, type SessionModuleOptions } from '../../../lib/session.options.js';

const [A, B] = [1, 2].map((n) => issueCredential(`0199a1b2-c3d4-7e5f-8a6b-00000000000${n}`)) as [
  Credential,
  Credential,
];
type Credential = ReturnType<typeof issueCredential>;
const NOW = 1_700_000_000_000;
const ISSUED: CookieChange = { kind: 'issued', value: A.cookieValue, endsAt: NOW + 5_000, persistent: null };
const REMOVED: CookieChange = { kind: 'removed' };

let response: ServerResponse;
let warnings: string[];
let malformed: number;

beforeEach(() => {
  response = new ServerResponse(new IncomingMessage(new Socket()));
  warnings = [];
  malformed = 0;
});

function transport(options: SessionModuleOptions): SessionTransport {
  return transportOf(
    resolveOptions(options),
    (message) => warnings.push(message),
    () => malformed++,
  );
}

function write(
  to: SessionTransport,
  change: CookieChange,
  {
    url = '/',
    requestHeaders = {},
    isHttps = false,
  }: { url?: string; requestHeaders?: IncomingHttpHeaders; isHttps?: boolean } = {},
): void {
  to.write(change, { url, requestHeaders, response, isHttps, now: NOW });
}

describe('credentials in a cookie', () => {
  const LINE = `session_id=${A.cookieValue}; Max-Age=5; Path=/; HttpOnly; SameSite=Lax`;

  it('are read from the Cookie header, under the name of the options', () => {
    const cookies = transport({ cookie: { name: 'sid' } });
    expect(cookies.requestHeader).toBe('Cookie');
    expect(cookies.read({})).toEqual([]);
    expect(cookies.read({ cookie: `sid=${A.cookieValue}; x=1; sid=${B.cookieValue}` })).toEqual([A, B]);
  });

  it('are told from what is none, which is counted, but for an empty value', () => {
    const cookies = transport({});
    expect(cookies.read({ cookie: 'session_id=x; session_id=' })).toEqual([]);
    expect(malformed).toBe(1);
    expect(cookies.read({ cookie: `other=x; session_id=y; session_id=${A.cookieValue}` })).toEqual([A]);
    expect(malformed).toBe(2);
  });

  it('are set, and removed, by a Set-Cookie line, with the time that is left', () => {
    const cookies = transport({});
    write(cookies, ISSUED);
    expect(response.getHeader('Set-Cookie')).toEqual([LINE]);
    write(cookies, REMOVED);
    expect(response.getHeader('Set-Cookie')).toEqual([
      'session_id=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax',
    ]);
  });

  it('take the place of the same cookie on the response, after all others', () => {
    response.setHeader('Set-Cookie', ['a=1', 'session_id=old', 'session_id=elsewhere; Path=/shop', 'b=2']);
    write(transport({}), ISSUED, { url: '/login' });
    expect(response.getHeader('Set-Cookie')).toEqual(['a=1', 'session_id=elsewhere; Path=/shop', 'b=2', LINE]);
  });

  it('do not take the place of another path’s cookie', () => {
    response.setHeader('Set-Cookie', 'session_id=old');
    write(transport({}), ISSUED, { url: '/shop/login' });
    expect(response.getHeader('Set-Cookie')).toEqual(['session_id=old', LINE]);
  });

  it('have Secure, by default, over HTTPS', () => {
    write(transport({}), ISSUED, { isHttps: true });
    expect(response.getHeader('Set-Cookie')).toEqual([LINE.replace('HttpOnly', 'HttpOnly; Secure')]);
    expect(warnings).toEqual([]);
  });

  describe('over plain HTTP', () => {
    const DROPPED = /^The session cookie was sent with Secure in answer to a request over plain HTTP\. .*trust proxy/;
    const UNTRUSTED = /^The session cookie was sent without Secure: .*"X-Forwarded-Proto: https".*trust proxy/;
    const said = (proto: string | undefined): IncomingHttpHeaders =>
      proto === undefined ? {} : { 'x-forwarded-proto': proto };

    it.each([undefined, 'http', 'https, http', 'https, httpsx', 'httpsx', 'x https', ''])(
      'warn that browsers drop them, where Secure is wanted and the proxy says %p',
      (proto) => {
        write(transport({ cookie: { secure: true } }), ISSUED, { requestHeaders: said(proto) });
        expect(warnings).toEqual([expect.stringMatching(DROPPED)]);
      },
    );

    it.each(['https', ' HTTPS ', 'https,https', 'https , https'])(
      'warn of a proxy that the platform does not trust, where Secure is automatic and it says %p',
      (proto) => {
        write(transport({ cookie: { secure: 'auto' } }), ISSUED, { requestHeaders: said(proto) });
        expect(warnings).toEqual([expect.stringMatching(UNTRUSTED)]);
      },
    );

    it.each([
      ['auto', undefined],
      ['auto', 'http'],
      [true, 'https'],
      [false, 'https'],
      [false, undefined],
    ] as const)('warn of nothing where Secure is %p and the proxy says %p', (secure, proto) => {
      write(transport({ cookie: { secure } }), ISSUED, { requestHeaders: said(proto) });
      expect(warnings).toEqual([]);
    });

    it('warn once, and of cookies that are set alone', () => {
      const cookies = transport({ cookie: { secure: true } });
      write(cookies, REMOVED);
      expect(warnings).toEqual([]);
      write(cookies, ISSUED, { isHttps: true });
      expect(warnings).toEqual([]);
      write(cookies, ISSUED);
      write(cookies, ISSUED);
      expect(warnings).toHaveLength(1);
    });
  });
});

describe('credentials in a header', () => {
  const options: SessionModuleOptions = { transport: 'header', header: { name: 'X-Token' } };

  it('are read from the header that the options name', () => {
    const header = transport(options);
    expect(header.requestHeader).toBe('X-Token');
    expect([header.read({ 'x-token': A.cookieValue }), header.read({ cookie: `session_id=${A.cookieValue}` })]).toEqual(
      [[A], []],
    );
    expect(malformed).toBe(0);
  });

  it('are told from what is none, which is counted, but for an empty value', () => {
    const header = transport(options);
    const values = ['x', `${A.cookieValue}, ${B.cookieValue}`, [A.cookieValue], '', undefined];
    expect(values.flatMap((value) => header.read({ 'x-token': value }))).toEqual([]);
    expect(malformed).toBe(3);
  });

  it('are given out, and taken back, in the same header', () => {
    const header = transport(options);
    write(header, ISSUED);
    expect(response.getHeader('x-token')).toBe(A.cookieValue);
    write(header, REMOVED);
    expect([response.getHeader('x-token'), response.getHeaderNames()]).toEqual(['', ['x-token']]);
  });
});

describe('cookies of express-session', () => {
  const old = () => transport({ adopt: { secret: 'the secret' } });
  const signed = (sid: string, secret = 'the secret') => `connect.sid=s:${sign(sid, secret)}`;
  const sids = (...cookies: string[]) =>
    old()
      .read({ cookie: cookies.join('; ') })
      .map(({ sid }) => sid);

  it('are found behind any number that are malformed, and a few that another secret has signed', () => {
    const malformed = Array.from({ length: 1_000 }, (_, index) => `connect.sid=s:${index}.`);
    const forged = Array.from({ length: 49 }, (_, index) => signed(`${index}`, 'another'));
    expect(sids(...malformed, ...forged, signed('one'))).toEqual(['one']);
  });

  it('cost no more than that many signatures, however many there are', () => {
    const forged = Array.from({ length: 50 }, (_, index) => signed(`${index}`, 'another'));
    expect(sids(...forged, signed('one'))).toEqual([]);
    expect(sids(signed('one'), ...forged)).toEqual(['one']);
  });
});
