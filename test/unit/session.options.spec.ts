import { describe, expect, it } from '@jest/globals';
import { resolveOptions, type SessionModuleOptions } from '../../lib/session.options.js';
import { SessionConfigurationError } from '../../lib/session.errors.js';
import { errorOf } from '../support/error-of.js';

const optionsOf = (value: unknown) => value as SessionModuleOptions;
const problemOf = (value: unknown): string =>
  errorOf(SessionConfigurationError, () => resolveOptions(optionsOf(value))).message;

const withGetter = (name: string): object =>
  Object.defineProperty({}, name, {
    get: () => {
      throw new Error('thrown by the getter');
    },
    enumerable: true,
  });

describe('resolveOptions', () => {
  it('needs no options at all', () => {
    expect(resolveOptions()).toMatchObject({
      extras: {},
      lifetime: { ttl: 1_800_000, absolute: 43_200_000 },
      cookie: {
        name: 'session_id',
        path: '/',
        domain: undefined,
        secure: 'auto',
        sameSite: 'lax',
        partitioned: false,
        persistent: true,
      },
      saveUninitialized: false,
      renewal: { flushEvery: 1_000, granularity: 0 },
      rotationGrace: 10_000,
      maxSessionsPerUser: null,
      maxDataBytes: 65_536,
      queryTimeout: 1_000,
      onStoreError: 'fail',
      retryAfter: 1_000,
      trackDevice: true,
      ensureSchema: false,
    });
  });

  it('takes what it is given, and durations in either form', () => {
    const resolved = resolveOptions(
      {
        idleTimeout: '1h',
        absoluteTimeout: 7_200_000,
        cookie: {
          name: '__Secure-sid',
          path: '/app',
          domain: 'example.com',
          secure: true,
          sameSite: 'none',
          partitioned: true,
          persistent: false,
        },
        saveUninitialized: true,
        renewal: { flushEvery: '250ms', granularity: '1m' },
        rotationGrace: 0,
        maxSessionsPerUser: 1,
        maxDataBytes: 1024,
        queryTimeout: '2s',
        onStoreError: 'anonymous',
        retryAfter: '1m',
        trackDevice: false,
        ensureSchema: true,
      },
      { contextName: 'users' },
    );
    expect(resolved).toMatchObject({
      extras: { contextName: 'users' },
      lifetime: { ttl: 3_600_000, absolute: 7_200_000 },
      cookie: {
        name: '__Secure-sid',
        path: '/app',
        domain: 'example.com',
        secure: true,
        sameSite: 'none',
        partitioned: true,
        persistent: false,
      },
      saveUninitialized: true,
      renewal: { flushEvery: 250, granularity: 60_000 },
      rotationGrace: 0,
      maxSessionsPerUser: 1,
      maxDataBytes: 1024,
      queryTimeout: 2_000,
      onStoreError: 'anonymous',
      retryAfter: 60_000,
      trackDevice: false,
      ensureSchema: true,
    });
  });

  it.each([undefined, null])('takes %p for not given', (absent) => {
    const given = { idleTimeout: absent, cookie: { name: absent }, renewal: absent, absoluteTimeout: absent };
    expect(resolveOptions(optionsOf(given))).toEqual(resolveOptions());
  });

  it('takes absoluteTimeout: false for no absolute end, however long the idle timeout', () => {
    expect(resolveOptions({ idleTimeout: '400d', absoluteTimeout: false }).lifetime.absolute).toBeNull();
  });

  it('lets both timeouts be the same', () => {
    expect(resolveOptions({ idleTimeout: '12h' }).lifetime).toEqual({ ttl: 43_200_000, absolute: 43_200_000 });
  });

  it('freezes the result, and not what it was given', () => {
    const given = { cookie: { name: 'sid' }, renewal: {} };
    const resolved = resolveOptions(given);
    for (const part of [resolved, resolved.lifetime, resolved.cookie, resolved.renewal]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    given.cookie.name = 'other';
    expect(resolved.cookie.name).toBe('sid');
  });

  it.each<[string, unknown, string]>([
    ['idleTimeout', 0, '0'],
    ['idleTimeout', -1, '-1'],
    ['idleTimeout', '0.4ms', '"0.4ms"'],
    ['idleTimeout', '30 minutes', '"30 minutes"'],
    ['idleTimeout', Number.NaN, 'NaN'],
    ['idleTimeout', true, 'true'],
    ['idleTimeout', { minutes: 30 }, 'an object'],
    ['absoluteTimeout', true, 'true'],
    ['absoluteTimeout', '-1h', '"-1h"'],
    ['saveUninitialized', 'yes', '"yes"'],
    ['saveUninitialized', 0, '0'],
    ['trackDevice', 'false', '"false"'],
    ['ensureSchema', 1, '1'],
    ['maxDataBytes', 1, '1'],
    ['maxDataBytes', 1.5, '1.5'],
    ['maxDataBytes', '64kb', '"64kb"'],
    ['maxDataBytes', 16 * 1024 * 1024 + 1, '16777217'],
    ['rotationGrace', '-1s', '"-1s"'],
    ['maxSessionsPerUser', 0, '0'],
    ['maxSessionsPerUser', 2.5, '2.5'],
    ['maxSessionsPerUser', '5', '"5"'],
    ['queryTimeout', 0, '0'],
    ['queryTimeout', [], 'an array'],
    ['onStoreError', 'ignore', '"ignore"'],
    ['onStoreError', true, 'true'],
    ['retryAfter', 0, '0'],
    ['retryAfter', 'soon', '"soon"'],
  ])('refuses %s: %p, naming the option, the value and the fix', (name, value, shown) => {
    const message = problemOf({ [name]: value });
    expect(message).toContain(`option "${name}" must be `);
    expect(message).toContain(`but was ${shown}.`);
    expect(message).toContain('Fix: ');
  });

  it.each<[string, unknown]>([
    ['flushEvery', -1],
    ['flushEvery', 'often'],
    ['granularity', '-1s'],
    ['granularity', Number.POSITIVE_INFINITY],
  ])('refuses renewal.%s: %p', (name, value) => {
    expect(problemOf({ renewal: { [name]: value } })).toContain(`option "renewal.${name}" must be `);
  });

  it('refuses an absolute timeout shorter than the idle one, its default too', () => {
    expect(problemOf({ idleTimeout: '2h', absoluteTimeout: '1h' })).toMatch(
      /"absoluteTimeout" \(3600000 ms\) is shorter than "idleTimeout" \(7200000 ms\).*Raise it/,
    );
    expect(problemOf({ idleTimeout: '1d' })).toContain('"absoluteTimeout" (43200000 ms) is shorter');
  });

  it.each<[string, unknown, string]>([
    ['an unknown option', { idleTimout: 1 }, 'has no option "idleTimout"'],
    ['an unknown option that is undefined', { ttl: undefined }, 'has no option "ttl"'],
    ['an unknown cookie option', { cookie: { httpOnly: false } }, 'has no option "cookie.httpOnly"'],
    ['an unknown renewal option', { renewal: { every: 1 } }, 'has no option "renewal.every"'],
    ['an option named __proto__', JSON.parse('{"__proto__": {}}'), 'cannot have a member "__proto__"'],
    ['options that are null', null, 'The options of SessionModule must be an object, but was null'],
    ['options that are a text', 'x', 'must be an object, but was a string'],
    ['options that are an array', [], 'must be an object, but was an array'],
    ['cookie options that are a text', { cookie: 'sid' }, 'option "cookie" must be an object, but was a string'],
    ['renewal options that are a number', { renewal: 1 }, 'option "renewal" must be an object, but was a number'],
  ])('refuses %s', (_what, value, message) => {
    expect(problemOf(value)).toContain(message);
  });

  it.each<[string, unknown, string]>([
    ['options', withGetter('idleTimeout'), 'The options of SessionModule cannot be read: a getter or a proxy throws.'],
    ['cookie options', { cookie: withGetter('name') }, 'option "cookie" cannot be read'],
    ['renewal options', { renewal: withGetter('flushEvery') }, 'option "renewal" cannot be read'],
    ['sweep options', { sweep: withGetter('every') }, 'option "sweep" cannot be read'],
    ['cache options', { cache: withGetter('max') }, 'option "cache" cannot be read'],
    ['encryption options', { encryption: withGetter('keys') }, 'option "encryption" cannot be read'],
  ])('refuses %s with a getter that throws', (_what, value, message) => {
    expect(problemOf(value)).toContain(message);
  });

  it.each<[string, (list: object) => object]>([
    ['encryption.keys', (keys) => ({ encryption: { keys } })],
    ['originCheck.allow', (allow) => ({ originCheck: { allow } })],
  ])('refuses a list that cannot be looked at: %s', (name, optionsWith) => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    expect(problemOf(optionsWith(proxy))).toMatch(
      new RegExp(`"${name}" must be .* but was an object that cannot be looked at`),
    );
  });

  it('reads each option once, so that what is checked is what is used', () => {
    let times = 0;
    const options = Object.defineProperty({}, 'absoluteTimeout', {
      get: () => (times++ === 0 ? '1d' : false),
      enumerable: true,
    });
    expect(resolveOptions(options).lifetime.absolute).toBe(86_400_000);
  });

  it('lists the options there are when it meets another one', () => {
    expect(problemOf({ cookie: { age: 1 } })).toMatch(/Fix: .*name, path, domain, secure, sameSite/);
  });

  it('lists those of the module that are read elsewhere as well', () => {
    const resolve = () => resolveOptions({ ttl: 1 } as never, { contextName: undefined, store: undefined });
    expect(resolve).toThrow(/use one of idleTimeout, .*, contextName, store\./);
  });

  it.each([[{ secret: 's' }], [{ rolling: true }], [{ cookie: { maxAge: 1 } }]])(
    'points to the page on moving over where an option is one of express-session: %j',
    (options) => {
      expect(problemOf(options)).toMatch(/no option "[\w.]+"\. .*docs\/migrating-from-express-session\.md/);
    },
  );

  it.each([
    ['1800000', 'but was "1800000", which has no unit (milliseconds: "1800000ms").'],
    ['1 month', 'but was "1 month".'],
    ['', 'but was "".'],
  ])('says what is wrong with a duration that came as text: %j', (value, message) => {
    expect(problemOf({ idleTimeout: value })).toContain(message);
  });

  it('takes a duration from the environment', () => {
    const environment: NodeJS.ProcessEnv = { SESSION_TTL: '45m' };
    expect(resolveOptions({ idleTimeout: environment['SESSION_TTL'] ?? '30m' }).lifetime.ttl).toBe(2_700_000);
  });
});

describe('What was wrong once', () => {
  it('refuses an encryption.acceptPlain that is a text', () => {
    expect(problemOf({ encryption: { keys: [Buffer.alloc(32)], acceptPlain: 'no' } })).toContain(
      '"encryption.acceptPlain"',
    );
  });

  it('takes no options by which what is written reads as absent', () => {
    const encryption = { keys: [Buffer.alloc(32)], seal: false };
    expect(resolveOptions({ encryption }).encryption).toMatchObject({ seal: false, acceptPlain: true });
    expect(problemOf({ encryption: { ...encryption, acceptPlain: false } })).toContain('are both false');
    expect(problemOf({ encryption: { ...encryption, seal: 'no' } })).toContain('"encryption.seal"');
  });

  it('takes maxSessionsPerUser: null for no limit, like every option for its default, never for a limit of one', () => {
    expect(resolveOptions(optionsOf({ maxSessionsPerUser: null })).maxSessionsPerUser).toBeNull();
  });

  // setTimeout() takes at most 2^31 - 1 milliseconds, and fires at once beyond: every query would time out at once.
  it.each<[string, unknown]>([
    ['queryTimeout', { queryTimeout: '25d' }],
    ['renewal.flushEvery', { renewal: { flushEvery: '25d' } }],
  ])('refuses a %s that no timer can wait for', (name, value) => {
    expect(problemOf(value)).toContain(`"${name}"`);
  });

  it.each(['30m', '1h'] as const)(
    'refuses a granularity of %s where sessions idle for 30m: it would end used ones',
    (granularity) => {
      expect(problemOf({ idleTimeout: '30m', renewal: { granularity } })).toContain('"renewal.granularity"');
    },
  );
});
