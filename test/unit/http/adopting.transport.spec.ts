import { type IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { sign } from 'cookie-signature';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { CookieSecrets } from '../../../lib/adoption/cookie-secrets.js';
import type { SessionTransport } from '../../../lib/http/session-transport.js';
import { transportOf } from '../../../lib/http/transport-of.js';
import type { CookieChange } from '../../../lib/session/cookie-intent.js';
import { issueCredential } from '../../../lib/session/token.js';
import { resolveOptions, type SessionModuleOptions } from '../../../lib/session.options.js';

const OWN = issueCredential('0199a1b2-c3d4-7e5f-8a6b-000000000001');
const ISSUED: CookieChange = { kind: 'issued', value: OWN.cookieValue, endsAt: null, persistent: false };
const SECRET = 'keyboard cat';
const REMOVAL = 'connect.sid=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly';

/** A cookie as express-session sets it. */
const old = (sid: string, { name = 'connect.sid', secret = SECRET } = {}): string =>
  `${name}=${encodeURIComponent(`s:${sign(sid, secret)}`)}`;

describe('a client that comes with a cookie of express-session', () => {
  let response: ServerResponse;

  beforeEach(() => {
    response = new ServerResponse(new IncomingMessage(new Socket()));
  });

  function transport(adopt: Partial<SessionModuleOptions['adopt'] & object> = {}): SessionTransport {
    return transportOf(
      resolveOptions({ adopt: { secret: SECRET, ...adopt } }),
      () => {},
      () => {},
    );
  }

  const sidsOf = (by: SessionTransport, headers: IncomingHttpHeaders) => by.read(headers).map(({ sid }) => sid);

  function lines(by: SessionTransport, headers: IncomingHttpHeaders, isHttps = false): unknown {
    by.write(ISSUED, { url: '/', requestHeaders: headers, response, isHttps, now: 0 });
    return response.getHeader('Set-Cookie');
  }

  it('has, after a credential of ours, one that follows from it: always the same, and with its id', () => {
    const [own, derived, ...more] = transport().read({ cookie: `${old('a')}; session_id=${OWN.cookieValue}` });
    expect([own, derived?.sid, more]).toEqual([OWN, 'a', []]);
    expect(transport().read({ cookie: old('a') })).toEqual([derived]);
  });

  it('has our own alone where it has none, or one that our secrets have not signed', () => {
    const own = `session_id=${OWN.cookieValue}`;
    expect(transport().read({ cookie: own })).toEqual([OWN]);
    expect(transport().read({ cookie: `${own}; ${old('a', { secret: 'other' })}; connect.sid=x` })).toEqual([OWN]);
    expect(transport().read({})).toEqual([]);
  });

  it('has each once, and five at most, whatever else there is under the name', () => {
    const cookie = ['a', 'a', 'b', 'c', 'd', 'e', 'f'].map((sid) => old(sid)).join('; ');
    expect(sidsOf(transport(), { cookie: `connect.sid=x; ${cookie}` })).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('has its signatures looked at once for a request, however often its answer is amended', () => {
    const options = resolveOptions({ adopt: { secret: SECRET } });
    const by = transportOf(
      options,
      () => {},
      () => {},
    );
    const looks = jest.spyOn(options.adopt?.secrets as CookieSecrets, 'sidOf');
    const headers = { cookie: `${old('a')}; ${old('b', { secret: 'other' })}` };
    expect(sidsOf(by, headers)).toEqual(['a']);
    for (let time = 0; time < 5; time++) expect(lines(by, headers)).toContain(REMOVAL);
    expect(looks).toHaveBeenCalledTimes(2);
    headers.cookie = old('c');
    expect(sidsOf(by, headers)).toEqual(['c']);
  });

  it('comes with it under the name that it had', () => {
    const cookie = `${old('a')}; ${old('b', { name: 'sid' })}`;
    expect(sidsOf(transport({ name: 'sid' }), { cookie })).toEqual(['b']);
  });

  it('gets answers that depend on Cookie', () => {
    expect(transport().requestHeader).toBe('Cookie');
  });

  it('loses it with the answer that gives it a cookie of ours, once', () => {
    response.setHeader('Set-Cookie', 'other=1');
    const own = `session_id=${OWN.cookieValue}; Path=/; HttpOnly; SameSite=Lax`;
    expect(lines(transport(), { cookie: old('a') })).toEqual(['other=1', own, REMOVAL]);
    expect(lines(transport(), { cookie: old('a') })).toEqual(['other=1', REMOVAL, own]);
  });

  it('loses it as it was set', () => {
    const by = transport({ cookie: { path: '/app', domain: 'example.com', partitioned: true } });
    expect((lines(by, { cookie: old('a') }, true) as string[]).at(-1)).toBe(
      'connect.sid=; Max-Age=0; Domain=example.com; Path=/app; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; Partitioned',
    );
  });

  it('keeps one that our secrets have not signed, and gets none removed that it did not come with', () => {
    for (const headers of [{ cookie: old('a', { secret: 'other' }) }, {}]) {
      expect(lines(transport(), headers)).toEqual([expect.stringMatching(/^session_id=/)]);
    }
  });
});
