import type { IncomingHttpHeaders } from 'node:http';
import { sign } from 'cookie-signature';
import { describe, expect, it } from '@jest/globals';
import { transportOf } from '../../../lib/http/transport-of.js';
import { resolveOptions } from '../../../lib/session.options.js';

const SECRET = 'keyboard cat';
const signed = (sid: string, secret = SECRET): string => `connect.sid=${encodeURIComponent(`s:${sign(sid, secret)}`)}`;
type SameSite = 'strict' | 'lax' | 'none';

/** The sessions of express-session that a request with such headers names. */
function named(headers: IncomingHttpHeaders, method?: string, sameSite: SameSite = 'lax'): unknown {
  const cookie = sameSite === 'none' ? { sameSite, secure: true } : { sameSite };
  const transport = transportOf(
    resolveOptions({ adopt: { secret: SECRET }, cookie }),
    () => {},
    () => {},
  );
  return transport.read({ cookie: signed('old'), ...headers }, method).map(({ sid }) => sid);
}

const CROSS = { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' };

describe('A cookie of express-session', () => {
  it.each<
    [what: string, headers: IncomingHttpHeaders, method: string | undefined, sameSite: SameSite, counts: boolean]
  >([
    ['comes from a page of ours', { 'sec-fetch-site': 'same-origin' }, 'POST', 'strict', true],
    ['comes from a sibling', { 'sec-fetch-site': 'same-site' }, 'POST', 'strict', true],
    ['comes with no word of the browser', {}, 'POST', 'strict', true],
    ['comes by a link on another site', CROSS, 'GET', 'lax', true],
    ['the same, where ours would stay behind', CROSS, 'GET', 'strict', false],
    ['comes by a form on another site', CROSS, 'POST', 'lax', false],
    ['the same, where ours would come along', CROSS, 'POST', 'none', true],
    ['comes by a script of another site', { ...CROSS, 'sec-fetch-dest': 'empty' }, 'GET', 'lax', false],
    ['comes by a request whose method is not known', CROSS, undefined, 'lax', false],
    [
      'comes from another host, as an old browser says',
      { origin: 'https://evil.example', host: 'app.example' },
      'POST',
      'lax',
      false,
    ],
    ['the same, and nothing says to where', { origin: 'https://evil.example' }, 'POST', 'lax', false],
    [
      'comes from our host, as an old browser says',
      { origin: 'https://app.example', host: 'app.example' },
      'POST',
      'strict',
      true,
    ],
    ['the same, over HTTP/2', { origin: 'https://app.example', ':authority': 'app.example' }, 'POST', 'strict', true],
    [
      'the same, behind two proxies',
      { origin: 'https://app.example', host: 'upstream', 'x-forwarded-host': 'outer.example, app.example' },
      'POST',
      'strict',
      true,
    ],
    [
      'says that it is same-site, whatever its origin',
      { 'sec-fetch-site': 'same-site', origin: 'https://a.example', host: 'b.example' },
      'POST',
      'lax',
      true,
    ],
  ])('counts, or not, where it %s', (_what, headers, method, sameSite, counts) => {
    expect(named(headers, method, sameSite)).toEqual(counts ? ['old'] : []);
  });

  it('is found behind 49 others that look signed, and not behind more; what does not look signed costs nothing', () => {
    const others = (count: number) => Array.from({ length: count }, (_, n) => signed(`other${n}`, 'other secret'));
    const behind = (cookies: string[]) => named({ cookie: [...cookies, signed('old')].join('; ') });
    expect(behind(others(49))).toEqual(['old']);
    expect(behind(others(50))).toEqual([]);
    expect(behind(Array.from({ length: 60 }, (_, n) => `connect.sid=plain${n}`))).toEqual(['old']);
  });
});
