import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  MemorySessionStore,
  type Session,
  SessionArgumentError,
  SessionDataError,
  SessionModule,
  type SessionModuleOptions,
} from 'nestjs-mikro-session';
import { SessionStore } from 'nestjs-mikro-session/store';
import { createSessionId } from '../../lib/session/token.js';
import { databaseModule, startApp, type TestApp, useApp } from '../support/app.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { inHandler, visit } from '../support/probe.js';

const LIMIT = 1_000;
const KB = 1024;
const text = (length: number): string => 'ü'.repeat(length / 2);
const path = (segments: number): string => 'a.'.repeat(segments - 1) + 'a';
const keys = [Buffer.alloc(32, 5)];

type Kind = typeof SessionDataError | typeof SessionArgumentError;

/** What a client can make big, where an application passes it on: how, the error, and what its message says. */
const INPUTS: [what: string, (session: Session) => unknown, kind: Kind, says: RegExp][] = [
  ['a user id of 95 KB', (session) => session.login(text(95 * KB)), SessionArgumentError, /1 to 512 characters/],
  ['a user id of 513 characters', (session) => session.login('x'.repeat(513)), SessionArgumentError, /1 to 512 char/],
  [
    'a snapshot of 90 KB',
    (session) => session.login('ada', { note: text(90 * KB) }),
    SessionDataError,
    /snapshot.*1000 bytes.*"maxDataBytes"/,
  ],
  [
    'a snapshot of a little more than the limit, in a login after the first',
    (session) => session.login('ada').then(() => session.login('ada', { roles: [text(LIMIT)] })),
    SessionDataError,
    /snapshot.*1000 bytes.*"maxDataBytes"/,
  ],
  ...[
    ['a value', (session: Session) => session.set('key', text(90 * KB)).save()],
    ['the name of a key', (session: Session) => session.set(text(90 * KB), 1).save()],
    ['the name of a counter', (session: Session) => (session.increment(text(2 * KB)), session.save())],
    ['the name of a list', (session: Session) => (session.push(text(2 * KB), 1), session.save())],
    ['an item', (session: Session) => (session.push('list', text(90 * KB)), session.save())],
    ['a flash message', (session: Session) => session.flash('info', text(90 * KB)).save()],
    ['the category of a flash message', (session: Session) => session.flash(text(90 * KB), 1).save()],
    ['what an update leaves', (session: Session) => session.update((data) => void (data['a'] = text(90 * KB)))],
  ].map(
    ([what, write]) =>
      [`${what as string} beyond the limit`, write, SessionDataError, /data.*1000 bytes.*"maxDataBytes"/] as never,
  ),
  ['a path of 66 segments', (session) => session.set(path(66), 1).save(), SessionDataError, /deeper than 64/],
  ['a path of 100,000 segments', (session) => session.set(path(100_000), 1).save(), SessionDataError, /deeper than 64/],
  [
    'a body that is nested 6,000 deep',
    (session) => session.set('body', JSON.parse('['.repeat(6_000) + ']'.repeat(6_000))).save(),
    SessionDataError,
    /deeper than 64/,
  ],
  [
    'a key of 90 KB for what cannot be stored',
    (session) => session.set(text(90 * KB), new Date()).save(),
    SessionDataError,
    /is a Date/,
  ],
  [
    'a path of 90 KB through what is no object',
    (session) => session.set('n', 1).set(`n.${text(90 * KB)}`, 1),
    SessionArgumentError,
    /holds a number/,
  ],
];

describe.each<[string, boolean, SessionModuleOptions]>([
  ['PostgreSQL', true, {}],
  ['PostgreSQL, with the cache and encryption', true, { cache: true, encryption: { keys } }],
  ['memory', false, {}],
])('Bounds on what a client can influence, in %s:', (_where, hasDatabase, options) => {
  let database: TestDatabase | null = null;
  let app: TestApp;
  beforeAll(async () => {
    if (hasDatabase) database = await createDatabase();
    const all = { maxDataBytes: LIMIT, ensureSchema: true, ...options };
    app = await startApp(null, {
      before: database === null ? [] : [databaseModule(database.url)],
      session: SessionModule.forRoot(database === null ? { ...all, store: MemorySessionStore } : all),
      trustsProxy: true,
    });
  });
  afterAll(async () => {
    await app.close();
    await database?.drop();
  });

  it.each(INPUTS)(
    '%s is refused by a typed error, which is short, and is not stored',
    async (_what, write, kind, says) => {
      const client = app.client();
      const id = await inHandler(client, (session) => session.set('kept', 1).id);
      const error = await inHandler(client, async (session) => {
        try {
          await write(session);
          return null;
        } catch (caught) {
          return caught as Error;
        }
      });
      expect(error).toBeInstanceOf(kind);
      expect(error?.message).toMatch(says);
      expect(error?.message.length).toBeLessThan(600);
      const stored = await app.app.get(SessionStore).find(id);
      expect(JSON.parse(stored?.data ?? 'null')).toMatchObject({ kept: 1 });
      expect(JSON.stringify(stored).length).toBeLessThan(3 * LIMIT);
    },
  );

  it('a user agent and an address are cut, or left out', async () => {
    const client = app.client();
    const headers = { 'user-agent': 'x'.repeat(10 * KB), 'x-forwarded-for': '1'.repeat(4 * KB) };
    await visit(client, (session) => session.login('eve'), headers);
    const [device] = await app.sessions.listForUser('eve');
    expect(device?.userAgent).toBe('x'.repeat(512));
    expect(device?.ip).toBeNull();
  });

  it('the data and the snapshot may each have as many bytes as "maxDataBytes" says', async () => {
    const size = Math.floor(LIMIT * 0.6);
    const client = app.client();
    await visit(client, (session) => session.set('a', text(size)).login('ada', { note: text(size) }));
    expect(await inHandler(client, (session) => [session.get('a'), session.auth])).toEqual([
      text(size),
      { note: text(size) },
    ]);
  });

  it('the keys of a session are its own business: a long one that is absent costs nothing', async () => {
    const client = app.client();
    await visit(client, (session) => session.set('kept', 1));
    const said = await inHandler(client, (session) => [
      session.has(path(100_000)),
      session.get(text(90 * KB)) === undefined,
      session.delete(path(1_000)),
      session.delete(text(90 * KB)),
    ]);
    expect(said).toEqual([false, true, false, false]);
  });
});

describe('A logout by a client with a hundred made-up cookies', () => {
  const asked: string[] = [];
  class CountingStore extends MemorySessionStore {
    override async confirmEnd(id: string): Promise<void> {
      asked.push(id);
    }
  }
  const fixture = useApp({ session: SessionModule.forRoot({ store: CountingStore }), controllers: [] });

  it('has the ends of two of them confirmed: a browser has one', async () => {
    const cookies = Array.from({ length: 100 }, () => `session_id=${createSessionId()}.${'A'.repeat(43)}`);
    await visit(fixture.app.client(), (session) => session.logout(), { cookie: cookies.join('; ') });
    expect(asked).toHaveLength(2);
  });
});
