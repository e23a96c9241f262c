import { describe, expect, it } from '@jest/globals';
import { type Session, type SessionEvent, SessionGoneError, sessionMiddleware } from 'nestjs-mikro-session';
import type { Client } from '../support/client.js';
import { idOf, regenerated, type Requested, result, saved, work, type Work } from '../support/express-session.js';
import { useApp } from '../support/app.js';
import { inHandler, signal, visit } from '../support/probe.js';

describe('regenerate(callback) on request.session starts over', () => {
  const fixture = useApp({ prepare: (app) => app.use(sessionMiddleware(app)) });
  const client = () => fixture.app.client();
  const dataOf = async (visitor: Client) => (await fixture.row(await idOf(visitor)))['data'];

  const signedIn = async () => {
    const visitor = client();
    await work(visitor, async (request, session) => {
      request.session['cart'] = ['book'];
      await session.login('ada');
    });
    return { visitor, cookie: await visitor.cookie() };
  };

  it('with a new credential, no data and nobody signed in; the old credential is dead at once', async () => {
    const { visitor, cookie } = await signedIn();
    const meanwhile = await result(visitor, async (request, live) => {
      await regenerated(request);
      const seen = await inHandler(client(), (session) => [session.userId, session.keys()], { cookie });
      Object.assign(request.session, { fresh: 1 });
      return [seen, live.userId, live.authenticatedAt, Object.keys(request.session)];
    });
    expect(meanwhile).toEqual([[null, []], null, null, ['fresh']]);
    expect(await visitor.cookie()).not.toBe(cookie);
    expect(await fixture.row(await idOf(visitor))).toMatchObject({ user_id: null, auth: null, data: { fresh: 1 } });
    const late = await visit(client(), (session) => session.set('late', 1), { cookie });
    expect(late).toMatchObject({ status: 401, setCookies: [] });
  });

  it('also where a getter on the data throws, as a callback is given what is wrong', async () => {
    const { visitor } = await signedIn();
    const seen = await result(visitor, async (request, session) => {
      const get = (): never => {
        throw new Error('of the application');
      };
      Object.defineProperty(session.data, 'bad', { get, enumerable: true, configurable: true });
      const before = request.session;
      await regenerated(request);
      return [before['cart'], session.userId, session.keys()];
    });
    expect(seen).toEqual([['book'], null, []]);
  });

  it('in another object: the old one keeps what it had, and is connected with nothing', async () => {
    const { visitor } = await signedIn();
    const seen = await result(visitor, async (request) => {
      const before = request.session;
      await regenerated(request);
      before['late'] = 1;
      return [before === request.session, { ...before }, { ...request.session }];
    });
    expect(seen).toEqual([false, { cart: ['book'], late: 1 }, {}]);
  });

  it.each(['save', 'reload', 'destroy', 'regenerate'] as const)(
    'so that %s() of the old one does nothing, and says so',
    async (method) => {
      const { visitor } = await signedIn();
      const errors = await result(visitor, async (request) => {
        const before = request.session;
        await regenerated(request);
        request.session['fresh'] = 1;
        before.touch().resetMaxAge();
        return [
          await new Promise((resolve) => before[method](resolve)),
          await before[method]().catch((error: unknown) => error),
        ];
      });
      expect(errors).toEqual([expect.any(SessionGoneError), expect.any(SessionGoneError)]);
      expect(await dataOf(visitor)).toEqual({ fresh: 1 });
    },
  );

  it('under another id, which begins with the one that lists and revoke() know', async () => {
    const { visitor } = await signedIn();
    const [before, after, live] = await result(visitor, async (request, session) => {
      const { id } = request.session;
      await regenerated(request);
      request.session['fresh'] = 1;
      return [id, request.session.id, session.id];
    });
    expect(after).not.toBe(before);
    expect([before, after].map((id) => String(id).split('.')[0])).toEqual([live, live]);
    expect(await fixture.app.sessions.revoke(after as string)).toBe(true);
  });

  it('and ends the session if nothing comes: no row, no cookie', async () => {
    const { visitor } = await signedIn();
    const id = await idOf(visitor);
    const events: SessionEvent[] = [];
    const watching = fixture.app.sessions.events.subscribe((event) => events.push(event));
    await work(visitor, regenerated);
    watching.unsubscribe();
    expect(await visitor.cookie()).toBe('');
    await expect(fixture.row(id)).rejects.toThrow('found 0');
    const of = events.filter(({ sessionId }) => sessionId === id).map(({ type, userId }) => [type, userId]);
    expect(of).toEqual([
      ['loaded', 'ada'],
      ['rotated', null],
      ['logout', 'ada'],
      ['destroyed', null],
    ]);
  });

  it('keeps the new session if something came and was stored, even if it has gone again', async () => {
    const { visitor } = await signedIn();
    await work(visitor, async (request) => {
      await regenerated(request);
      request.session['fresh'] = 1;
      await saved(request);
      delete request.session['fresh'];
    });
    expect((await fixture.row(await idOf(visitor)))['data']).toEqual({});
  });

  it('keeps the new session if something came by other ways', async () => {
    for (const way of [
      (session: Session) => void session.flash('info', 'Bye.'),
      (session: Session) => session.login('bob'),
      (session: Session) => session.update((data) => void (data['n'] = 1)),
    ]) {
      const { visitor } = await signedIn();
      await work(visitor, async (request, session) => {
        await regenerated(request);
        await way(session);
      });
      expect(await fixture.row(await idOf(visitor))).toBeDefined();
    }
  });

  it('in a request that came without a session, as with one', async () => {
    const visitor = client();
    const ids = await result(visitor, async (request) => {
      request.session['planted'] = 1;
      const { id } = request.session;
      await regenerated(request);
      request.session['fresh'] = 1;
      await saved(request);
      return [id, request.session.id];
    });
    expect(ids[0]).not.toBe(ids[1]);
    expect(await dataOf(visitor)).toEqual({ fresh: 1 });
  });

  it('in a request that came with the cookie from before, such as the second of a double click', async () => {
    const { visitor, cookie } = await signedIn();
    const restart: Work = async (request) => {
      await regenerated(request);
      request.session['fresh'] = 1;
    };
    await work(visitor, restart);
    const second = client();
    expect(await work(second, restart, { cookie })).toMatchObject({ status: 200, setCookies: [expect.any(String)] });
    expect(await idOf(second)).not.toBe(await idOf(visitor));
    expect(await dataOf(visitor)).toEqual({ fresh: 1 });
  });

  it('in a request that was told that its session has ended', async () => {
    const { visitor } = await signedIn();
    const reply = await work(visitor, async (request) => {
      await fixture.app.sessions.revoke(request.session.id);
      request.session['lost'] = 1;
      await saved(request).catch(() => regenerated(request));
      request.session['fresh'] = 1;
    });
    expect(reply.status).toBe(200);
    expect(await dataOf(visitor)).toEqual({ fresh: 1 });
  });

  it('twice in one request', async () => {
    const { visitor } = await signedIn();
    await work(visitor, async (request) => {
      await regenerated(request);
      request.session['first'] = 1;
      await saved(request);
      await regenerated(request);
      request.session['second'] = 1;
    });
    expect(await dataOf(visitor)).toEqual({ second: 1 });
  });

  it('with the timeout that the options give, whatever was set before', async () => {
    const { visitor } = await signedIn();
    await work(visitor, async (request, session) => {
      session.setTtl('7d');
      await regenerated(request);
      request.session['fresh'] = 1;
    });
    expect((await fixture.row(await idOf(visitor)))['ttl']).toBe(String(30 * 60_000));
  });

  it('twice at the same time, in parallel requests: each has a session of its own', async () => {
    const { visitor, cookie } = await signedIn();
    const both = signal();
    let count = 0;
    const login = async (request: Requested, name: string) => {
      if (++count === 2) both.reach();
      await both.reached;
      await regenerated(request);
      request.session['user'] = name;
      await saved(request);
    };
    const browsers = [client(), client()] as const;
    const replies = await Promise.all(
      browsers.map((browser, index) => work(browser, (request) => login(request, `user-${index}`), { cookie })),
    );
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(await Promise.all(browsers.map(dataOf))).toEqual([{ user: 'user-0' }, { user: 'user-1' }]);
    expect(await idOf(browsers[0])).not.toBe(await idOf(browsers[1]));
    expect(await visitor.cookie()).toBe(cookie);
  });

  it('and refuses what a request changes that was loaded before', async () => {
    const { visitor, cookie } = await signedIn();
    const loaded = signal();
    const restarted = signal();
    const late = work(
      client(),
      async ({ session }) => {
        loaded.reach();
        await restarted.reached;
        session['late'] = 1;
      },
      { cookie },
    );
    await loaded.reached;
    await work(visitor, async (request) => {
      await regenerated(request);
      request.session['fresh'] = 1;
    });
    restarted.reach();
    expect(await late).toMatchObject({ status: 401, setCookies: [] });
    expect(await dataOf(visitor)).toEqual({ fresh: 1 });
  });
});

describe('With saveUninitialized, regenerate(callback) on request.session', () => {
  const fixture = useApp({ options: { saveUninitialized: true }, prepare: (app) => app.use(sessionMiddleware(app)) });

  it('leaves an empty session, with a new credential', async () => {
    const visitor = fixture.app.client();
    await work(visitor, ({ session }) => (session['old'] = 1));
    const cookie = await visitor.cookie();
    await work(visitor, regenerated);
    expect(await visitor.cookie()).toMatch(/^session_id=/);
    expect(await visitor.cookie()).not.toBe(cookie);
    expect((await fixture.row(await idOf(visitor)))['data']).toEqual({});
  });
});
