import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import {
  MemorySessionStore,
  SessionArgumentError,
  SessionDataError,
  SessionGoneError,
  SessionModule,
} from 'nestjs-mikro-session';
import { SessionManager } from '../../lib/session-manager.js';
import { type AppDefinition, useApp } from '../support/app.js';

const fail = (): never => {
  throw new Error('sabotage');
};
const hostile = new Proxy(
  {},
  { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail, getOwnPropertyDescriptor: fail, set: fail },
);
const revoked = Proxy.revocable({}, {});
revoked.revoke();

/** A value of each kind that a program may hand over by mistake, most of them in place of what is `undefined`. */
const VALUES: Record<string, unknown> = {
  null: null,
  zero: 0,
  'a number': 4711.25,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  'an empty string': '',
  'a NUL character': '\0',
  'half a surrogate pair': '\uD800',
  'a string': 'kept-to-itself',
  'a very long string': 'kept-to-itself'.repeat(100_000),
  'a symbol': Symbol('kept-to-itself'),
  'a bigint': 10n,
  'a boolean': true,
  'an object': { secret: 'kept-to-itself' },
  'an object without a prototype': Object.create(null),
  'an array': ['kept-to-itself'],
  'a function': () => 'kept-to-itself',
  'a date': new Date(0),
  'an invalid date': new Date(Number.NaN),
  'a map': new Map(),
  'a proxy that throws': hostile,
  'a proxy that is revoked': revoked.proxy,
};
const KINDS = Object.keys(VALUES);
const TEXTS = KINDS.filter((kind) => typeof VALUES[kind] === 'string');
const but = (...kinds: string[]): string[] => KINDS.filter((kind) => !kinds.includes(kind));
const WORDS = ['a string', 'a very long string'];
const OBJECTS = ['an object', 'an object without a prototype'];
/** The other one has a member that no method knows. */
const EMPTY = 'an object without a prototype';
const JSON_KINDS = [
  'null',
  'zero',
  'a number',
  'a boolean',
  'a very long string',
  'a string',
  'an empty string',
  ...OBJECTS,
  'an array',
];

type Call = (value: any, on: { service: any; session: any }) => unknown;

/** What is called, and which kinds of values it refuses; of the others it must make something, whatever that is. */
const CALLS: [name: string, call: Call, refused: readonly string[]][] = [
  ['service.of(…)', (value, { service }) => service.of(value), KINDS],
  ['service.find(…)', (value, { service }) => service.find(value), but(...TEXTS)],
  ['service.update(…)', (value, { service }) => service.update(value, () => 1), KINDS],
  ['service.update(id, …)', (value, { service, session }) => service.update(session.id, value), but('a function')],
  ['service.listForUser(…)', (value, { service }) => service.listForUser(value), but('a string')],
  ['service.revoke(…)', (value, { service }) => service.revoke(value), but(...TEXTS)],
  ['service.revoke(id, …)', (value, { service, session }) => service.revoke(session.id, value), KINDS],
  [
    'service.revoke(id, { userId: … })',
    (userId, { service, session }) => service.revoke(session.id, { userId }),
    but('a string'),
  ],
  ['service.revokeAllForUser(…)', (value, { service }) => service.revokeAllForUser(value), but('a string')],
  ['service.revokeAllForUser(user, …)', (value, { service }) => service.revokeAllForUser('nobody', value), but(EMPTY)],
  [
    'service.revokeAllForUser(user, { except: … })',
    (except, { service }) => service.revokeAllForUser('nobody', { except }),
    KINDS,
  ],
  ['service.create(…)', (value, { service }) => service.create(value), but(EMPTY)],
  ['service.create({ userId: … })', (userId, { service }) => service.create({ userId }), but('a string')],
  [
    'service.create({ userId, auth: … })',
    (auth, { service }) => service.create({ userId: 'x', auth }),
    but(...OBJECTS),
  ],
  ['service.create({ data: … })', (data, { service }) => service.create({ data }), but(...OBJECTS)],
  [
    'session.get(…)',
    (value, { session }) => session.get(value),
    but('a NUL character', 'half a surrogate pair', ...WORDS),
  ],
  [
    'session.has(…)',
    (value, { session }) => session.has(value),
    but('a NUL character', 'half a surrogate pair', ...WORDS),
  ],
  [
    'session.delete(…)',
    (value, { session }) => session.delete(value),
    but('a NUL character', 'half a surrogate pair', ...WORDS),
  ],
  [
    'session.pull(…)',
    (value, { session }) => session.pull(value),
    but('a NUL character', 'half a surrogate pair', ...WORDS),
  ],
  ['session.set(…, 1)', (value, { session }) => session.set(value, 1).save(), but(...WORDS)],
  ['session.set(key, …)', (value, { session }) => session.set('key', value).save(), but(...JSON_KINDS)],
  ['session.data[key] = …', (value, { session }) => ((session.data.key = value), session.save()), but(...JSON_KINDS)],
  ['session.increment(…)', (value, { session }) => (session.increment(value), session.save()), but(...WORDS)],
  ['session.increment(key, …)', (value, { session }) => session.increment('key', value), but('zero', 'a number')],
  ['session.push(…)', (value, { session }) => (session.push(value, 1), session.save()), but(...WORDS)],
  ['session.push(key, …)', (value, { session }) => (session.push('key', value), session.save()), but(...JSON_KINDS)],
  ['session.update(…)', (value, { session }) => session.update(value), but('a function')],
  ['session.flash(…)', (value, { session }) => (session.flash(value, 1), session.save()), but(...WORDS)],
  [
    'session.flash(category, …)',
    (value, { session }) => (session.flash('category', value), session.save()),
    but(...JSON_KINDS),
  ],
  ['session.flashes(…)', (value, { session }) => session.flashes(value), but(...TEXTS)],
  ['session.login(…)', (value, { session }) => session.login(value), but('a string')],
  ['session.login(user, …)', (value, { session }) => session.login('x', value), but(...OBJECTS)],
  ['session.login(user, {}, …)', (value, { session }) => session.login('x', {}, value), but(EMPTY)],
  [
    'session.login(user, {}, { ttl: … })',
    (ttl, { session }) => session.login('x', {}, { ttl }),
    but('zero', 'a number'),
  ],
  [
    'session.login(user, {}, { absolute: … })',
    (absolute, { session }) => session.login('x', {}, { absolute }),
    but('zero', 'a number'),
  ],
  [
    'session.login(user, {}, { persistent: … })',
    (persistent, { session }) => session.login('x', {}, { persistent }),
    but('a boolean'),
  ],
  ['session.setTtl(…)', (value, { session }) => session.setTtl(value), but('zero', 'a number')],
  ['session.setTtl(ttl, …)', (value, { session }) => session.setTtl(1000, value), but(EMPTY)],
  [
    'session.setTtl(ttl, { absolute: … })',
    (absolute, { session }) => session.setTtl(1000, { absolute }),
    but('zero', 'a number'),
  ],
];

// A text of a million characters is more than a session may hold.
const options = { maxDataBytes: 4_000_000 };
const definitions: [string, AppDefinition][] = [
  ['PostgreSQL', { options }],
  ['memory', { session: SessionModule.forRoot({ ...options, store: MemorySessionStore }) }],
];

describe.each(definitions)('With sessions in %s, by a wrong argument', (_where, definition) => {
  const fixture = useApp(definition);

  it.each(CALLS)('%s names the kind of the value, and nothing of it', async (name, call, refused) => {
    const service = fixture.app.sessions;
    const wrong: string[] = [];
    for (const kind of KINDS) {
      // `login()` and its like need a session that knows its credential, which only a new one does.
      const { session } = await service.create();
      const fresh = name.startsWith('session.login') ? freshSession() : session;
      const outcome: unknown = await (async () => call(VALUES[kind], { service, session: fresh }))().then(
        () => null,
        (error: unknown) => error,
      );
      const isTyped = [SessionArgumentError, SessionDataError, SessionGoneError].some(
        (kind) => outcome instanceof kind,
      );
      if (outcome !== null && !isTyped) wrong.push(`${kind}: ${inspect(outcome)}`);
      if (refused.includes(kind) !== (outcome !== null))
        wrong.push(`${kind}: ${outcome === null ? 'taken' : inspect(outcome)}`);
      if (isTyped && (outcome as Error).message.includes('kept-to-itself')) wrong.push(`${kind}: quoted`);
    }
    expect(wrong).toEqual([]);
  });

  it.each<[string, string, Call]>([
    ['login', '"absolut"', (_value, { session }) => session.login('x', {}, { absolut: '10m' })],
    ['login', '"Persistent"', (_value, { session }) => session.login('x', {}, { ttl: '1h', Persistent: false })],
    ['setTtl', '"ttl"', (_value, { session }) => session.setTtl('1h', { ttl: '10m' })],
    ['create', '"user"', (_value, { service }) => service.create({ user: 'ada', data: {} })],
    ['revoke', '"except"', (_value, { service, session }) => service.revoke(session.id, { userId: 'x', except: 'y' })],
    ['revokeAllForUser', '"exept"', (_value, { service }) => service.revokeAllForUser('nobody', { exept: 'x' })],
  ])('%s() says that it does not know %s, and does nothing', async (method, name, call) => {
    const service = fixture.app.sessions;
    const before = await service.count();
    const error = await (async () => call(undefined, { service, session: freshSession() }))().catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(SessionArgumentError);
    expect((error as Error).message).toMatch(new RegExp(`^${method}\\(\\) has no option ${name}, but `));
    expect(await service.count()).toBe(before);
  });

  function freshSession(): unknown {
    return fixture.app.app.get(SessionManager).create().sealed;
  }
});
