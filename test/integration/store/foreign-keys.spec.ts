import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { issueCredential } from '../../../lib/session/token.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { collected, newSession } from '../../../lib/testing/contract/support.js';
import { changesOf, HOUR, loginTo, useStores } from './stores.js';

const fixture = useStores();
const sql = (text: string, values: unknown[] = []): Promise<object[]> => fixture.database.query(text, values);
const QUERY_TIMEOUT = 1_000;
const COUNT = 20;

describe('Foreign keys of the application’s own, and a row of another table that is locked', () => {
  let store: MikroOrmSessionStore;
  let release = async (): Promise<void> => {};
  beforeAll(async () => {
    store = await fixture.openStore({ queryTimeout: QUERY_TIMEOUT });
    await sql('create table users (id text primary key)');
    await sql(`insert into users select 'u' || n from generate_series(0, ${COUNT}) n`);
    await sql('alter table sessions add foreign key (user_id) references users (id)');
    await sql('create table carts (session_id uuid references sessions (id) on delete cascade)');
    await sql('create index on carts (session_id)');
  });
  afterEach(() => release());
  afterAll(async () => {
    await sql('drop table carts');
    await sql('drop table users cascade');
  });

  async function hold(text: string): Promise<void> {
    const holder = await fixture.database.hold(text);
    release = async () => {
      release = async () => {};
      await holder.release();
    };
  }
  const holdUser = (): Promise<void> => hold(`select from users where id = 'u0' for update`);
  const login = (id: string, n: number, changesTo?: Parameters<typeof store.login>[1]): Promise<StoredSession | null> =>
    store.login(
      {
        ...issueCredential(id),
        generation: 0,
        userId: `u${n}`,
        auth: null,
        lifetime: { ttl: HOUR, absolute: null },
        flush: false,
        changes: null,
      },
      changesTo,
    );
  const several = (content = {}): Promise<StoredSession[]> =>
    Promise.all(Array.from({ length: COUNT }, () => fixture.create(content)));
  /** Sessions, with a row that hangs on the first, and is locked. */
  async function withLockedCart(content = {}): Promise<[string, ...string[]]> {
    const ids = (await several(content)).map(({ id }) => id).toSorted();
    await sql('insert into carts values ($1)', [ids[0]]);
    await hold('select from carts for update');
    return ids as [string, ...string[]];
  }
  const left = async (): Promise<string[]> =>
    ((await sql('select id from sessions')) as { id: string }[]).map(({ id }) => id);

  const writes: [string, () => Promise<Promise<unknown>[]>][] = [
    [
      'logins',
      async () => {
        const sessions = await several();
        await holdUser();
        return sessions.map(({ id }, n) => login(id, n));
      },
    ],
    [
      'creations',
      async () => {
        await holdUser();
        return Array.from({ length: COUNT }, (_, n) => store.create(newSession({ userId: `u${n}` })));
      },
    ],
    ['ends', async () => (await withLockedCart()).map((id) => store.delete(id, null))],
  ];

  it.each(writes)('of many %s fail the one that needs it, when its time is up', async (_, start) => {
    const outcomes = await fixture.outcomes(...(await start()));
    expect(outcomes[0]).toEqual(fixture.unavailable);
    expect(outcomes.slice(1).filter((outcome) => outcome instanceof Error || outcome === null)).toEqual([]);
  });

  it.each(writes)('of many %s delay the one that needs it', async (_, start) => {
    const [first, ...others] = await start();
    expect((await fixture.outcomes(...others)).filter((one) => one instanceof Error || one === null)).toEqual([]);
    await release();
    expect(await first).toBeTruthy();
  });

  it('have who ends a session, or signs in to it, wait in vain for a transaction of its own, or not find what that has added', async () => {
    const { id } = await fixture.create({ userId: 'u1' });
    await hold(`insert into carts values ('${id}')`);
    expect(await fixture.outcomes(store.delete(id, null))).toEqual([fixture.unavailable]);
    await release();
    await hold(`insert into users values ('u-new')`);
    const { id: other } = await fixture.create();
    await expect(store.login({ ...loginTo(other), userId: 'u-new' })).rejects.toThrow(
      /^The database refused .* a constraint/,
    );
    expect((await store.find(other))?.userId).toBeNull();
  });

  it.each([1, 2])(
    'hold up nothing else for long, though many wait for the row and there are few connections: %i',
    async (pool) => {
      const small = await fixture.openStore({ queryTimeout: QUERY_TIMEOUT }, pool);
      const { id } = await fixture.create();
      const ids = (await several()).map((session) => session.id);
      await small.find(id);
      await holdUser();
      const waiting = ids.flatMap((other) => [
        small.create(newSession({ userId: 'u0' })),
        small.login({ ...loginTo(other), userId: 'u0' }),
      ]);
      const refused = Promise.all(
        waiting.map((one) =>
          one.then(
            () => null,
            (error: unknown) => error,
          ),
        ),
      );
      const others: Promise<unknown>[] = [];
      for (let times = 0; times < 20; times++) {
        others.push(small.find(id), small.commit(id, 0, changesOf({ increment: { n: 1 } })));
        await setTimeout(20);
      }
      expect((await fixture.outcomes(...others)).filter((one) => one instanceof Error || one === null)).toEqual([]);
      expect(await refused).toEqual(waiting.map(() => fixture.unavailable));
    },
  );

  it('have a login with what depends on the data wait for as long as it may', async () => {
    const { id } = await fixture.create();
    await holdUser();
    const loggingIn = login(id, 0, () => changesOf({ increment: { n: 1 } }).data);
    await fixture.untilBlocked();
    void setTimeout(QUERY_TIMEOUT / 2).then(release);
    expect(await loggingIn).toMatchObject({ id, userId: 'u0' });
  });

  it('leave one expired session there, and all others are swept', async () => {
    const [locked] = await withLockedCart();
    await sql('update sessions set expires_at = clock_timestamp()');
    expect(await collected(store.deleteExpired())).toHaveLength(COUNT - 1);
    expect(await left()).toEqual([locked]);
  });

  it.each<[string, () => AsyncIterable<readonly string[]>]>([
    ['deleteAll()', () => store.deleteAll()],
    ['deleteByUser()', () => store.deleteByUser('u1', null)],
  ])('have %s end all others, and say so', async (_, end) => {
    const [locked] = await withLockedCart({ userId: 'u1' });
    const outcomes = await fixture.outcomes(collected(end()));
    expect(outcomes).toEqual([fixture.unavailable]);
    expect(await left()).toEqual([locked]);
  });
});
