import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ConsoleLogger } from '@nestjs/common';
import type { Session } from 'nestjs-mikro-session';
import { startApp, type TestApp, useApp } from '../../support/app.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { PLATFORMS } from '../../support/platform.js';
import { inHandler, signal, tryVisit, visit } from '../../support/probe.js';
import { statements } from '../../support/statements.js';

const MEGABYTE = 1024 * 1024;

describe.each(PLATFORMS)('On %s, the lesson of', (platform) => {
  const fixture = useApp({ platform });
  const newClient = () => fixture.app.client();
  const forged = () => `session_id=${crypto.randomUUID().replace(/^(.{14})./, '$17')}.${'A'.repeat(43)}`;

  it('CVE-2015-5143, CVE-2015-5963 (Django): requests with ids that name nothing leave no rows, whatever is done that stores nothing', async () => {
    const before = await fixture.rows();
    const handlers: ((session: Session) => unknown)[] = [
      (session) => session.get('cart') ?? null,
      (session) => session.logout(),
      (session) => session.destroy(),
      (session) => session.clear(),
      (session) => session.set('a', 1).delete('a'),
      (session) => session.flashes(),
      (session) => session.touch(),
      (session) => session.save(),
    ];
    for (const handler of handlers) {
      const replies = await Promise.all(
        Array.from({ length: 5 }, () =>
          visit(newClient(), async (session) => void (await handler(session)), { cookie: forged() }),
        ),
      );
      for (const { status, setCookies } of replies) {
        expect(status).toBeLessThan(300);
        expect(setCookies.filter((line) => !line.startsWith('session_id=;'))).toEqual([]);
      }
    }
    expect(await fixture.rows()).toBe(before);
  });

  it('CVE-2015-3982 (Django): who has left a session has none, and not one that is the same for all who have', async () => {
    const ended = [];
    for (const user of ['ada', 'grace']) {
      const client = newClient();
      await visit(client, (session) => session.login(user));
      const old = await inHandler(client, (session) => session.id);
      await visit(client, async (session) => {
        await session.logout();
        session.flash('info', `Good bye, ${user}`);
      });
      const id = await inHandler(client, (session) => session.id);
      expect(id).toMatch(/^[\da-f-]{36}$/);
      ended.push({ client, id, old });
    }
    expect(new Set(ended.flatMap(({ id, old }) => [id, old])).size).toBe(4);
    const nil = '00000000-0000-7000-8000-000000000000';
    for (const value of ['', '.', 'null', 'undefined', `${nil}.`, `.${'A'.repeat(43)}`, `${nil}.${'A'.repeat(43)}`]) {
      const seen = await inHandler(newClient(), (session) => [session.isNew, session.userId, session.keys()], {
        cookie: `session_id=${value}`,
      });
      expect(seen).toEqual([true, null, []]);
    }
  });

  it('CVE-2016-4423 (Symfony): a name of megabytes, as a form for signing in may send it, is stored nowhere, and its visitor stays', async () => {
    const client = newClient();
    await visit(client, (session) => session.set('cart', ['book']) && undefined);
    const huge = 'x'.repeat(5 * MEGABYTE);
    for (const attack of [
      (session: Session) => session.set('lastName', huge) && undefined,
      (session: Session) => session.push('names', huge) && undefined,
      (session: Session) => session.flash('error', `No such user: ${huge}`),
      (session: Session) => session.login(huge),
      (session: Session) => session.login('ada', { name: huge }),
      (session: Session) => session.set(huge, 1) && undefined,
    ]) {
      const { status, text } = await tryVisit(client, attack as never);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(text.length).toBeLessThan(500);
    }
    const [row] = await fixture.database.query('select max(pg_column_size(sessions.*))::int as size from sessions');
    expect(row?.['size']).toBeLessThan(10_000);
    expect(await inHandler(client, (session) => [session.userId, session.get('cart')])).toEqual([null, ['book']]);
    const cookie = `session_id=${'A'.repeat(7_000)}`;
    expect(await statements(fixture.app, () => visit(newClient(), (session) => session.isNew, { cookie }))).toBe(0);
  });

  it('CVE-2021-22112 (Spring Security): what a request changes a second time, after it was stored, is stored as well', async () => {
    const client = newClient();
    await visit(client, async (session) => {
      await session.login('ada', { roles: ['admin'] });
      session.set('n', 1);
      await session.save();
      // For the moment that took: no longer.
      await session.login('ada', { roles: [] });
      session.set('n', 2);
      await session.save();
      session.set('n', 3);
    });
    const seen = await inHandler(client, (session) => [session.avatar.hasRole('admin'), session.get('n')]);
    expect(seen).toEqual([false, 3]);
  });

  it('CVE-2023-20862 (Spring Security): a session that was emptied and saved is empty, and one that was left is nobody’s, also for requests under way', async () => {
    const client = newClient();
    await visit(client, (session) => session.set('cart', ['book']).login('ada', { roles: ['admin'] }));
    const [cookie, begun, goOn] = [await client.cookie(), signal(), signal()];
    const underWay = tryVisit(
      newClient(),
      async (session) => {
        begun.reach();
        await goOn.reached;
        session.set('cart', ['again']);
      },
      { cookie },
    );
    await begun.reached;
    await visit(client, async (session) => {
      session.clear();
      await session.save();
    });
    expect(await inHandler(client, (session) => session.keys())).toEqual([]);
    await visit(client, async (session) => {
      await session.logout();
      await session.save();
    });
    goOn.reach();
    expect((await underWay).status).toBe(401);
    expect(await inHandler(newClient(), ({ userId, isNew }) => [userId, isNew], { cookie })).toEqual([null, true]);
  });

  it('CVE-2020-9484, CVE-2025-24813 (Tomcat), CVE-2018-15133 (Laravel): what another hand has put into a row is data, and runs nothing', async () => {
    const client = newClient();
    await visit(client, (session) => session.login('ada', { roles: ['reader'] }));
    const id = await inHandler(client, (session) => session.id);
    const planted = `{"__proto__": {"isAdmin": true, "roles": ["admin"]}, "constructor": {"prototype": {"isAdmin": true}},
      "toJSON": "x", "then": "x", "code": "_$$ND_FUNC$$_function(){ globalThis.hasRun = true }()",
      "php": "O:8:\\"Evil\\":1:{s:3:\\"cmd\\";s:2:\\"id\\";}"}`;
    await fixture.database.query('update sessions set data = $1::jsonb, auth = $1::jsonb where id = $2', [planted, id]);
    const seen = await inHandler(client, async (session) => {
      session.set('own', true).increment('n');
      await session.update((data) => void (data['more'] = { ...data }));
      return {
        code: session.get('code'),
        admin: [session.avatar.hasRole('admin'), (session.data as { isAdmin?: unknown }).isAdmin],
        auth: Object.getPrototypeOf(session.auth) === Object.prototype,
      };
    });
    expect(seen).toMatchObject({
      code: expect.stringContaining('ND_FUNC'),
      admin: [false, undefined],
      auth: true,
    });
    expect([({} as { isAdmin?: unknown }).isAdmin, (globalThis as { hasRun?: unknown }).hasRun]).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe('The lesson of', () => {
  let database: TestDatabase;
  const apps: TestApp[] = [];
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(async () => {
    for (const app of apps) await app.close();
    await database.drop();
  });
  const start = async (definition: Parameters<typeof startApp>[1]): Promise<TestApp> => {
    const app = await startApp(database, definition);
    apps.push(app);
    return app;
  };
  const userOf = (app: TestApp, cookie: string) => inHandler(app.client(), (session) => session.userId, { cookie });

  it('CVE-2021-34428 (Jetty): a listener that fails keeps no session from ending', async () => {
    const app = await start({});
    app.sessions.events.subscribe(() => {
      throw new Error('The listener fails.');
    });
    app.sessions.events.subscribe(() => Promise.reject(new Error('It does so later.')) as never);
    const ends: ((id: string, cookie: string) => Promise<unknown>)[] = [
      (_, cookie) => visit(app.client(), (session) => session.logout(), { cookie }),
      (_, cookie) => visit(app.client(), (session) => session.destroy(), { cookie }),
      (id) => app.sessions.revoke(id),
      () => app.sessions.revokeAllForUser('ada'),
      () => app.sessions.revokeAll(),
    ];
    for (const end of ends) {
      const { session, cookie } = await app.sessions.create({ userId: 'ada' });
      expect(await userOf(app, cookie)).toBe('ada');
      await end(session.id, cookie);
      expect(await userOf(app, cookie)).toBeNull();
      expect(await database.query('select from sessions where id = $1', [session.id])).toEqual([]);
    }
    expect(app.lines.some((line) => line.includes('subscriber'))).toBe(true);
  });

  it.each(PLATFORMS)(
    'CVE-2023-20866 (Spring Session): no output has a credential that travels in a header, at any level, on %s',
    async (platform) => {
      let output = '';
      const spies = [process.stdout, process.stderr].map((stream) =>
        jest.spyOn(stream, 'write').mockImplementation((chunk) => {
          output += String(chunk);
          return true;
        }),
      );
      const credentials = new Set<string>();
      try {
        const app = await start({
          platform,
          options: { transport: 'header' },
          prepare: (nest) =>
            nest.useLogger(new ConsoleLogger({ logLevels: ['verbose', 'debug', 'log', 'warn', 'error'] })),
        });
        const send = async (handler: (session: Session) => unknown, token?: string): Promise<string> => {
          const reply = await tryVisit(app.client(), handler, token === undefined ? {} : { 'x-session-token': token });
          const given = reply.headers.get('x-session-token') ?? token ?? '';
          credentials.add(given);
          return given;
        };
        const first = await send((session) => session.login('ada'));
        const second = await send((session) => session.regenerate(), first);
        await send(() => {
          throw new Error('The handler fails.');
        }, second);
        await send((session) => session.set('wrong', () => {}) && undefined, second);
        await send((session) => session.userId, `${second.slice(0, -3)}AAA`);
        await database.query(`update sessions set data = '[]'`);
        await send((session) => session.userId, second);
        await send((session) => session.logout(), second);
      } finally {
        for (const spy of spies) spy.mockRestore();
      }
      expect(output).toMatch(/The handler fails/);
      const secrets = [...credentials].flatMap((credential) => credential.split('.')[1] ?? []);
      expect(secrets.length).toBeGreaterThanOrEqual(3);
      expect(secrets.filter((secret) => output.includes(secret))).toEqual([]);
    },
  );

  it('GHSA-xg6x-h9c9-2m83 (better-auth): a cached session does not outlive the second factor that it lacks', async () => {
    const [one, two] = [await start({ options: { cache: true } }), await start({ options: { cache: true } })];
    const client = one.client();
    // The password was right, and then a second factor is asked for: until it is given nobody is signed in.
    await visit(client, (session) => session.login('ada', { roles: ['admin'] }));
    const afterPassword = await client.cookie();
    for (const app of [one, two])
      for (let time = 0; time < 3; time++) expect(await userOf(app, afterPassword)).toBe('ada');
    await visit(client, async (session) => {
      await session.logout();
      session.set('pending', 'ada');
    });
    expect(await userOf(one, afterPassword)).toBeNull();
    expect(await inHandler(client, (session) => [session.userId, session.get('pending')])).toEqual([null, 'ada']);
    // As soon as the other process has heard of it.
    while ((await userOf(two, afterPassword)) !== null);
    await visit(client, (session) => session.login('ada'));
    const afterBoth = await client.cookie();
    for (const app of [one, two])
      expect([await userOf(app, afterPassword), await userOf(app, afterBoth)]).toEqual([null, 'ada']);
  });
});
