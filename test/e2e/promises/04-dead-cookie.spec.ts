import { describe, expect, it } from '@jest/globals';
import type { Session } from 'nestjs-mikro-session';
import { createSessionId, issueCredential } from '../../../lib/session/token.js';
import { useApp } from '../../support/app.js';
import { inHandler, signal, visit } from '../../support/probe.js';
import { statements } from '../../support/statements.js';

describe('Promise 4: a dead cookie is ignored, never erased', () => {
  const fixture = useApp();
  const deadCookie = async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    const cookie = await client.cookie();
    await fixture.app.sessions.revoke(id);
    return cookie;
  };

  it('treats the bearer of a dead cookie as a new visitor, and leaves the cookie alone', async () => {
    const reply = await visit(fixture.app.client(), (session) => [session.isNew, session.keys()], {
      cookie: await deadCookie(),
    });
    expect(reply).toMatchObject({ status: 200, json: [true, []], setCookies: [] });
  });

  it('leaves the cookie alone in the answer to a request that was overtaken by a login', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('cart', ['book']));
    const old = await client.cookie();
    const inside = signal();
    const goOn = signal();
    const slow = visit(
      client,
      async (session) => {
        inside.reach();
        await goOn.reached;
        return session.get('cart');
      },
      { cookie: old },
    );
    await inside.reached;
    await visit(client, (session) => session.login('alice'));
    goOn.reach();
    expect(await slow).toMatchObject({ status: 200, json: ['book'], setCookies: [] });
    expect(await inHandler(client, (session) => session.userId)).toBe('alice');
  });

  it('leaves the cookie alone in the answer to a request that comes with the old cookie right after a login', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('cart', ['book']));
    const old = await client.cookie();
    await visit(client, (session) => session.login('alice'));
    const reads = await visit(fixture.app.client(), (session) => [session.userId, session.keys()], { cookie: old });
    expect(reads).toMatchObject({ status: 200, json: [null, []], setCookies: [] });
    const writes = await visit(fixture.app.client(), (session) => session.set('cart', []), { cookie: old });
    expect(writes).toMatchObject({ status: 401, setCookies: [] });
    const ends = await visit(fixture.app.client(), (session) => session.destroy(), { cookie: old });
    expect(ends).toMatchObject({ status: 200, setCookies: [] });
    expect(await inHandler(client, (session) => session.userId)).toBe('alice');
  });

  it('lets somebody who logs in twice at once have two sessions, and takes an anonymous cart along', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('cart', ['book']));
    const old = await client.cookie();
    const inside = signal();
    const goOn = signal();
    const second = visit(
      fixture.app.client(),
      async (session) => {
        inside.reach();
        await goOn.reached;
        await session.login('bob');
        return [session.userId, session.get('cart')];
      },
      { cookie: old },
    );
    await inside.reached;
    await visit(client, (session) => session.login('bob'));
    goOn.reach();
    const reply = await second;
    expect(reply).toMatchObject({ status: 200, json: ['bob', ['book']] });
    expect(reply.setCookies).toHaveLength(1);
    expect(await fixture.app.sessions.listForUser('bob')).toHaveLength(2);
  });

  it.each([
    ['and writes no more', 200, () => {}],
    ['and then writes, which would begin a session', 401, (session: Session) => void session.flash('info', 'bye')],
  ])(
    'leaves the cookie alone where the session had ended before a request ends it, %s',
    async (_what, status, then) => {
      const client = fixture.app.client();
      const id = await inHandler(client, (session) => session.set('a', 1).id);
      const inside = signal();
      const goOn = signal();
      const slow = visit(client, async (session) => {
        inside.reach();
        await goOn.reached;
        await session.destroy();
        then(session);
      });
      await inside.reached;
      await fixture.app.sessions.revoke(id);
      goOn.reach();
      const before = await fixture.rows();
      expect(await slow).toMatchObject({ status, setCookies: [] });
      expect(await fixture.rows()).toBe(before);
    },
  );

  it('removes the cookie where the request itself ended a session that was there', async () => {
    const other = fixture.app.client();
    await visit(other, (session) => session.set('a', 1));
    const [removal] = (await visit(other, (session) => session.destroy())).setCookies;
    expect(removal).toMatch(
      /^session_id=; Max-Age=0; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax$/,
    );
    expect(await other.cookie()).toBe('');
  });

  it('sends no cookie with ordinary answers: only when it is born, rotated, given another lifetime, or ended', async () => {
    const client = fixture.app.client();
    const cookies = async (handler: Parameters<typeof visit>[1]) => (await visit(client, handler)).setCookies.length;
    expect(await cookies((session) => session.set('a', 1))).toBe(1);
    expect(await cookies((session) => session.get('a'))).toBe(0);
    expect(await cookies((session) => session.set('a', 2))).toBe(0);
    expect(await cookies((session) => session.flash('info', 'x'))).toBe(0);
    expect(await cookies((session) => session.regenerate())).toBe(1);
    expect(await cookies((session) => session.setTtl('30d'))).toBe(1);
    expect(await cookies((session) => session.login('alice'))).toBe(1);
    expect(await cookies((session) => session.clear())).toBe(0);
    expect(await cookies((session) => session.logout())).toBe(1);
  });

  it('never sets a cookie for a request that came with the secret before the last rotation', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('a', 1));
    const old = await client.cookie();
    await visit(client, (session) => session.regenerate());
    const late = await visit(
      fixture.app.client(),
      async (session) => {
        session.set('b', 2).setTtl('2d');
        await session.regenerate();
        return session.get('a');
      },
      { cookie: old },
    );
    expect(late).toMatchObject({ status: 200, text: '1', setCookies: [] });
    expect(await inHandler(client, (session) => [session.get('b'), session.ttl])).toEqual([2, 2 * 86_400_000]);
  });

  it('forgets the secret before the last rotation ten seconds later', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    const old = await client.cookie();
    await visit(client, (session) => session.regenerate());
    await fixture.database.query(`update sessions set rotated_at = rotated_at - interval '10 s' where id = $1`, [id]);
    const late = await visit(fixture.app.client(), (session) => [session.isNew, session.get('a')], { cookie: old });
    expect(late.json).toEqual([true, null]);
  });

  it('uses neither of two live cookies of its name, and the one that is live of two', async () => {
    const [one, two] = [fixture.app.client(), fixture.app.client()];
    await visit(one, (session) => session.set('who', 'one'));
    await visit(two, (session) => session.set('who', 'two'));
    const read = async (cookie: string) =>
      (await visit(fixture.app.client(), (session) => session.get('who', 'nobody'), { cookie })).text;
    expect(await read(`${await one.cookie()}; ${await two.cookie()}`)).toBe('nobody');
    expect(await read(`${await deadCookie()}; ${await two.cookie()}`)).toBe('two');
    expect(await read(`${await two.cookie()}; theme=dark; ${await deadCookie()}`)).toBe('two');
    expect(await read(`${await two.cookie()}; ${await two.cookie()}`)).toBe('two');
  });

  describe('however many dead cookies come with the one that is live', () => {
    const NAME = 'session_id=';
    const neverThere = async () => NAME + issueCredential(createSessionId()).cookieValue;
    const ofAnother = async () => {
      const id = await inHandler(fixture.app.client(), (session) => session.set('who', 'another').id);
      return NAME + issueCredential(id).cookieValue;
    };
    const many = async (count: number, dead: () => Promise<string>) => Promise.all(Array.from({ length: count }, dead));
    const whoIs = (cookies: readonly string[]) =>
      visit(fixture.app.client(), (session) => session.get('who', 'nobody'), { cookie: cookies.join('; ') });

    it.each<[string, number, () => Promise<string>]>([
      ['four that were never there', 4, neverThere],
      ['as many that were never there as a header of 16 KiB holds', 170, neverThere],
      ['ten of sessions that were revoked', 10, deadCookie],
      ['ten with the id of a live session, and a secret that is not its own', 10, ofAnother],
    ])('finds the session behind %s, before and after them', async (_what, count, dead) => {
      const client = fixture.app.client();
      await visit(client, (session) => session.set('who', 'me'));
      const others = await many(count, dead);
      const live = await client.cookie();
      expect(await whoIs([...others, live])).toMatchObject({ status: 200, text: 'me', setCookies: [] });
      expect(await whoIs([live, ...others])).toMatchObject({ status: 200, text: 'me', setCookies: [] });
    });

    it('takes somebody with nothing but dead ones for a new visitor', async () => {
      const reply = await whoIs(await many(170, neverThere));
      expect(reply).toMatchObject({ status: 200, text: 'nobody', setCookies: [] });
    });

    it('finds that two are live among many, uses neither, and says so', async () => {
      const clients = [fixture.app.client(), fixture.app.client()];
      for (const client of clients) await visit(client, (session) => session.set('who', 'me'));
      const cookies = await Promise.all(clients.map((client) => client.cookie()));
      const dead = await many(80, neverThere);
      expect((await whoIs([...cookies.slice(0, 1), ...dead, ...cookies.slice(1)])).text).toBe('nobody');
      expect(fixture.app.warnings.filter((line) => line.includes('two live sessions'))).toHaveLength(1);
    });

    it('looks all of them up in one statement, which reads no data, and the live one in another', async () => {
      const client = fixture.app.client();
      await visit(client, (session) => session.set('who', 'me'));
      const cookies = [...(await many(170, neverThere)), await client.cookie()];
      expect(await statements(fixture.app, () => whoIs(cookies))).toBe(2);
      expect(await statements(fixture.app, () => whoIs(cookies), '.data')).toBe(1);
    });
  });
});
