import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { passportSession, SessionConfigurationError, type SessionModuleOptions } from 'nestjs-mikro-session';
import { errorOf } from '../support/error-of.js';
import { resolveOptions } from '../../lib/session.options.js';

const adopt = (given: object): SessionModuleOptions => ({
  adopt: { secret: 'the secret', table: 'session', toSession: passportSession, ...given } as never,
});

const find = (): null => null;

const UNREADABLE = Proxy.revocable([], {});
UNREADABLE.revoke();

describe('the option adopt', () => {
  it('is off by default, and with it the cookie and the table are those of express-session by default', () => {
    expect(resolveOptions().adopt).toBeNull();
    expect(resolveOptions(adopt({})).adopt).toMatchObject({
      cookie: { name: 'connect.sid', path: '/', domain: undefined, partitioned: false },
      table: { name: 'session', schema: undefined },
      sessions: null,
    });
  });

  it.each([
    [{ secret: undefined }, '"adopt.secret" must be the "secret" that express-session had'],
    [{ secret: '' }, 'but was an empty string'],
    [{ secret: [] }, 'but was an empty list'],
    [{ secret: ['the secret', 7] }, 'but was a number'],
    [{ name: 'session_id' }, '"adopt.name" is "session_id", as "cookie.name" is'],
    [{ name: 'a b' }, '"adopt.name" must be the name of the old cookie'],
    [{ toSession: undefined }, '"adopt.toSession" must be a function'],
    [{ toSession: 'passport' }, '"adopt.toSession" must be a function'],
    [{ sessions: { find, remove: find } }, '"adopt.sessions" is given, and "adopt.table" as well'],
    [{ table: undefined, sessions: { find } }, 'has no function "remove"'],
    [{ table: undefined, schema: 'old' }, '"adopt.schema" is given without "adopt.table"'],
    [{ table: 'x'.repeat(64) }, '"adopt.table" must be the name of a table'],
    [{ cookie: { maxAge: 1 } }, 'SessionModule has no option "adopt.cookie.maxAge"'],
    [{ tableName: 'session' }, 'SessionModule has no option "adopt.tableName"'],
  ])('names what is wrong, and shows no secret: %p', (given, message) => {
    const { message: said } = errorOf(SessionConfigurationError, () => resolveOptions(adopt(given)));
    expect(said).toContain(message);
    expect(said).not.toContain('the secret');
  });

  it('is refused beside the transport "header", whose promise is that no cookie opens a session', () => {
    const { message } = errorOf(SessionConfigurationError, () => resolveOptions({ ...adopt({}), transport: 'header' }));
    expect(message).toContain('"adopt" is given, but "transport" is "header"');
  });

  it.each([
    [{ secret: UNREADABLE.proxy }, '"adopt.secret" must be'],
    [{ table: undefined, sessions: UNREADABLE.proxy }, 'has no function "find"'],
    [{ table: undefined, toSession: UNREADABLE.proxy, sessions: { find, remove: find } }, '"adopt.toSession" must be'],
  ])('names what cannot be looked at', (given, message) => {
    expect(errorOf(SessionConfigurationError, () => resolveOptions(adopt(given))).message).toContain(message);
  });

  it('shows no secret when it is printed', () => {
    expect(inspect(resolveOptions(adopt({})), { depth: null, showHidden: true })).not.toContain('the secret');
  });
});

describe('passportSession()', () => {
  const cookie = { expires: null };

  it.each([
    [{ cookie, passport: { user: 'ada' } }, 'ada'],
    [{ cookie, passport: { user: 7 } }, '7'],
    [{ cookie, passport: { user: { id: 7, name: 'Ada', joined: '2026-11-29T00:00:00.000Z' } } }, '7'],
    [{ cookie, passport: { user: { _id: 'x' } } }, null],
  ])('takes the id of the user, and keeps what Passport reads: %p', (old, userId) => {
    expect(passportSession(old)).toEqual({ userId, data: { passport: old.passport } });
  });

  it('signs nobody in for what a polluted prototype adds to every object', () => {
    Object.assign(Object.prototype, { passport: { user: 'eve' }, id: 'eve' });
    try {
      expect(passportSession({ cookie }).userId).toBeNull();
      expect(passportSession({ cookie, passport: { user: { name: 'Ada' } } }).userId).toBeNull();
    } finally {
      for (const name of ['passport', 'id']) Reflect.deleteProperty(Object.prototype, name);
    }
  });

  it('keeps all data of a visitor who is not signed in, but what Passport has left and the cookie', () => {
    expect(passportSession({ cookie, passport: {}, cart: ['book'] })).toEqual({
      userId: null,
      data: { cart: ['book'] },
    });
  });
});
