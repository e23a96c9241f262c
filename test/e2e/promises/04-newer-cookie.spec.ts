import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MemorySessionStore, SessionModule, type SessionModuleOptions, sessionMiddleware } from 'nestjs-mikro-session';
import { redisSessionStore } from 'nestjs-mikro-session/redis';
import { startApp, type TestApp, useApp } from '../../support/app.js';
import type { Reply } from '../../support/client.js';
import { createDatabase } from '../../support/database.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { type Platform, PLATFORMS } from '../../support/platform.js';
import { signal, tryVisit, type Visit } from '../../support/probe.js';
import { startRedis } from '../../support/redis-server.js';
import { statements } from '../../support/statements.js';

const HEADER = 'x-session-token';
const HOUR = 3_600;
/** In seconds: a busy machine answers late. */
const SLACK = 60;
type Transport = 'cookie' | 'header';
type Headers = Record<string, string>;

/** Where requests go that are held, and parallel ones. */
interface Servers {
  readonly app: TestApp;
  readonly other: TestApp;
  close(): Promise<void>;
}
type Start = (platform: Platform, transport: Transport) => Promise<Servers>;

const one = (app: TestApp, close: () => Promise<void> = async () => {}): Servers => ({
  app,
  other: app,
  close: () => app.close().then(close),
});

const onPostgres: Start = async (platform, transport) => {
  const database = await createDatabase();
  return one(await startApp(database, { platform, options: { transport } }), () => database.drop());
};

/** The process with the cache is not told of what the other one changes. */
const withCache: Start = async (platform, transport) => {
  const database = await createDatabase();
  const app = await startApp(database, { platform, options: { transport, cache: true } });
  const other = await startApp(database, { platform, options: { transport } });
  return { app, other, close: () => Promise.all([app.close(), other.close()]).then(() => database.drop()) };
};

const inMemory: Start = async (platform, transport) =>
  one(await startApp(null, { platform, session: SessionModule.forRoot({ store: MemorySessionStore, transport }) }));

const onRedis: Start = async (platform, transport) => {
  const redis = await startRedis({ 'maxmemory-policy': 'noeviction' });
  const store = redisSessionStore({ nodes: [redis.url] });
  const session = SessionModule.forRoot({ store, transport } as SessionModuleOptions);
  return one(await startApp(null, { platform, session }), () => redis.stop());
};

/** The credential that an answer gives; `null` for none. */
const given = ({ headers, setCookies: [line] }: Reply): string | null =>
  line === undefined ? headers.get(HEADER) : (/^session_id=([^;]*)/.exec(line)?.[1] ?? null);
const headersWith = (transport: Transport, credential: string | null): Headers =>
  transport === 'header' ? { [HEADER]: credential as string } : { cookie: `session_id=${credential}` };
/** How long the client is to keep the cookie. */
const maxAge = ({ setCookies: [line] }: Reply): number => Number(/Max-Age=(\d+)/.exec(line as string)?.[1]);

/** Has a request go on that was loaded, and has done something, once a parallel one of the same client is answered. */
async function beside(
  { app, other }: Pick<Servers, 'app' | 'other'>,
  headers: Headers,
  parallel: Visit,
  late: Visit,
  early: Visit = () => {},
): Promise<{ readonly parallel: Reply; readonly late: Reply }> {
  const inside = signal();
  const goOn = signal();
  const held: Visit = async (...args) => {
    await early(...args);
    inside.reach();
    await goOn.reached;
    return late(...args);
  };
  const slow = tryVisit(app.client(), held, headers);
  await inside.reached;
  const answer = await tryVisit(other.client(), parallel, headers);
  goOn.reach();
  return { parallel: answer, late: await slow };
}

const nothing: Visit = () => {};
const fail: Visit = () => {
  throw new Error('The handler fails.');
};
const forLonger: Visit = (session) => void session.setTtl('30d', { absolute: '90d' });
const storedForLonger: Visit = (session) => session.setTtl('30d', { absolute: '90d' }).save();
const regenerate: Visit = (session) => session.regenerate();

/** What a request does before and after a parallel one has given the client another credential; and how it is answered. */
const OVERTAKEN: [string, number, Visit, Visit][] = [
  ['setTtl()', 200, nothing, (session) => void session.setTtl('30d')],
  ['setTtl() with an absolute timeout', 200, nothing, forLonger],
  ['setTtl() and save()', 200, nothing, storedForLonger],
  [
    'setTtl() and update()',
    200,
    nothing,
    (session) => session.setTtl('30d').update((data) => (data['n' as never] = 1 as never)),
  ],
  ['reload() and setTtl()', 200, nothing, (session) => session.reload().then(() => void session.setTtl('30d'))],
  ['setTtl(), of before, and save()', 200, (session) => void session.setTtl('30d'), (session) => session.save()],
  ['setTtl() and save() of before', 200, storedForLonger, nothing],
  ['setTtl() and save() of before, and an error', 500, storedForLonger, fail],
];

/** How a session comes to have another absolute end while a request is held that gets it another credential. */
const MOVED: [string, Visit, Visit][] = [
  ['before regenerate()', nothing, regenerate],
  ['after regenerate()', regenerate, nothing],
];

const suite = (name: string, start: Start, platform: Platform, transport: Transport): void =>
  (name === 'Redis' ? describeWithRedis : describe)(`In ${name}, on ${platform}, by ${transport}`, () => {
    let servers: Servers;
    let brought: Headers;
    beforeAll(async () => {
      servers = await start(platform, transport);
    });
    afterAll(() => servers.close());
    beforeEach(async () => {
      brought = headersWith(transport, given(await tryVisit(servers.app.client(), (session) => session.login('ada'))));
    });

    it.each(OVERTAKEN)(
      'a request that was overtaken by a regenerate() leaves the newer credential alone: %s',
      async (_what, status, early, late) => {
        const replies = await beside(servers, brought, regenerate, late, early);
        expect([replies.late.status, given(replies.late)]).toEqual([status, null]);
        const newer = headersWith(transport, given(replies.parallel));
        expect((await tryVisit(servers.app.client(), (session) => session.userId, newer)).text).toBe('ada');
      },
    );

    it.each(OVERTAKEN.slice(-2))(
      'one whose session was revoked since gives no credential: %s',
      async (_what, status, early, late) => {
        const replies = await beside(
          servers,
          brought,
          () => servers.other.sessions.revokeAllForUser('ada'),
          late,
          early,
        );
        expect([replies.late.status, given(replies.late)]).toEqual([status, null]);
      },
    );

    it.each([
      ['a success', 200, nothing],
      ['an error', 500, fail],
    ])('a regenerate() leaves the credential of a later login alone, answered by %s', async (_what, status, late) => {
      const inside = signal();
      const goOn = signal();
      // Loaded before the rotation as well.
      const login = tryVisit(
        servers.other.client(),
        async (session) => {
          inside.reach();
          await goOn.reached;
          await session.login('ada');
        },
        brought,
      );
      await inside.reached;
      const logsIn: Visit = async () => {
        goOn.reach();
        await login;
      };
      const replies = await beside(servers, brought, logsIn, late, regenerate);
      expect(given(await login)).not.toBeNull();
      expect([replies.late.status, given(replies.late)]).toEqual([status, null]);
    });

    it('a lifetime is given with the credential, and is stored, where nothing overtakes the request', async () => {
      const reply = await tryVisit(servers.app.client(), forLonger, brought);
      expect(headersWith(transport, given(reply))).toEqual(brought);
      expect((await tryVisit(servers.app.client(), (session) => session.ttl, brought)).json).toBe(
        30 * 24 * HOUR * 1_000,
      );
    });

    if (transport === 'header') return;

    it('a cookie is set again with the end of the lifetime, where nothing overtakes the request', async () => {
      const reply = await tryVisit(servers.app.client(), forLonger, brought);
      expect(Math.abs(maxAge(reply) - 90 * 24 * HOUR)).toBeLessThan(SLACK);
    });

    it.each(MOVED)(
      'a new cookie lives as long as its session, whose end a parallel request has moved %s',
      async (_when, early, late) => {
        for (const [absolute, hours] of [
          ['90d', 90 * 24],
          ['1h', 1],
        ] as const) {
          const parallel: Visit = (session) => session.setTtl('30m', { absolute }).save();
          const replies = await beside(servers, brought, parallel, late, early);
          expect(Math.abs(maxAge(replies.late) - hours * HOUR)).toBeLessThan(SLACK);
          brought = headersWith(transport, given(replies.late));
        }
      },
    );
  });

for (const platform of PLATFORMS) {
  suite('PostgreSQL', onPostgres, platform, 'cookie');
  suite('memory', inMemory, platform, 'cookie');
  suite('PostgreSQL', onPostgres, platform, 'header');
}
suite('memory', inMemory, 'Express', 'header');
suite('PostgreSQL with the cache', withCache, 'Express', 'cookie');
suite('Redis', onRedis, 'Express', 'cookie');

describe('As with express-session', () => {
  const fixture = useApp({ prepare: (app) => app.use(sessionMiddleware(app)) });

  it('cookie.maxAge of a request that was overtaken by a regenerate() leaves the newer cookie alone', async () => {
    const brought = headersWith(
      'cookie',
      given(await tryVisit(fixture.app.client(), (session) => session.login('ada'))),
    );
    const maxAge: Visit = (_session, request) => {
      (request as unknown as { session: { cookie: { maxAge: number } } }).session.cookie.maxAge =
        30 * 24 * HOUR * 1_000;
    };
    const replies = await beside({ app: fixture.app, other: fixture.app }, brought, regenerate, maxAge);
    expect(replies.late).toMatchObject({ status: 200, setCookies: [] });
    expect(Number((await fixture.row())['ttl'])).toBe(30 * 24 * HOUR * 1_000);
  });
});

describe('What the look-up costs', () => {
  const fixture = useApp();
  const count = (client: ReturnType<TestApp['client']>, handler: Visit) =>
    statements(fixture.app, () => tryVisit(client, handler));

  it('is a statement for a lifetime or a new credential, and none for what sets no cookie, or begins the session', async () => {
    const client = fixture.app.client();
    const begins = await count(client, (session) => session.set('a' as never, 1 as never).save());
    expect(await count(fixture.app.client(), (session) => session.set('a' as never, 1 as never).setTtl('30d'))).toBe(
      begins,
    );
    const writes = await count(client, (session) => session.set('a' as never, 2 as never));
    expect(await count(client, (session) => session.setTtl('30d'))).toBe(writes + 1);
    expect(await count(client, regenerate)).toBe(writes + 1);
    expect(await count(client, (session) => session.login('ada'))).toBe(writes);
  });
});
