import { describe, expect, it } from '@jest/globals';
import { useStores } from './stores.js';

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

  it('deleteByUser() ends those of a user, and names the live ones', async () => {
    const [a, b, c, , other] = await several();
    expect((await fixture.store.deleteByUser('ada', null)).toSorted()).toEqual([a, b, c]);
    expect(await left()).toEqual([other]);
    expect(await fixture.store.deleteByUser('ada', null)).toEqual([]);
  });

  it('deleteByUser() spares one if asked to, but only one of that user', async () => {
    const [a, b, c, , other] = await several();
    expect((await fixture.store.deleteByUser('ada', b)).toSorted()).toEqual([a, c]);
    expect(await left()).toEqual([b, other]);
    expect(await fixture.store.deleteByUser('ada', other)).toEqual([b]);
  });

  it('deleteByUser() waits for a locked row, and finds what is left of it', async () => {
    const [a, b, c, , other] = await several();
    const holder = await fixture.database.hold(`update sessions set user_id = 'eve' where id = $1`, [b]);
    const deleting = fixture.store.deleteByUser('ada', null);
    await fixture.store.count();
    await holder.release();
    expect((await deleting).toSorted()).toEqual([a, c]);
    expect(await left()).toEqual([b, other]);
  });

  it('keepNewest() ends a user’s oldest logins, and counts no expired ones', async () => {
    const [a, b, c, expired, other] = await several();
    await alter(a, `authenticated_at = now() + interval '1 s'`);
    await alter(expired, `authenticated_at = now() + interval '2 s'`);
    expect(await fixture.store.keepNewest('ada', 3)).toEqual([]);
    expect(await fixture.store.keepNewest('ada', 2)).toEqual([b]);
    expect(await left()).toEqual([a, c, expired, other]);
  });

  it('deleteAll() ends all, and counts the live ones', async () => {
    await several();
    expect(await fixture.store.deleteAll()).toBe(4);
    expect(await left()).toEqual([]);
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
