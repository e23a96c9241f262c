import { describe, expect, it } from '@jest/globals';
import { resolveOptions, type SessionModuleOptions } from '../../lib/session.options.js';
import { SessionConfigurationError } from '../../lib/session.errors.js';
import { errorOf } from '../support/error-of.js';

const originCheckOf = (options: SessionModuleOptions) => resolveOptions(options).originCheck;
const problemOf = (originCheck: unknown): string =>
  errorOf(SessionConfigurationError, () => resolveOptions({ originCheck } as SessionModuleOptions)).message;

describe('originCheck', () => {
  it('is for WebSockets alone, unless it is given', () => {
    expect(originCheckOf({})).toEqual({ requests: false, handshakes: true, allow: new Set() });
  });

  it('is for nothing where no browser sends by itself what opens a session', () => {
    expect(originCheckOf({ transport: 'header' })).toMatchObject({ requests: false, handshakes: false });
    expect(originCheckOf({ transport: 'header', originCheck: true })).toMatchObject({
      requests: true,
      handshakes: true,
    });
  });

  it.each<[SessionModuleOptions['originCheck'], boolean]>([
    [true, true],
    [{}, true],
    [{ allow: [] }, true],
    [false, false],
  ])('%j is for requests and for WebSockets: %p', (originCheck, is) => {
    expect(originCheckOf({ originCheck: originCheck as boolean })).toMatchObject({ requests: is, handshakes: is });
  });

  it.each([undefined, null])('takes %p for not given', (absent) => {
    const given = { originCheck: absent } as unknown as SessionModuleOptions;
    expect(resolveOptions(given)).toEqual(resolveOptions());
  });

  it('takes origins, and functions', () => {
    const allow = [
      'https://app.example',
      'http://localhost:5173',
      'https://[::1]:8443',
      'capacitor://localhost',
      'file://',
    ];
    expect(originCheckOf({ originCheck: { allow } }).allow).toEqual(new Set(allow));
    const decides = () => true;
    expect(originCheckOf({ originCheck: { allow: decides } }).allow).toBe(decides);
  });

  it.each<[unknown, string]>([
    ['https://app.example', 'SessionModule option "originCheck" must be an object, but was a string.'],
    [['https://app.example'], 'SessionModule option "originCheck" must be an object, but was an array.'],
    [{ allowed: [] }, 'SessionModule has no option "originCheck.allowed".'],
    [
      { allow: 'https://app.example' },
      '"originCheck.allow" must be a list of origins, or a function, but was a string.',
    ],
    [{ allow: {} }, '"originCheck.allow" must be a list of origins, or a function, but was an object.'],
    [{ allow: [/app/] }, `"originCheck.allow" holds a RegExp. Fix: a list of texts, as ['https://app.example'].`],
    [
      { allow: ['null'] },
      '"originCheck.allow" holds "null", which a page of any site can be, in a sandboxed frame. Fix: a function',
    ],
    [
      { allow: ['https://app.example/'] },
      'holds "https://app.example/", which no browser sends as an origin. Fix: "https://app.example".',
    ],
    [{ allow: ['https://app.example:443'] }, 'Fix: "https://app.example".'],
    [{ allow: ['HTTPS://App.Example'] }, 'Fix: "https://app.example".'],
    [{ allow: ['https://app.example/login'] }, 'Fix: "https://app.example".'],
    [{ allow: ['wss://app.example'] }, 'Fix: "https://app.example".'],
    [{ allow: ['https://bücher.example'] }, 'Fix: "https://xn--bcher-kva.example".'],
    [{ allow: ['https://*.app.example'] }, `Fix: 'https://app.example', or a function for many.`],
    [
      { allow: ['*'] },
      `holds "*", which no browser sends as an origin. Fix: 'https://app.example', or a function for many.`,
    ],
    [{ allow: ['app.example'] }, `Fix: 'https://app.example', or a function for many.`],
    [{ allow: [''] }, `Fix: 'https://app.example', or a function for many.`],
  ])('refuses %j', (originCheck, problem) => {
    expect(problemOf(originCheck)).toContain(problem);
  });
});
