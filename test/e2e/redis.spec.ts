import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type SessionEvent, SessionModule, type SessionModuleOptions } from 'nestjs-mikro-session';
import { redisSessionStore } from 'nestjs-mikro-session/redis';
import { startApp, type TestApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { answered, inHandler, signal, tryVisit, visit } from '../support/probe.js';
import { startRedisCluster, type TestRedisCluster, until } from '../support/redis-cluster.js';
import { describeWithRedis } from '../support/describe-with-redis.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const key = randomBytes(32);

describeWithRedis('An application with sessions in a Redis Cluster', () => {
  let redis: TestRedisCluster;
  beforeAll(async () => {
    redis = await startRedisCluster();
  });
  afterAll(() => redis.stop());

  const start = (platform: (typeof PLATFORMS)[number], options: SessionModuleOptions = {}): Promise<TestApp> => {
    const store = redisSessionStore({ nodes: redis.urls });
    return startApp(null, { platform, session: SessionModule.forRoot({ queryTimeout: '10s', ...options, store }) });
  };

  describe.each(PLATFORMS.flatMap((platform) => [false, true].map((isEncrypted) => ({ platform, isEncrypted }))))(
    'on $platform, encrypted: $isEncrypted,',
    ({ platform, isEncrypted }) => {
      let app: TestApp;
      const events: SessionEvent[] = [];
      beforeAll(async () => {
        app = await start(platform, { maxSessionsPerUser: 2, ...(isEncrypted && { encryption: { keys: [key] } }) });
        app.sessions.events.subscribe((event) => events.push(event));
      });
      beforeEach(async () => {
        events.length = 0;
        await redis.clear();
      });
      afterAll(() => app.close());
      const told = (type: SessionEvent['type']) => events.filter((event) => event.type === type).length;

      it('says at start where sessions are', () => {
        expect(app.lines.join('\n')).toContain(
          'store: Redis Cluster of 3 primaries, keys session:*, logins confirmed by 1 replica',
        );
      });

      it('keeps what a visitor writes, and has no row for one who writes nothing', async () => {
        const client = app.client();
        await answered(client, (session) => session.get('cart' as never));
        expect(await app.sessions.count()).toBe(0);
        await answered(client, (session) => void session.set('cart.items' as never, ['book'] as never));
        expect(await inHandler(client, (session) => session.toJSON())).toEqual({ cart: { items: ['book'] } });
        expect(await app.sessions.count()).toBe(1);
      });

      it('signs a user in with a new credential, and out for good', async () => {
        const client = app.client();
        await answered(client, (session) => void session.set('cart' as never, 1 as never));
        const before = await client.cookie();
        await answered(client, (session) => session.login('ada', { roles: ['admin'] }));
        expect(await client.cookie()).not.toBe(before);
        const seen = await inHandler(client, (session) => [session.userId, session.auth, session.toJSON()]);
        expect(seen).toEqual(['ada', { roles: ['admin'] }, { cart: 1 }]);
        const stolen = { cookie: await client.cookie() };
        expect(await inHandler(app.client(), (session) => session.userId, stolen)).toBe('ada');
        await answered(client, (session) => session.logout());
        expect(await inHandler(app.client(), (session) => session.userId, stolen)).toBeNull();
        expect(await app.sessions.count()).toBe(0);
        expect([told('login'), told('logout')]).toEqual([1, 1]);
      });

      it('loses no write of requests that run at the same time', async () => {
        const client = app.client();
        await answered(client, (session) => void session.set('n' as never, 0 as never));
        await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            answered(client, async (session) => {
              session.increment('n' as never);
              session.push('list' as never, index as never);
              session.set(`k${index}` as never, index as never);
              if (index % 5 === 0) await session.update((data: any) => void (data.sum = (data.sum ?? 0) + 1));
            }),
          ),
        );
        const data = (await inHandler(client, (session) => session.toJSON())) as Record<string, any>;
        expect([data['n'], new Set(data['list']).size, data['sum'], Object.keys(data).length]).toEqual([20, 20, 4, 23]);
      });

      it('refuses a late write of a request whose session has ended meanwhile', async () => {
        const client = app.client();
        await answered(client, (session) => session.login('ada'));
        const [begun, ended] = [signal(), signal()];
        const late = tryVisit(client, async (session) => {
          session.set('late' as never, 1 as never);
          begun.reach();
          await ended.reached;
        });
        await begun.reached;
        await app.sessions.revokeAllForUser('ada');
        ended.reach();
        expect((await late).status).toBe(401);
        expect(await app.sessions.count()).toBe(0);
      });

      it('gives a new credential on demand, and recognises the one before for a moment', async () => {
        const client = app.client();
        await answered(client, (session) => void session.set('a' as never, 1 as never));
        const before = { cookie: await client.cookie() };
        await answered(client, (session) => session.regenerate());
        expect(await client.cookie()).not.toBe(before.cookie);
        for (const headers of [{}, before]) {
          expect(await inHandler(client, (session) => session.get('a' as never), headers)).toBe(1);
        }
      });

      it('shows a flash message once', async () => {
        const client = app.client();
        await answered(client, (session) => void session.flash('info', 'saved'));
        const flashes = (session: any) => session.flashes().map(({ message }: any) => message);
        expect(await inHandler(client, flashes)).toEqual(['saved']);
        expect(await inHandler(client, flashes)).toEqual([]);
      });

      it('lists a user’s sessions, ends the oldest beyond the limit, and one or all on demand', async () => {
        const clients = [app.client(), app.client(), app.client()];
        for (const client of clients) await answered(client, (session) => session.login('ada'));
        await until(async () => (await app.sessions.count()) === 2);
        expect(told('revoked')).toBe(1);
        const [newest, older] = [...clients].reverse();
        expect(await inHandler(clients[0] as never, (session) => session.userId)).toBeNull();
        const listed = await app.sessions.listForUser('ada');
        expect(listed).toHaveLength(2);
        const own = await inHandler(newest as never, (session) => session.id);
        await app.sessions.revokeAllForUser('ada', { except: own as string });
        expect(await inHandler(older as never, (session) => session.userId)).toBeNull();
        expect(await inHandler(newest as never, (session) => session.userId)).toBe('ada');
        await app.sessions.revoke(own as string);
        expect(await inHandler(newest as never, (session) => session.userId)).toBeNull();
      });

      it('tells of what has expired, and ends all on demand', async () => {
        const [idle, other] = [app.client(), app.client()];
        await answered(idle, async (session) => {
          session.set('a' as never, 1 as never);
          session.setTtl(1);
        });
        await answered(other, (session) => void session.set('a' as never, 1 as never));
        await until(async () => (await app.sessions.purgeExpired()) === 1 || told('expired') === 1);
        expect(told('expired')).toBe(1);
        expect(await app.sessions.count()).toBe(1);
        expect(await app.sessions.revokeAll()).toBe(1);
        expect(await inHandler(other, (session) => session.isNew)).toBe(true);
      });
    },
  );

  it('keeps the names of users’ data readable, and nothing else, where it is encrypted', async () => {
    await redis.clear();
    const app = await start('Express', { encryption: { keys: [key] } });
    await answered(app.client(), (session) => {
      session.set('card' as never, '4111' as never);
      return session.login('ada', { roles: ['root'] });
    });
    const dumps: string[] = [];
    for (const node of redis.primaries) {
      for (const name of await node.command<string[]>('KEYS', 'session:s:*')) {
        dumps.push(JSON.stringify(await node.command('HGETALL', name)));
      }
    }
    await app.close();
    expect(dumps).toHaveLength(1);
    expect(dumps[0]).toContain('card');
    expect(dumps[0]).not.toMatch(/4111|root/);
  });
});

describeWithRedis('An application whose Redis does not answer', () => {
  let redis: RedisServer;
  let app: TestApp;
  beforeAll(async () => {
    redis = await startRedis();
    const store = redisSessionStore({ nodes: [redis.url] });
    app = await startApp(null, { session: SessionModule.forRoot({ queryTimeout: '300ms', store }) });
  });
  afterAll(async () => {
    await app.close();
    await redis.stop();
  });

  it('answers 503 in time, and recovers by itself', async () => {
    const client = app.client();
    await visit(client, (session) => void session.set('a' as never, 1 as never));
    redis.process.kill('SIGSTOP');
    const begun = performance.now();
    const reply = await tryVisit(client, (session) => session.get('a' as never));
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '1']);
    expect(performance.now() - begun).toBeLessThan(5_000);
    // A visitor without a cookie is none of Redis's business.
    expect((await tryVisit(app.client(), (session) => session.get('a' as never))).status).toBeLessThan(300);
    redis.process.kill('SIGCONT');
    await until(async () => (await tryVisit(client, () => {})).status < 300);
    expect(await inHandler(client, (session) => session.get('a' as never))).toBe(1);
  });
});
