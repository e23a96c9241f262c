import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { collected } from '../../../lib/testing/contract/support.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { countStatements, useStores } from './stores.js';

describe('MikroOrmSessionStore: of all sessions, or those of a user,', () => {
  const fixture = useStores();
  const { create, alter, expire, lock } = fixture;

  /** Sessions of a user, in the order of their logins, with one that is expired and one of somebody else. */
  async function several(): Promise<[string, string, string, expired: string, other: string]> {
    const ids: string[] = [];
    for (let n = 0; n < 4; n++) ids.push((await create({ userId: 'ada' })).id);
    ids.push((await create({ userId: 'eve' })).id);
    await expire(ids[3] as string);
    return ids as [string, string, string, string, string];
  }
  const left = async () =>
    (await fixture.database.query<{ id: string }>('select id from sessions order by id')).map(({ id }) => id);

  it('findByUser() lists the live ones of a user, oldest first', async () => {
    const [a, b, c] = await several();
    await alter(a, `created_at = created_at + interval '1 s'`);
    expect((await fixture.store.findByUser('ada')).map(({ id }) => id)).toEqual([b, c, a]);
    expect(await fixture.store.findByUser('nobody')).toEqual([]);
  });

  it('findByUser() transfers none of what is kept in them: a user may have a thousand, and fill them', async () => {
    await several();
    const listed = await fixture.store.findByUser('ada');
    expect(listed).toHaveLength(3);
    for (const one of listed) expect(Object.keys(one)).not.toEqual(expect.arrayContaining(['data', 'auth']));
    for (const one of listed)
      expect(one).toMatchObject({ userId: 'ada', ttl: expect.any(Number), readAt: expect.any(Number) });
  });

  it('deleteByUser() ends those of a user, and names the live ones', async () => {
    const [a, b, c, , other] = await several();
    expect((await collected(fixture.store.deleteByUser('ada', null))).toSorted()).toEqual([a, b, c]);
    expect(await left()).toEqual([other]);
    expect(await collected(fixture.store.deleteByUser('ada', null))).toEqual([]);
  });

  it('deleteByUser() spares one if asked to, but only one of that user', async () => {
    const [a, b, c, , other] = await several();
    expect((await collected(fixture.store.deleteByUser('ada', b))).toSorted()).toEqual([a, c]);
    expect(await left()).toEqual([b, other]);
    expect(await collected(fixture.store.deleteByUser('ada', other))).toEqual([b]);
  });

  it('deleteByUser() waits for a locked row, and finds what is left of it', async () => {
    const [a, b, c, , other] = await several();
    const holder = await fixture.database.hold(`update sessions set user_id = 'eve' where id = $1`, [b]);
    const deleting = collected(fixture.store.deleteByUser('ada', null));
    await fixture.store.count();
    await holder.release();
    expect((await deleting).toSorted()).toEqual([a, c]);
    expect(await left()).toEqual([b, other]);
  });

  it('keepNewest() ends a user’s oldest logins, and counts no expired ones', async () => {
    const [a, b, c, expired, other] = await several();
    await alter(a, 'authenticated_at = clock_timestamp()');
    await alter(expired, 'authenticated_at = clock_timestamp()');
    expect(await collected(fixture.store.keepNewest('ada', 3))).toEqual([]);
    expect(await collected(fixture.store.keepNewest('ada', 2))).toEqual([b]);
    expect(await left()).toEqual([a, c, expired, other]);
  });

  it.each([
    [0, 1],
    [1, 1],
    [2, 2],
  ])('keepNewest() needs little for what a login may end: %d are ended by %d statements', async (many, statements) => {
    await several();
    const sent = countStatements('n.authenticated_at desc');
    expect(await collected(fixture.store.keepNewest('ada', 3 - many))).toHaveLength(many);
    expect(sent.count).toBe(statements);
  });

  it('keepNewest() takes logins from before the clock was set back for the oldest, but for those that were none', async () => {
    const [a, b, c, expired, other] = await several();
    await alter(a, `authenticated_at = clock_timestamp() + interval '1 minute'`);
    await alter(b, `authenticated_at = clock_timestamp() + interval '2 minutes'`);
    const adopted = await create({ userId: 'ada' });
    await alter(adopted.id, 'authenticated_at = null');
    expect(await collected(fixture.store.keepNewest('ada', 3))).toEqual([adopted.id]);
    expect(await collected(fixture.store.keepNewest('ada', 2))).toEqual([a]);
    expect(await collected(fixture.store.keepNewest('ada', 1))).toEqual([b]);
    expect(await left()).toEqual([c, expired, other]);
  });

  it('deleteAll() ends all, and counts the live ones', async () => {
    await several();
    expect(await collected(fixture.store.deleteAll())).toHaveLength(4);
    expect(await left()).toEqual([]);
  });

  it('deleteAll() ends one whose beginning lies ahead of the clock, as after the clock was set back', async () => {
    const { id } = await create();
    await alter(id, `created_at = created_at + interval '1 min'`);
    expect(await collected(fixture.store.deleteAll())).toEqual([id]);
  });

  it.each<[string, (store: MikroOrmSessionStore) => AsyncIterable<readonly string[]>]>([
    ['deleteAll()', (store) => store.deleteAll()],
    ['deleteByUser()', (store) => store.deleteByUser('ada', null)],
  ])('%s spares those that begin while it waits for a locked row, no longer than an operation may', async (_, end) => {
    const store = await fixture.openStore({ queryTimeout: 600 });
    const old = await create({ userId: 'ada' });
    const locked = await create({ userId: 'ada' });
    const holder = await lock(locked.id);
    const ended: string[] = [];
    let error: unknown = null;
    const ending = (async () => {
      for await (const ids of end(store)) ended.push(...ids);
    })().catch((reason: unknown) => (error = reason));
    while (ended.length === 0) await setTimeout(1);
    const begun: string[] = [];
    while (error === null && begun.length < 60) {
      begun.push((await create({ userId: 'ada' })).id);
      await setTimeout(50);
    }
    await holder.release();
    await ending;
    expect(error).toEqual(fixture.unavailable);
    expect(ended).toEqual([old.id]);
    expect(await left()).toEqual([locked.id, ...begun]);
  });

  it('count() counts the live ones', async () => {
    await several();
    expect(await fixture.store.count()).toBe(4);
  });

  async function purge(): Promise<string[]> {
    const ids: string[] = [];
    for await (const batch of fixture.store.deleteExpired()) ids.push(...batch);
    return ids;
  }

  it('deleteExpired() removes what has expired, however much, but for what is locked', async () => {
    const [a, b, c, expired, other] = await several();
    await expire(c);
    const holder = await lock(c);
    await fixture.database.query(
      `insert into sessions select gen_random_uuid(), secret_hash, null, null, 0, null, null, null, '{}', ttl, created_at,
         updated_at, last_access_at, expires_at, ends_at, null, null from sessions, generate_series(1, 2500) where id = $1`,
      [expired],
    );
    const removed = await purge();
    expect(removed).toHaveLength(2_501);
    expect(new Set(removed).size).toBe(2_501);
    await holder.release();
    expect(await left()).toEqual([a, b, c, other]);
    expect(await purge()).toEqual([c]);
    expect(await purge()).toEqual([]);
  });
});

describe('MikroOrmSessionStore: very many sessions', () => {
  const fixture = useStores();
  const { create } = fixture;
  const insert = (count: number, userId: string) =>
    fixture.database.query(`
      insert into sessions (id, secret_hash, generation, user_id, data, ttl, created_at, updated_at, last_access_at, expires_at)
      select gen_random_uuid(), '', 0, '${userId}', '{}', 60000, now(), now(), now(), now() + interval '1 h'
      from generate_series(1, ${count})`);
  const pieces = async (of: AsyncIterable<readonly string[]>): Promise<number[]> => {
    const sizes: number[] = [];
    for await (const ids of of) sizes.push(ids.length);
    return sizes;
  };

  it('are ended in pieces, of which each is committed before the next', async () => {
    await insert(4_500, 'ada');
    const iterator = fixture.store.deleteAll()[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toHaveLength(2_000);
    expect(await fixture.store.count()).toBe(2_500);
    expect((await iterator.next()).value).toHaveLength(2_000);
    expect((await iterator.next()).value).toHaveLength(500);
    expect((await iterator.next()).done).toBe(true);
  });

  it('are ended though they take longer together than an operation may', async () => {
    const slow = await fixture.openStore({ queryTimeout: 1_000 });
    await insert(5_000, 'ada');
    await fixture.withTrigger(
      'before delete',
      `if random() < 0.001 then perform pg_sleep(0.15); end if; return old;`,
      async () => {
        await pieces(slow.deleteByUser('ada', null));
      },
    );
    expect(await fixture.store.count()).toBe(0);
  });

  it.each<[string, (store: MikroOrmSessionStore) => AsyncIterable<readonly string[]>]>([
    ['deleteAll()', (store) => store.deleteAll()],
    ['deleteByUser()', (store) => store.deleteByUser('ada', null)],
    ['deleteExpired()', (store) => store.deleteExpired()],
  ])('are removed though a piece takes longer than an operation may, by %s', async (what, remove) => {
    const store = await fixture.openStore({ queryTimeout: 500 });
    await insert(600, 'ada');
    if (what === 'deleteExpired()') await fixture.database.query('update sessions set expires_at = now()');
    await fixture.withTrigger('before delete', `perform pg_sleep(0.002); return old;`, async () => {
      expect(await collected(remove(store))).toHaveLength(600);
    });
  });

  it('are left to the next login where that is too much for the time of one: it is held up no longer', async () => {
    const store = await fixture.openStore({ queryTimeout: 500 });
    await insert(2, 'ada');
    await fixture.withTrigger('before delete', `perform pg_sleep(2); return old;`, async () => {
      const begun = performance.now();
      await expect(collected(store.keepNewest('ada', 1))).rejects.toEqual(fixture.unavailable);
      expect(performance.now() - begun).toBeLessThan(2 * 500);
    });
  });

  it.each([0.004, 0.02, 0.1])(
    'are fewer after each login, where to end all takes longer than one may, and one %d s',
    async (seconds) => {
      const store = await fixture.openStore({ queryTimeout: 500 });
      await insert(300, 'ada');
      // As a foreign key does: at the end of the statement, when all rows are gone.
      await fixture.withTrigger('after delete', `perform pg_sleep(${seconds}); return old;`, async () => {
        const login = (): Promise<unknown> => collected(store.keepNewest('ada', 1)).catch((error: unknown) => error);
        expect(await login()).toEqual(fixture.unavailable);
        const left = await store.count();
        await login();
        expect([left < 300, (await store.count()) < left]).toEqual([true, true]);
      });
    },
  );

  it.each<[string, number, (store: MikroOrmSessionStore) => AsyncIterable<readonly string[]>]>([
    ['deleteAll()', 3, (store) => store.deleteAll()],
    ['deleteByUser()', 3, (store) => store.deleteByUser('ada', null)],
    ['deleteByUser()', 0, (store) => store.deleteByUser('nobody', null)],
    ['keepNewest()', 0, (store) => store.keepNewest('nobody', 1)],
  ])(
    'are no reason to go on for ever where the database refuses to end any, with %s of %i',
    async (_what, _many, end) => {
      await insert(3, 'ada');
      await fixture.withTrigger(
        'before delete',
        `raise exception using errcode = '42501', message = 'no';`,
        async () => {
          await expect(collected(end(fixture.store))).rejects.toEqual(fixture.unavailable);
          expect(await fixture.store.count()).toBe(3);
        },
        'statement',
      );
    },
  );

  it('are not said to have ended where a trigger keeps them: one, some, or all', async () => {
    const store = await fixture.openStore({ queryTimeout: 500 });
    await insert(20, 'ada');
    await insert(3, 'eve');
    const { id, generation } = await create({ userId: 'eve' });
    const keeping = `if old.user_id = 'eve' then return null; end if; return old;`;
    await fixture.withTrigger('before delete', keeping, async () => {
      await expect(store.delete(id, generation)).rejects.toEqual(fixture.unavailable);
      await expect(store.delete(id, null, 'eve')).rejects.toEqual(fixture.unavailable);
      await expect(collected(store.deleteByUser('eve', null))).rejects.toEqual(fixture.unavailable);
      await expect(collected(store.keepNewest('eve', 1))).rejects.toEqual(fixture.unavailable);
      expect(await collected(store.deleteByUser('ada', null))).toHaveLength(20);
      await expect(collected(store.deleteAll())).rejects.toEqual(fixture.unavailable);
      expect(await store.count()).toBe(4);
    });
    expect(await collected(store.deleteAll())).toHaveLength(4);
  });

  it('have ended, though their rows stay, where a trigger has them expire instead', async () => {
    const store = await fixture.openStore({ queryTimeout: 500 });
    await insert(3, 'ada');
    const expiring = `update sessions set expires_at = clock_timestamp() where id = old.id; return null;`;
    await fixture.withTrigger('before delete', expiring, async () => {
      await collected(store.deleteByUser('ada', null));
      expect(await store.count()).toBe(0);
      await collected(store.deleteAll());
    });
  });

  it('are given up soon where the database is gone, and only seems to be slow', async () => {
    const url = new URL(fixture.database.url);
    const proxy = await TcpProxy.start(Number(url.port));
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    try {
      const store = await fixture.openStore({ queryTimeout: 300 }, 4, url.href);
      await insert(10, 'ada');
      proxy.set('drop');
      for (const remove of [() => store.deleteAll(), () => store.deleteExpired()]) {
        const begun = performance.now();
        await expect(collected(remove())).rejects.toEqual(fixture.unavailable);
        expect(performance.now() - begun).toBeLessThan(4 * 300);
      }
    } finally {
      await proxy.close();
    }
  });

  it('are ended but for those that the database refuses to end, which is said at last', async () => {
    await insert(300, 'ada');
    await fixture.database.query(
      `update sessions set ip = 'kept' where id in (select id from sessions order by id limit 3)`,
    );
    await fixture.withTrigger(
      'before delete',
      `if old.ip = 'kept' then raise exception using errcode = '42501', message = 'no'; end if; return old;`,
      async () => {
        await expect(pieces(fixture.store.deleteByUser('ada', null))).rejects.toThrow(
          'could not end the sessions of a user',
        );
        expect(await fixture.store.count()).toBe(3);
      },
    );
  });

  it('of one user are listed up to a thousand, those that began last', async () => {
    await insert(1_200, 'ada');
    const { id } = await create({ userId: 'ada' });
    const listed = await fixture.store.findByUser('ada');
    expect([listed.length, listed.at(-1)?.id]).toEqual([1_000, id]);
  });
});
