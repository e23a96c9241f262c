import { describe, expect, it } from '@jest/globals';
import { type Session, sessionMiddleware } from 'nestjs-mikro-session';
import type { Client } from '../support/client.js';
import { idOf, work } from '../support/express-session.js';
import { useApp } from '../support/app.js';
import { inHandler, visit } from '../support/probe.js';

/** Every one of these may be called and not awaited: what follows it in the same tick is the test. */
const unawaited = (promise: Promise<unknown>): void => void promise;

describe('What is written after the call of an operation that is not awaited', () => {
  const fixture = useApp({ prepare: (app) => app.use(sessionMiddleware(app)) });

  const ada = async (): Promise<Client> => {
    const client = fixture.app.client();
    await visit(client, async (session) => {
      session.set('secret', { of: 'ada' }).flash('info', 'for ada');
      await session.login('ada');
    });
    return client;
  };
  const rowOf = async (client: Client) => fixture.row(await idOf(client));

  const endings: [string, (session: Session) => void][] = [
    ['destroy()', (session) => unawaited(session.destroy())],
    ['destroy(cb)', (session) => session.destroy(() => {})],
    ['logout()', (session) => unawaited(session.logout())],
  ];

  it.each(endings)('begins a new session: %s', async (_name, end) => {
    const client = await ada();
    const before = await idOf(client);
    const reply = await visit(client, (session) => {
      const { data } = session;
      end(session);
      if (session.keys().length > 0 || 'secret' in data) throw new Error('The old data is still there.');
      session.set('bye', 1).flash('info', 'Bye.');
      (data as Record<string, unknown>)['held'] = 2;
    });
    expect(reply).toMatchObject({ status: 200, setCookies: [expect.stringMatching(/^session_id=[^;]/)] });
    expect(await idOf(client)).not.toBe(before);
    expect(await rowOf(client)).toMatchObject({ user_id: null, data: { bye: 1, held: 2 } });
    await expect(fixture.row(before)).rejects.toThrow('found 0');
    expect(await inHandler(client, (session) => session.flashes())).toEqual([{ category: 'info', message: 'Bye.' }]);
  });

  it.each(endings)('is in no parallel save of the old session, and not lost with it: %s', async (_name, end) => {
    const client = await ada();
    await visit(client, (session) => {
      session.set('late', 1);
      // Under way, and one that waits for it.
      unawaited(session.save());
      session.set('later', 1);
      unawaited(session.save());
      end(session);
      session.set('bye', 1);
      unawaited(session.save());
    });
    expect((await rowOf(client))['data']).toEqual({ bye: 1 });
  });

  it.each(endings)('sees nothing of an update() that was under way: %s', async (_name, end) => {
    const client = await ada();
    await visit(client, (session) => {
      unawaited(session.update((data) => (data['updated'] = 1)));
      end(session);
      session.set('bye', 1);
    });
    expect((await rowOf(client))['data']).toEqual({ bye: 1 });
  });

  it('counts for the last session, of several that are ended in a row', async () => {
    const client = await ada();
    await visit(client, (session) => {
      unawaited(session.destroy());
      session.set('first', 1);
      unawaited(session.destroy());
      session.set('second', 1);
      unawaited(session.logout());
      session.set('third', 1);
    });
    expect((await rowOf(client))['data']).toEqual({ third: 1 });
  });

  it('may be a lifetime, which is that of the new session', async () => {
    const client = await ada();
    await visit(client, (session) => {
      unawaited(session.logout());
      session.set('bye', 1).setTtl('7d');
    });
    expect((await rowOf(client))['ttl']).toBe(String(7 * 86_400_000));
  });

  it('belongs to the next user, and what came before to nobody: login() of somebody else', async () => {
    const client = await ada();
    await visit(client, (session) => {
      session.set('unsaved', 1);
      unawaited(session.save());
      unawaited(session.login('bob'));
      if (session.has('secret')) throw new Error('The data of ada is still there.');
      session.set('cart', 1);
    });
    expect(await rowOf(client)).toMatchObject({ user_id: 'bob', data: { cart: 1 } });
    expect(await inHandler(client, (session) => session.flashes())).toEqual([]);
  });

  it('and so it is where somebody else is about to be signed in already', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => {
      session.set('anonymous', 1);
      unawaited(session.login('ada'));
      session.set('ada', 1);
      unawaited(session.login('bob'));
      session.set('bob', 1);
    });
    expect(await rowOf(client)).toMatchObject({ user_id: 'bob', data: { bob: 1 } });
  });

  it('is kept beside what was there: login() of an anonymous visitor, and of the same user again', async () => {
    const client = fixture.app.client();
    for (const key of ['first', 'second']) {
      await visit(client, (session) => {
        unawaited(session.login('ada'));
        session.set(key, 1);
      });
    }
    expect(await rowOf(client)).toMatchObject({ user_id: 'ada', data: { first: 1, second: 1 } });
  });

  it('is kept where a login() finds that the session has ended meanwhile, and the data of its user is not', async () => {
    const client = await ada();
    await visit(client, async (session) => {
      await fixture.app.sessions.revoke(session.id);
      unawaited(session.login('ada'));
      session.set('cart', 1);
    });
    expect(await rowOf(client)).toMatchObject({ user_id: 'ada', data: { cart: 1 } });
  });

  it('is kept over what is read anew: reload()', async () => {
    const client = await ada();
    await visit(client, async (session) => {
      await fixture.app.sessions.update(session.id, (data) => void Object.assign(data, { other: 1, secret: 'new' }));
      session.set('dropped', 1).delete('secret');
      unawaited(session.reload());
      session.set('cart', 1);
    });
    expect((await rowOf(client))['data']).toMatchObject({ other: 1, secret: 'new', cart: 1 });
    expect((await rowOf(client))['data']).not.toHaveProperty('dropped');
  });

  it('reload() drops what could not be stored, whatever it is', async () => {
    const client = await ada();
    const reply = await visit(client, async (session) => {
      session.set('bad', { at: new Date(0), user: new (class User {})() } as never);
      await session.reload();
    });
    expect(reply.status).toBe(200);
    expect((await rowOf(client))['data']).not.toHaveProperty('bad');
  });

  it('belongs to the new session of express-session’s regenerate(cb)', async () => {
    const client = await ada();
    await work(client, (request) => {
      request.session['unsaved'] = 1;
      request.session.regenerate(() => (request.session['told'] = 2));
      request.session['fresh'] = 1;
    });
    expect(await rowOf(client)).toMatchObject({ user_id: null, data: { fresh: 1, told: 2 } });
  });

  it('by the callback of an operation comes before what waits for that, such as the answer', async () => {
    const client = await ada();
    const before = await idOf(client);
    await work(client, (request) => {
      // Nest answers as soon as this returns.
      request.session.regenerate(() => (request.session['user'] = 'bob'));
    });
    expect(await idOf(client)).toBe(before);
    expect((await rowOf(client))['data']).toEqual({ user: 'bob' });
  });
});

describe('A save that was refused', () => {
  const fixture = useApp();
  const bad: [string, unknown][] = [
    ['a NUL', 'a\0b'],
    ['half a surrogate pair', '\ud800'],
    ['too much', 'x'.repeat(70_000)],
    ['a Date', new Date(0)],
  ];

  it.each(bad)('has told the handler, whose answer goes out with what else was written: %s', async (_name, value) => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('note', 'old').set('n', 1));
    const reply = await visit(client, async (session) => {
      session.set('note', value as never).increment('n');
      const refused = await session.save().then(
        () => 'stored',
        () => 'refused',
      );
      session.flash('error', refused);
      return refused;
    });
    expect(reply).toMatchObject({ status: 200, text: 'refused' });
    const seen = await inHandler(client, (session) => [session.get('note'), session.flashes()]);
    expect(seen).toEqual(['old', [{ category: 'error', message: 'refused' }]]);
  });

  it.each(bad)('may be tried again once it is mended: %s', async (_name, value) => {
    const client = fixture.app.client();
    await visit(client, async (session) => {
      session.set('note', value as never).set('a', 1);
      await session.save().catch(() => session.set('note', 'mended'));
    });
    expect(await inHandler(client, (session) => session.toJSON())).toEqual({ note: 'mended', a: 1 });
  });

  it.each(bad)('does not excuse what comes after it: %s', async (_name, value) => {
    const client = fixture.app.client();
    const reply = await visit(client, async (session) => {
      session.set('note', value as never);
      await session.save().catch(() => {});
      session.set('other', value as never);
    });
    expect(reply).toMatchObject({ status: 500, setCookies: [] });
  });

  it.each(bad)('is as good as a login() or update() that was: %s', async (_name, value) => {
    for (const operation of [
      (session: Session) => session.login('ada'),
      (session: Session) => session.update((data) => void (data['u'] = 1)),
    ]) {
      const reply = await visit(fixture.app.client(), async (session) => {
        session.set('note', value as never);
        await operation(session).catch(() => session.set('told', true));
      });
      expect(reply).toMatchObject({ status: 200, setCookies: [expect.any(String)] });
    }
  });
});
