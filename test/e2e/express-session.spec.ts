import { describe, expect, it } from '@jest/globals';
import { BadRequestException } from '@nestjs/common';
import { inspect } from 'node:util';
import { type ExpressSession, type Session, sessionMiddleware, type SessionEvent } from 'nestjs-mikro-session';
import type { Client, Reply } from '../support/client.js';
import { useApp } from '../support/fixture.js';
import { inHandler, signal, visit } from '../support/probe.js';

interface Requested {
  session: ExpressSession;
}

/** Runs in a handler, with `request.session` at hand: asked for anew each time, as it may be replaced. */
type Work = (request: Requested, session: Session) => unknown;

const work = (client: Client, handler: Work, headers?: Record<string, string>): Promise<Reply> =>
  visit(client, (session, request) => handler(request as unknown as Requested, session), headers);

async function result<Result>(client: Client, handler: (request: Requested, session: Session) => Result) {
  return inHandler(client, (session, request) => handler(request as unknown as Requested, session));
}

/** Calls a method that takes a callback, and waits for it. */
const called = (method: (callback: (error?: Error) => void) => void) =>
  new Promise<void>((resolve, reject) => method((error) => (error ? reject(error) : resolve())));

const regenerated = ({ session }: Requested) => called((callback) => session.regenerate(callback));
const saved = ({ session }: Requested) => called((callback) => session.save(callback));

const idOf = async (client: Client) => /session_id=([^.]+)/.exec(await client.cookie())?.[1] ?? 'none';

describe('request.session behind sessionMiddleware()', () => {
  const fixture = useApp({ prepare: (app) => app.use(sessionMiddleware(app)) });
  const client = () => fixture.app.client();
  const dataOf = async (visitor: Client) => (await fixture.row(await idOf(visitor)))['data'];

  describe('keeps its properties as the data', () => {
    it('written, changed in place, deleted, listed, looked for and merged', async () => {
      const visitor = client();
      await work(visitor, ({ session }) => {
        session['cart'] = { items: ['book'] };
        session['gone'] = 1;
        Object.assign(session, { views: 1, flash: { info: ['hello'] } });
      });
      const seen = await result(visitor, ({ session }, live) => {
        session['cart'].items.push('pen');
        delete session['gone'];
        session['views']++;
        const listed = [];
        for (const key in session) listed.push(key);
        return [listed.sort(), Object.keys(session).sort(), { ...session }, 'views' in session, 'gone' in session]
          .concat([session.hasOwnProperty('cart'), session['unknown'], live.data])
          .map((value) => structuredClone(value));
      });
      const data = { cart: { items: ['book', 'pen'] }, views: 2, flash: { info: ['hello'] } };
      const keys = ['cart', 'flash', 'views'];
      expect(seen).toEqual([keys, keys, data, true, false, true, undefined, data]);
      expect(await dataOf(visitor)).toEqual(data);
    });

    it('and shows the data to whoever prints it or makes JSON of it', async () => {
      const [printed, json] = await result(client(), ({ session }) => {
        session['views'] = 1;
        return [inspect(session), JSON.stringify(session)];
      });
      expect(printed).toMatch(/views: 1/);
      expect(json).toBe('{"views":1}');
    });

    it('whatever they are called: __proto__ is a key like any other, and pollutes nothing', async () => {
      const visitor = client();
      const text = '{"__proto__":{"polluted":true},"constructor":1}';
      const polluted = await result(visitor, ({ session }) => {
        Object.assign(session, JSON.parse(text));
        return [({} as any).polluted, session['polluted']];
      });
      expect(polluted).toEqual([undefined, undefined]);
      expect(JSON.stringify(await dataOf(visitor))).toBe(text);
    });
  });

  describe('has the members of the session', () => {
    it('which do the same as those that @Session() gives', async () => {
      const visitor = client();
      const seen = await result(visitor, async ({ session }, live) => {
        session.set('a.b', 1).increment('n', 2);
        await session.login('ada', { roles: ['admin'] });
        return [session.get('a.b'), session.userId, session.avatar.hasRole('admin'), session.id === live.id];
      });
      expect(seen).toEqual([1, 'ada', true, true]);
      expect(await fixture.row(await idOf(visitor))).toMatchObject({ user_id: 'ada', data: { a: { b: 1 }, n: 2 } });
    });

    it('which cannot be assigned by mistake', async () => {
      const attempts = await result(client(), ({ session }) =>
        ['userId', 'id', 'save'].map((key) => {
          try {
            Object.assign(session, { [key]: 7 });
            return 'assigned';
          } catch (error) {
            return String(error);
          }
        }),
      );
      expect(attempts[0]).toMatch(
        /^SessionArgumentError: request\.session\.userId .* or sign the user in with login\(\)/,
      );
      expect(attempts[1]).toMatch(/^SessionArgumentError: request\.session\.id .* under another key\.$/);
      expect(attempts[2]).toMatch(/^SessionArgumentError: request\.session\.save/);
    });

    it('which hide what the data has under their names, and leave it alone', async () => {
      const visitor = client();
      await visit(visitor, (session) => session.set('auth', 'mine').set('views', 1));
      const seen = await result(visitor, ({ session }) => [
        session.auth,
        Object.keys(session),
        delete (session as any).views,
      ]);
      expect(seen).toEqual([null, ['views'], true]);
      expect(await dataOf(visitor)).toEqual({ auth: 'mine' });
    });
  });

  describe('takes an empty "flash" for none', () => {
    it('so that asking for messages gives nobody a row or a cookie', async () => {
      const visitor = client();
      const reply = await work(visitor, (request) => {
        request.session['flash'] = request.session['flash'] ?? {};
        delete request.session['flash'].info;
      });
      expect(reply).toMatchObject({ status: 200, setCookies: [] });
    });

    it('nor does an exception in the same request', async () => {
      const reply = await work(client(), ({ session }) => {
        session['flash'] = {};
        throw new BadRequestException();
      });
      expect(reply).toMatchObject({ status: 400, setCookies: [] });
    });

    it('but loses nothing that comes into it late, or is no messages', async () => {
      const visitor = client();
      await work(visitor, ({ session }) => {
        const messages: Record<string, string[]> = (session['flash'] = {});
        messages['info'] = ['late'];
        session['other'] = {};
      });
      expect(await dataOf(visitor)).toEqual({ flash: { info: ['late'] }, other: {} });
    });
  });

  describe('starts over with regenerate(callback)', () => {
    const signedIn = async () => {
      const visitor = client();
      await work(visitor, async ({ session }) => {
        session['cart'] = ['book'];
        session.flashes();
        await session.login('ada');
      });
      return { visitor, cookie: await visitor.cookie() };
    };

    it('with a new credential, no data and nobody signed in; the old credential is dead at once', async () => {
      const { visitor, cookie } = await signedIn();
      const meanwhile = await result(visitor, async (request) => {
        await regenerated(request);
        const seen = await inHandler(client(), (session) => [session.userId, session.keys()], { cookie });
        Object.assign(request.session, { fresh: 1 });
        return [seen, request.session.userId, request.session.authenticatedAt, Object.keys(request.session)];
      });
      expect(meanwhile).toEqual([[null, []], null, null, ['fresh']]);
      expect(await visitor.cookie()).not.toBe(cookie);
      expect(await fixture.row(await idOf(visitor))).toMatchObject({ user_id: null, auth: null, data: { fresh: 1 } });
      const late = await visit(client(), (session) => session.set('late', 1), { cookie });
      expect(late).toMatchObject({ status: 401, setCookies: [] });
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

    it('keeps a timeout that setTtl() has given before', async () => {
      const { visitor } = await signedIn();
      await work(visitor, async (request) => {
        request.session.setTtl('7d');
        await regenerated(request);
        request.session['fresh'] = 1;
      });
      expect((await fixture.row(await idOf(visitor)))['ttl']).toBe(String(7 * 86_400_000));
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
