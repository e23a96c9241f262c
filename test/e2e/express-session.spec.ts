import { describe, expect, it } from '@jest/globals';
import { BadRequestException } from '@nestjs/common';
import { inspect } from 'node:util';
import { sessionMiddleware } from 'nestjs-mikro-session';
import type { Client } from '../support/client.js';
import { idOf, result, work } from '../support/express-session.js';
import { useApp } from '../support/fixture.js';
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
});
