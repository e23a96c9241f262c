import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sign } from 'cookie-signature';
import { MemorySessionStore, passportSession, SessionModule, sessionMiddleware } from 'nestjs-mikro-session';
import { redisSessionStore } from 'nestjs-mikro-session/redis';
import { startApp, type TestApp } from '../support/app.js';
import { createDatabase } from '../support/database.js';
import { describeWithRedis } from '../support/describe-with-redis.js';
import { OLD_SECRET } from '../support/old-app.js';
import { regenerated, result } from '../support/express-session.js';
import { startRedis } from '../support/redis-server.js';

interface Store {
  /** Starts an application that has it; gives what stops the store besides. */
  start(): Promise<{ app: TestApp; stop?: () => Promise<unknown> }>;
}

const start = (
  database: { url: string } | null,
  options: Parameters<typeof SessionModule.forRoot>[0] = {},
): Promise<TestApp> =>
  startApp(database, {
    session: SessionModule.forRoot({
      ...options,
      adopt: {
        secret: OLD_SECRET,
        sessions: {
          find: async (sid) => ({ cookie: { expires: null }, passport: { user: sid } }),
          remove: async () => true,
        },
        toSession: passportSession,
      },
    }),
    prepare: (app) => app.use(sessionMiddleware(app)),
  });

const STORES: (Store & { name: string })[] = [
  {
    name: 'PostgreSQL',
    start: async () => {
      const database = await createDatabase();
      return { app: await start(database, { ensureSchema: true }), stop: () => database.drop() };
    },
  },
  { name: 'memory', start: async () => ({ app: await start(null, { store: MemorySessionStore }) }) },
];

const REDIS: Store = {
  start: async () => {
    const redis = await startRedis({ 'maxmemory-policy': 'noeviction' });
    return { app: await start(null, { store: redisSessionStore({ nodes: [redis.url] }) }), stop: () => redis.stop() };
  },
};

describe.each(STORES)('request.session.id, with sessions in $name,', (store) => {
  testIds(store);
});
describeWithRedis('request.session.id, with sessions in Redis,', () => {
  testIds(REDIS);
});

function testIds(store: Store): void {
  let started: Awaited<ReturnType<Store['start']>>;
  beforeAll(async () => {
    started = await store.start();
  });
  afterAll(async () => {
    await started.app.close();
    await started.stop?.();
  });

  /** A browser that has a session of nobody, and the id of it that its first request saw. */
  const visitor = async () => {
    const client = started.app.client();
    const id = await result(client, (request) => {
      request.session['form'] = true;
      return request.session.id;
    });
    return { client, id };
  };

  it('is the id of the session as long as nobody has signed in: when it begins, once it is stored, after every change', async () => {
    const { client, id } = await visitor();
    const [next, own] = await result(client, (request, session) => {
      request.session['more'] = 1;
      return [request.session.id, session.id];
    });
    expect([id, next]).toEqual([own, own]);
    expect(await result(client, (request, session) => session.regenerate().then(() => request.session.id))).toBe(id);
    expect(await result(client, (request) => request.session.id)).toBe(id);
  });

  it('is another one after every login, and after regenerate(), which the requests that follow see as well', async () => {
    const { client, id } = await visitor();
    const seen = [id];
    for (const changes of ['ada', 'ada', 'bob', null]) {
      const [after, own] = await result(client, async (request, session) => {
        if (changes === null) await regenerated(request);
        else await session.login(changes);
        request.session['form'] = true;
        return [request.session.id, session.id];
      });
      expect([String(after).split('.')[0], await result(client, (request) => request.session.id)]).toEqual([
        own,
        after,
      ]);
      seen.push(after as string);
    }
    expect(new Set(seen).size).toBe(5);
  });

  it('is another one after a login that begins the session, too', async () => {
    const client = started.app.client();
    const [before, after] = await result(client, async (request, session) => {
      const { id } = request.session;
      await session.login('ada');
      return [id, request.session.id];
    });
    expect(after).not.toBe(before);
    expect(await result(client, (request) => request.session.id)).toBe(after);
    expect(await started.app.sessions.revoke(after as string)).toBe(true);
  });

  it('is the id of a session that was taken over from express-session, until the next login', async () => {
    const client = started.app.client();
    await client.jar.setCookie(`connect.sid=${encodeURIComponent(`s:${sign('ada', OLD_SECRET)}`)}`, started.app.url);
    const seen = async () => result(client, (request, session) => [session.userId, session.id, request.session.id]);
    const [userId, own, id] = await seen();
    expect([userId, id, await seen()]).toEqual(['ada', own, ['ada', own, own]]);
    await result(client, (_request, session) => session.login('ada'));
    expect((await seen())[2]).not.toBe(id);
  });
}
