import { describe, expect, it } from '@jest/globals';
import { SessionArgumentError } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { inHandler, visit } from '../support/probe.js';

describe('A session is a dictionary', () => {
  const fixture = useApp();

  it('reads, writes, asks for, removes and lists what is in it, by dotted path', async () => {
    const client = fixture.app.client();
    await visit(client, (session) =>
      session.set('cart.items', ['book', 'pen']).set('name', 'Ada').set('cart.total', 12),
    );
    const seen = await inHandler(client, (session) => [
      session.get('cart.items.1'),
      session.get('nothing', 'fallback'),
      session.has('cart.total'),
      session.has('cart.missing'),
      session.delete('cart.items.0'),
      session.delete('cart.items.7'),
      session.pull('name'),
      session.pull('name', 'gone'),
      session.keys(),
    ]);
    expect(seen).toEqual(['pen', 'fallback', true, false, true, false, 'Ada', 'gone', ['cart']]);
    expect(await inHandler(client, (session) => session.toJSON())).toEqual({ cart: { items: ['pen'], total: 12 } });
  });

  it('notices changes in place, at any depth', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('a', { b: [{ c: 1 }] }));
    expect(
      await inHandler(client, (session) => {
        const before = session.isModified;
        session.data['a'].b[0].c = 2;
        return [before, session.isModified];
      }),
    ).toEqual([false, true]);
    expect(await inHandler(client, (session) => session.get('a.b.0.c'))).toBe(2);
  });

  it('takes a key that was changed and changed back for unchanged', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', { b: 1, c: 2 }).id);
    const before = (await fixture.row(id))['updated_at'];
    expect(
      await inHandler(client, (session) => {
        session.data['a'].b = 5;
        session.data['a'] = { c: 2, b: 1 };
        return session.isModified;
      }),
    ).toBe(false);
    expect((await fixture.row(id))['updated_at']).toEqual(before);
  });

  it('is the same object as request.session', async () => {
    const same = await inHandler(fixture.app.client(), (session, request) => (request as any).session === session);
    expect(same).toBe(true);
  });

  it('tells new from known, modified from not, destroyed from alive', async () => {
    const client = fixture.app.client();
    const state = (session: any) => [session.isNew, session.isModified, session.isDestroyed, session.isAuthenticated];
    expect(await inHandler(client, state)).toEqual([true, false, false, false]);
    expect(await inHandler(client, (session) => state(session.set('a', 1)))).toEqual([true, true, false, false]);
    expect(await inHandler(client, state)).toEqual([false, false, false, false]);
    expect(await inHandler(client, async (session) => (await session.login('alice'), state(session)))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(await inHandler(client, async (session) => (await session.set('a', 2).save(), state(session)))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(
      await inHandler(client, async (session) => {
        await session.destroy();
        const ended = state(session);
        return [ended, state(session.set('b', 1))];
      }),
    ).toEqual([
      [true, false, true, false],
      [true, true, false, false],
    ]);
  });

  it('merges an update into what parallel requests have stored, key by key', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', { x: 1 }).set('b', 1).set('list', [1]).id);
    await visit(client, async (session) => {
      void session.keys();
      await fixture.database.query(
        `update sessions set data = data || '{"c": 3, "b": 7, "n": 4, "list": [1, 9]}' where id = $1`,
        [id],
      );
      session.delete('a');
      session.set('d', 4).increment('n', 2);
      session.push('list', 2);
    });
    expect((await fixture.row(id))['data']).toEqual({ b: 7, c: 3, d: 4, n: 6, list: [1, 9, 2] });
  });

  it('keeps the row when it is cleared, and what a parallel request adds meanwhile', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).flash('info', 'x').id);
    await visit(client, async (session) => {
      session.clear();
      await fixture.database.query(`update sessions set data = data || '{"b": 2}' where id = $1`, [id]);
    });
    expect((await fixture.row(id))['data']).toEqual({ b: 2 });
    expect(await inHandler(client, (session) => [session.id, session.flashes()])).toEqual([id, []]);
  });

  it('leaves no row when there is nothing in it', async () => {
    const client = fixture.app.client();
    const before = await fixture.rows();
    await visit(client, async (session) => {
      session.set('a', 1).delete('a');
      session.touch().clear();
      await session.save();
      await session.regenerate();
      await session.reload();
    });
    expect(await fixture.rows()).toBe(before);
    expect(await client.cookie()).toBe('');
  });

  it('begins a fresh session, with a new id and cookie, for what is written after destroy()', async () => {
    const client = fixture.app.client();
    const old = await inHandler(client, (session) => session.set('a', 1).id);
    const cookie = await client.cookie();
    const reply = await visit(client, async (session) => {
      await session.logout();
      session.flash('info', 'You have been logged out.');
    });
    expect(reply.setCookies).toHaveLength(1);
    expect(await client.cookie()).not.toBe(cookie);
    expect(await fixture.app.sessions.find(old)).toBeNull();
    const [id, flashes, data] = await inHandler(client, (session) => [session.id, session.flashes(), session.toJSON()]);
    expect(id).not.toBe(old);
    expect(flashes).toEqual([{ category: 'info', message: 'You have been logged out.' }]);
    expect(data).toEqual({});
  });

  it('stores when told to, reads anew when told to, and drops what was not stored', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    expect(
      await inHandler(client, async (session) => {
        await session.set('a', 2).save();
        const stored = (await fixture.row(id))['data'].a;
        await fixture.database.query(`update sessions set data = '{"a": 3}' where id = $1`, [id]);
        session.set('b', 1);
        await session.reload();
        return [stored, session.toJSON(), session.isModified];
      }),
    ).toEqual([2, { a: 3 }, false]);
  });

  it('gives the data object that a handler holds the new content on reload()', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    expect(
      await inHandler(client, async (session) => {
        const { data } = session;
        await fixture.database.query(`update sessions set data = '{"z": 3}' where id = $1`, [id]);
        await session.reload();
        return data['z'];
      }),
    ).toBe(3);
  });
});

describe('Flash messages', () => {
  const fixture = useApp();

  it('are shown once, oldest first, and can be taken by category', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.flash('info', 'one').flash('error', { code: 2 }).flash('info', 'three'));
    expect(await inHandler(client, (session) => session.flashes('info'))).toEqual([
      { category: 'info', message: 'one' },
      { category: 'info', message: 'three' },
    ]);
    expect(await inHandler(client, (session) => session.flashes())).toEqual([
      { category: 'error', message: { code: 2 } },
    ]);
    expect(await inHandler(client, (session) => session.flashes())).toEqual([]);
  });

  it('are no part of the data', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.flash('info', 'one'));
    expect(await inHandler(client, (session) => [session.keys(), session.toJSON()])).toEqual([[], {}]);
  });

  it('can be read in the request that leaves them', async () => {
    expect(await inHandler(fixture.app.client(), (session) => session.flash('info', 'now').flashes())).toHaveLength(1);
  });
});

describe('The life of a session', () => {
  const fixture = useApp({ options: { idleTimeout: '20m', absoluteTimeout: '2h' } });
  const MINUTE = 60_000;
  const minutes = (from: Date, to: Date) => Math.round((to.getTime() - from.getTime()) / MINUTE);
  const spans = (row: Record<string, any>) => ({
    idle: minutes(row['last_access_at'], row['expires_at']),
    absolute: row['ends_at'] && minutes(row['authenticated_at'] ?? row['created_at'], row['ends_at']),
  });

  it('is as long as the options say', async () => {
    const id = await inHandler(fixture.app.client(), (session) => session.set('a', 1).id);
    expect(spans(await fixture.row(id))).toEqual({ idle: 20, absolute: 120 });
  });

  it('can be set for one session, and its absolute end moves as far as it must', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    const reply = await visit(client, (session) => session.setTtl('1d'));
    expect(reply.setCookies[0]).toContain('Max-Age=86400');
    expect(spans(await fixture.row(id))).toEqual({ idle: 1_440, absolute: 1_440 });
    await visit(client, (session) => session.setTtl('1d', { absolute: '30d' }));
    expect(spans(await fixture.row(id))).toEqual({ idle: 1_440, absolute: 43_200 });
    await visit(client, (session) => session.setTtl('1h', { absolute: false }));
    expect(spans(await fixture.row(id))).toEqual({ idle: 60, absolute: null });
  });

  it('can be set at login, and at birth', async () => {
    const client = fixture.app.client();
    const id = await inHandler(
      client,
      async (session) => (await session.login('alice', {}, { ttl: '30d' }), session.id),
    );
    expect(spans(await fixture.row(id))).toEqual({ idle: 43_200, absolute: 43_200 });
    await visit(client, (session) => session.login('alice', {}, { ttl: '1h', absolute: '3h' }));
    expect(spans(await fixture.row(id))).toEqual({ idle: 60, absolute: 180 });
    const other = await inHandler(fixture.app.client(), (session) => session.setTtl('5h').set('a', 1).id);
    expect(spans(await fixture.row(other))).toEqual({ idle: 300, absolute: 300 });
  });

  it('is over at once with a ttl of zero or less', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    expect(await inHandler(client, (session) => [session.isExpired(), session.setTtl(-5).isExpired()])).toEqual([
      false,
      true,
    ]);
    expect(await fixture.app.sessions.find(id)).toBeNull();
    expect(await inHandler(client, (session) => session.isNew)).toBe(true);
  });

  it('shows its times as dates', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    const row = await fixture.row(id);
    expect(
      await inHandler(client, (session) => [session.createdAt, session.lastAccessAt, session.expiresAt, session.ttl]),
    ).toEqual([row['created_at'], row['last_access_at'], row['expires_at'], 20 * MINUTE]);
  });

  it('begins no other session once it has ended, where it was found by its id: nobody could open that', async () => {
    for (const end of ['revoke', 'destroy'] as const) {
      const { session } = await fixture.app.sessions.create({ data: { a: 1 } });
      const found = await fixture.app.sessions.find(session.id);
      if (end === 'revoke') await fixture.app.sessions.revoke(session.id);
      else await found?.destroy();
      await found
        ?.set('a', 2)
        .save()
        .catch(() => {});
      await expect(found?.login('bob')).rejects.toThrow(SessionArgumentError);
      await expect(found?.set('a', 2).save()).rejects.toThrow(/ended/);
      expect(await fixture.app.sessions.listForUser('bob')).toEqual([]);
    }
  });

  it('counts touch() as an access', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    await fixture.database.query(
      `update sessions set last_access_at = last_access_at - interval '5 m', expires_at = expires_at - interval '5 m' where id = $1`,
      [id],
    );
    const found = await fixture.app.sessions.find(id);
    const before = found?.expiresAt.getTime() as number;
    const after = found?.touch().expiresAt.getTime() as number;
    await fixture.app.sessions.flush();
    const row = await fixture.row(id);
    expect(after - before).toBeGreaterThanOrEqual(4.9 * MINUTE);
    expect(spans(row)).toMatchObject({ idle: 20 });
    expect(Math.abs(row['expires_at'].getTime() - after)).toBeLessThan(MINUTE);
  });
});

describe('The user of a session', () => {
  const fixture = useApp();

  it('is known by the snapshot that was given at login', async () => {
    const client = fixture.app.client();
    await visit(client, (session) =>
      session.login('42', { roles: ['editor'], tags: ['beta', 'vip'], permissions: ['article.*'], name: 'Ada' }),
    );
    expect(
      await inHandler(client, ({ userId, auth, avatar, isAuthenticated }) => [
        [userId, auth?.['name'], isAuthenticated],
        [avatar.identity, avatar.isAuthenticated, avatar.isAnonymous, avatar.roles, avatar.tags, avatar.permissions],
        [avatar.hasRole('editor'), avatar.hasRole('admin'), avatar.hasAnyRole('admin', 'editor')],
        [
          avatar.hasTag('vip'),
          avatar.hasAnyTag('x', 'beta'),
          avatar.hasAllTags('vip', 'beta'),
          avatar.hasAllTags('vip', 'x'),
        ],
        [avatar.hasPermission('article.edit'), avatar.hasPermission('article.*'), avatar.hasPermission('user.edit')],
      ]),
    ).toEqual([
      ['42', 'Ada', true],
      ['42', true, false, ['editor'], ['beta', 'vip'], ['article.*']],
      [true, false, true],
      [true, true, true, false],
      [true, true, false],
    ]);
  });

  it('is an anonymous avatar while nobody is signed in, and again after logout', async () => {
    const client = fixture.app.client();
    const who = (session: any) => [
      session.userId,
      session.auth,
      session.avatar.identity,
      session.avatar.isAnonymous,
      session.avatar.hasRole('x'),
    ];
    expect(await inHandler(client, who)).toEqual([null, null, null, true, false]);
    expect(
      await inHandler(client, async (session) => {
        await session.login('42', { roles: ['x'] });
        const during = who(session);
        await session.logout();
        return [during, who(session)];
      }),
    ).toEqual([
      ['42', { roles: ['x'] }, '42', false, true],
      [null, null, null, true, false],
    ]);
  });

  it.each([
    ['an empty user id', (session: any) => session.login('')],
    ['a number as user id', (session: any) => session.login(42)],
    ['a snapshot that is not an object', (session: any) => session.login('42', ['admin'])],
    ['a snapshot with a Date', (session: any) => session.login('42', { since: new Date() })],
    ['a lifetime that is none', (session: any) => session.login('42', {}, { ttl: 'forever' })],
  ])('is refused with a clear error for %s, and nothing is stored', async (_what, login) => {
    const client = fixture.app.client();
    const before = await fixture.rows();
    const reply = await visit(client, async (session) => {
      await login(session).catch((error: Error) => session.set('error', error.message));
      const message = session.pull('error') as string;
      return { message };
    });
    expect((reply.json as { message: string }).message).toMatch(/login\(\)|"ttl"|auth\.since/);
    expect(await fixture.rows()).toBe(before);
  });
});
