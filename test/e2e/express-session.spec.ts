import { describe, expect, it } from '@jest/globals';
import { BadRequestException } from '@nestjs/common';
import { inspect } from 'node:util';
import { sessionMiddleware } from 'nestjs-mikro-session';
import type { Client } from '../support/client.js';
import { idOf, regenerated, result, saved, work } from '../support/express-session.js';
import { useApp } from '../support/app.js';
import { visit } from '../support/probe.js';

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

    it.each([
      ['__proto__', (session: any) => session['__proto__']],
      ['constructor', (session: any) => session['constructor']],
      ['constructor.prototype', (session: any) => session['constructor'].prototype],
      ['save', (session: any) => session['save']],
    ])('and what it inherits, its %s, takes nothing that other visitors would see', async (_path, of) => {
      const refused = await result(client(), ({ session }) => {
        try {
          of(session)['isAdmin'] = true;
          return null;
        } catch (error) {
          return (error as Error).name;
        }
      });
      expect(refused).toBe('TypeError');
      expect(await result(client(), ({ session }) => of(session).isAdmin)).toBeUndefined();
    });
  });

  describe('has the members of express-session, and no others', () => {
    const OURS = ['login', 'data', 'auth', 'avatar', 'update', 'isNew', 'userId', 'get', 'set', 'flash', 'toJSON'];

    it('so that what our own session has more is nothing there, to strangers too', async () => {
      const seen = await result(client(), ({ session }) => OURS.map((key) => [session[key], key in session]));
      expect(seen).toEqual(OURS.map(() => [undefined, false]));
    });

    it.each(OURS)('so that "%s" is a key of the data like any other', async (key) => {
      const visitor = client();
      await work(visitor, ({ session }) => (session[key] = true));
      expect(await dataOf(visitor)).toEqual({ [key]: true });
      const seen = await result(visitor, ({ session }) => [session[key], Object.keys(session), delete session[key]]);
      expect(seen).toEqual([true, [key], true]);
      expect(await dataOf(visitor)).toEqual({});
    });

    it('on the prototype, where libraries look for them, and not among the keys', async () => {
      const seen = await result(client(), ({ session }) =>
        ['save', 'reload', 'regenerate', 'destroy', 'touch', 'resetMaxAge'].map((name) => [
          typeof (Object.getPrototypeOf(session) as Record<string, unknown>)[name],
          typeof session[name],
          name in session,
        ]),
      );
      expect(seen).toEqual(seen.map(() => ['function', 'function', true]));
    });

    it('which work when they are called as the prototype’s', async () => {
      const visitor = client();
      const outcome = await result(visitor, ({ session }) => {
        session['views'] = 1;
        const { save } = Object.getPrototypeOf(session) as { save: Function };
        return new Promise((resolve) => save.call(session, resolve));
      });
      expect(outcome).toBeUndefined();
      expect(await dataOf(visitor)).toEqual({ views: 1 });
    });

    it('which cannot be assigned by mistake', async () => {
      const attempts = await result(client(), ({ session }) =>
        ['id', 'save', 'cookie'].map((key) => {
          try {
            Object.assign(session, { [key]: 7 });
            return 'assigned';
          } catch (error) {
            return String(error);
          }
        }),
      );
      expect(attempts[0]).toMatch(/^SessionArgumentError: request\.session\.id .* under another key\.$/);
      expect(attempts[1]).toMatch(/^SessionArgumentError: request\.session\.save/);
      expect(attempts[2]).toMatch(/^SessionArgumentError: request\.session\.cookie .* Set its maxAge, or expires\.$/);
    });

    it('and request.sessionID, which is the session’s id', async () => {
      const seen = await result(client(), (request) => [
        (request as unknown as { sessionID: string }).sessionID === request.session.id,
        'sessionID' in request,
      ]);
      expect(seen).toEqual([true, true]);
    });
  });

  describe('stores what JSON makes of a value', () => {
    class User {
      readonly since = new Date(0);
      readonly secret = (): string => 'secret';
      constructor(readonly name: string) {}
    }

    it('at any depth, whoever put it there', async () => {
      const visitor = client();
      await work(visitor, ({ session }) => {
        session['at'] = new Date(0);
        session['passport'] = {};
        session['passport'].user = new User('ada');
        session['list'] = [undefined, Number.NaN, new Map([[1, 2]]), () => 1];
        session['fn'] = () => 1;
        session['none'] = undefined;
        Object.defineProperty(session, 'defined', {
          value: new URL('http://a.example/'),
          configurable: true,
          enumerable: true,
          writable: true,
        });
      });
      const since = new Date(0).toISOString();
      expect(await dataOf(visitor)).toEqual({
        at: since,
        passport: { user: { name: 'ada', since } },
        list: [null, null, {}, null],
        defined: 'http://a.example/',
      });
    });

    it('and leaves the value as it is until the request ends', async () => {
      const seen = await result(client(), async (request) => {
        request.session['user'] = new User('ada');
        await saved(request);
        return [request.session['user'] instanceof User, request.session['user'].since instanceof Date];
      });
      expect(seen).toEqual([true, true]);
    });

    it('writes it once, and not again with every save of the request', async () => {
      const visitor = client();
      const modified = await result(visitor, async (request, live) => {
        request.session['at'] = new Date(0);
        await saved(request);
        return live.isModified;
      });
      expect(modified).toBe(false);
    });

    it('but what it cannot say either is refused, and so is what our own API is given', async () => {
      const cycle: Record<string, unknown> = {};
      cycle['self'] = cycle;
      for (const [key, value] of Object.entries({ cycle, big: 1n })) {
        expect(await work(client(), ({ session }) => (session[key] = value))).toMatchObject({ status: 500 });
      }
      const strict = await work(client(), (_request, live) => live.set('at', new Date(0) as never));
      expect(strict).toMatchObject({ status: 500, setCookies: [] });
    });
  });

  describe('has a cookie', () => {
    const DAY = 86_400_000;

    it('that tells when the session ends', async () => {
      const visitor = client();
      await visit(visitor, (session) => session.set('a', 1));
      const seen = await result(visitor, ({ session: { cookie } }, live) => ({
        originalMaxAge: cookie.originalMaxAge,
        isLater: cookie.expires.getTime() === live.expiresAt.getTime(),
        isLeft: cookie.maxAge > 29 * 60_000 && cookie.maxAge <= 30 * 60_000,
        fixed: [cookie.path, cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.domain, cookie.signed],
      }));
      expect(seen).toEqual({
        originalMaxAge: 30 * 60_000,
        isLater: true,
        isLeft: true,
        fixed: ['/', true, 'auto', 'lax', undefined, false],
      });
    });

    it.each([
      ['maxAge', 30 * DAY],
      ['maxAge as a Date', new Date(Date.now() + 30 * DAY)],
      ['expires', new Date(Date.now() + 30 * DAY)],
    ])('whose %s, when set, is how long the session lives', async (name, value) => {
      const visitor = client();
      const reply = await work(visitor, ({ session }) => {
        session['remembered'] = true;
        (session.cookie as any)[name.split(' ')[0] as string] = value;
      });
      const { ttl } = await fixture.row(await idOf(visitor));
      expect(Math.abs(Number(ttl) - 30 * DAY)).toBeLessThan(60_000);
      expect(reply.setCookies[0]).toMatch(/Max-Age=2592000|Max-Age=25919\d\d/);
    });

    it.each([
      ['save', saved],
      ['regenerate', regenerated],
    ])('whose maxAge, when set after %s(), is how long the new cookie lives as well', async (_begin, begun) => {
      const reply = await work(client(), async (request) => {
        request.session['before'] = true;
        await begun(request);
        request.session['after'] = true;
        request.session.cookie.maxAge = 30 * DAY;
      });
      expect(reply.setCookies).toEqual([expect.stringMatching(/Max-Age=2592000|Max-Age=25919\d\d/)]);
    });

    it.each([null, false, undefined])('whose maxAge or expires of %s is the default again', async (none) => {
      const visitor = client();
      await work(visitor, ({ session }, live) => {
        live.setTtl('30d');
        session['a'] = 1;
      });
      await work(visitor, ({ session }) => ((session.cookie as any).expires = none));
      expect(await fixture.row(await idOf(visitor))).toMatchObject({ ttl: String(30 * 60_000) });
      expect(await result(visitor, ({ session }) => session.cookie.originalMaxAge)).toBe(30 * 60_000);
    });

    it.each(['path', 'domain', 'httpOnly', 'secure', 'sameSite', 'signed', 'originalMaxAge', 'unknown'])(
      'whose %s cannot be set: it would be lost',
      async (name) => {
        const error = await result(client(), ({ session }) => {
          try {
            (session.cookie as any)[name] = 'x';
            return 'set';
          } catch (thrown) {
            return String(thrown);
          }
        });
        expect(error).toMatch(/Error: /);
      },
    );
  });

  describe('= null', () => {
    it('ends the session, and is null from then on', async () => {
      const visitor = client();
      await work(visitor, ({ session }) => (session['a'] = 1));
      const reply = await work(visitor, (request) => {
        request.session = null as never;
        if (request.session !== null) throw new Error('It is there.');
      });
      expect(reply).toMatchObject({ status: 200, setCookies: [expect.stringMatching(/^session_id=; Max-Age=0/)] });
      expect(await visitor.cookie()).toBe('');
    });

    it('is 503 where the session cannot be ended', async () => {
      const visitor = client();
      await work(visitor, ({ session }) => (session['a'] = 1));
      const held = await fixture.database.hold('lock table sessions in share mode');
      const reply = await work(visitor, (request) => void (request.session = null as never));
      await held.release();
      expect(reply).toMatchObject({ status: 503, setCookies: [] });
      expect(await dataOf(visitor)).toEqual({ a: 1 });
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
});
