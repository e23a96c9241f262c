import { setImmediate, setTimeout } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createSessionId } from '../../../lib/session/token.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { collected, newSession } from '../../../lib/testing/contract/support.js';
import { changesOf, countStatements, loginTo, SOON, useStores } from './stores.js';

const fixture = useStores();
const POOL = 2;

describe('Rows that another transaction holds', () => {
  let store: MikroOrmSessionStore;
  let release = async (): Promise<void> => {};
  beforeAll(async () => {
    store = await fixture.openStore({ queryTimeout: 2_000 }, POOL);
  });
  afterEach(() => release());

  async function hold(text: string, values: unknown[]): Promise<void> {
    const holder = await fixture.database.hold(text, values);
    release = async () => {
      release = async () => {};
      await holder.release();
    };
  }

  const increment = changesOf({ increment: { n: 1 } });

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['update()', (id) => store.update(id, 0, () => increment)],
    ['update() of any generation', (id) => store.update(id, null, () => increment)],
    ['login() with what depends on the data', (id) => store.login(loginTo(id), () => increment.data)],
  ])(
    'delay their own sessions only, though %s waits for more of them than there are connections',
    async (_, change) => {
      const other = await fixture.create();
      const held = await Promise.all(Array.from({ length: 2 * POOL }, () => fixture.create()));
      const ids = held.map(({ id }) => id);
      await hold(`update sessions set data = '{"n": 10}' where id = any($1::uuid[])`, [ids]);
      const waiting = Promise.all(ids.map(change));
      waiting.catch(() => {});
      for (let times = 0; times < 20; times++) {
        expect(await store.find(other.id)).toMatchObject({ id: other.id });
        expect(await store.commit(other.id, 0, increment)).not.toBeNull();
        expect(await store.update(other.id, 0, () => increment)).toMatchObject({ id: other.id });
      }
      expect(await fixture.dataOf(other.id)).toEqual({ n: 40 });
      await release();
      expect(await waiting).toMatchObject(ids.map((id) => ({ id })));
      for (const id of ids) expect(await fixture.dataOf(id)).toEqual({ n: 11 });
    },
  );

  it('are asked about together: none begins a transaction again while it is held', async () => {
    const held = await Promise.all(Array.from({ length: 4 * POOL }, () => fixture.create()));
    const ids = held.map(({ id }) => id);
    await hold('select from sessions where id = any($1::uuid[]) for update', [ids]);
    const [begun, asked] = [countStatements('begin'), countStatements('for share skip locked')];
    const updating = ids.map((id) => store.update(id, 0, () => increment));
    while (asked.count < 6) await setImmediate();
    expect(begun.count).toBe(ids.length);
    await release();
    expect(await Promise.all(updating)).toMatchObject(ids.map((id) => ({ id })));
  });

  it('are told from rows that are gone once they are not held any more', async () => {
    const held = await Promise.all(Array.from({ length: 3 }, () => fixture.create()));
    const [ended, loggedIn, expired] = held.map(({ id }) => id) as [string, string, string];
    await hold(
      `with ended as (delete from sessions where id = $1)
       update sessions set generation = case id when $2 then 1 else 0 end,
                           expires_at = case id when $3 then clock_timestamp() else expires_at end
       where id in ($2, $3)`,
      [ended, loggedIn, expired],
    );
    const updating = held.map(({ id }) => store.update(id, 0, () => increment));
    await expect(Promise.race([...updating, store.count()])).resolves.toBe(3);
    await release();
    expect(await Promise.all(updating)).toEqual([null, null, null]);
  });

  it('are given up when the time is up, and a connection is there for what comes then', async () => {
    const single = await fixture.openStore({ queryTimeout: SOON }, 1);
    const { id } = await fixture.create();
    await hold('select from sessions where id = $1 for update', [id]);
    const cause = { cause: { message: expect.stringContaining('another transaction held the session') } };
    expect(await fixture.outcomes(single.update(id, 0, () => increment))).toMatchObject([cause]);
    expect(await single.find(id)).toMatchObject({ id });
    await release();
    expect(await single.update(id, 0, () => increment)).toMatchObject({ id });
  });
});

describe('Rows that another transaction holds, of sessions that are taken over', () => {
  let store: MikroOrmSessionStore;
  beforeAll(async () => {
    await fixture.database.query(
      'create table old (sid varchar primary key, sess json not null, expire timestamp(6) not null)',
    );
    const oldTable = { schema: undefined, name: 'old' };
    store = await fixture.openStore({ queryTimeout: 2_000, oldTable }, POOL);
  });

  const ids = (): string[] => Array.from({ length: 2 * POOL }, () => createSessionId());

  it('delay these only where they are in the old table: each is taken over once, when it is free', async () => {
    const all = ids();
    await fixture.database.query(
      `insert into old select sid, '{}', now() + interval '1 day' from unnest($1::text[]) as sid`,
      [all],
    );
    const other = await fixture.create();
    const holder = await fixture.database.hold(`update old set expire = expire + interval '1 day'`);
    try {
      const adopting = all.flatMap((id) => [store.adopt(newSession({ id }), id), store.adopt(newSession({ id }), id)]);
      for (let times = 0; times < 20; times++) expect(await store.find(other.id)).toMatchObject({ id: other.id });
      await holder.release();
      const adopted = await Promise.all(adopting);
      expect(adopted.filter((one) => one !== null).map(({ id }) => id)).toEqual(all);
    } finally {
      await holder.release().catch(() => {});
    }
    expect(await fixture.database.query('select from old')).toEqual([]);
  });

  it('do not hold up a request that comes too late to take over a session: it is there', async () => {
    const all = ids();
    for (const id of all) expect(await store.adopt(newSession({ id }), null)).toMatchObject({ id });
    const holder = await fixture.database.hold(`update sessions set user_agent = 'none'`);
    try {
      expect(await Promise.all(all.map((id) => store.adopt(newSession({ id }), null)))).toEqual(all.map(() => null));
    } finally {
      await holder.release();
    }
  });
});

describe('Updates of one row', () => {
  const QUERY_TIMEOUT = 5_000;
  const stores: MikroOrmSessionStore[] = [];
  beforeAll(async () => {
    for (let n = 0; n < 3; n++) stores.push(await fixture.openStore({ queryTimeout: QUERY_TIMEOUT }));
  });

  it('by several processes at once all come to their turn, those of one process in the order of the calls', async () => {
    const { id } = await fixture.create({ data: { order: [] } });
    const updates = stores.flatMap((store, by) => Array.from({ length: 20 }, (_, n) => [store, 100 * by + n] as const));
    await Promise.all(updates.map(([store, n]) => store.update(id, 0, () => changesOf({ push: { order: [n] } }))));
    const { order } = (await fixture.dataOf(id)) as { order: number[] };
    for (const by of stores.keys()) {
      const ofStore = order.filter((n) => Math.floor(n / 100) === by);
      expect(ofStore).toEqual(Array.from({ length: 20 }, (_, n) => 100 * by + n));
    }
  });

  it('come to their turn soon, though another process updates it without end', async () => {
    const { id } = await fixture.create({ data: { n: 0 } });
    const [one, another] = stores as [MikroOrmSessionStore, MikroOrmSessionStore];
    const updates = 40;
    let isOver = false;
    let turns = 0;
    const endless = (async () => {
      for (; !isOver; turns++) await another.update(id, 0, () => changesOf({ increment: { n: 1 } }));
    })();
    let longest = 0;
    for (let times = 0; times < updates; times++) {
      const since = performance.now();
      await one.update(id, 0, () => changesOf({ increment: { n: 1 } }));
      longest = Math.max(longest, performance.now() - since);
      await setTimeout(10);
    }
    isOver = true;
    await endless;
    expect(await fixture.dataOf(id)).toEqual({ n: turns + updates });
    expect(longest).toBeLessThan(QUERY_TIMEOUT / 4);
  });

  it.each<[string, (store: MikroOrmSessionStore, session: StoredSession) => Promise<unknown>]>([
    ['save()', (store, { id }) => store.commit(id, 0, changesOf({ set: { saved: true } }))],
    ['login()', (store, { id }) => store.login(loginTo(id))],
    [
      'regenerate()',
      (store, { id, secretHash }) =>
        store.rotate({ id, generation: 0, knownHash: secretHash, secretHash: Buffer.alloc(32, 8) }),
    ],
    ['destroy()', (store, { id }) => store.delete(id, null)],
    ['the end of all sessions of a user', (store) => collected(store.deleteByUser('mallory', null))],
  ])('let %s come to its turn, though six processes update the row without end', async (_what, change) => {
    const updating = await Promise.all(Array.from({ length: 6 }, () => fixture.openStore({ queryTimeout: 1_000 })));
    const other = await fixture.openStore({ queryTimeout: 1_000 });
    for (let times = 0; times < 10; times++) {
      const session = await fixture.create({ data: { n: 0 }, userId: 'mallory' });
      const { id } = session;
      let isOver = false;
      const endless = updating.map(async (store) => {
        const update = (): Promise<unknown> => store.update(id, null, () => changesOf({ increment: { n: 1 } }));
        for (let last: unknown = true; !isOver && last !== null;) last = await update().catch(() => true);
      });
      let failure: unknown = null;
      for (let each = 0; each < 8; each++) {
        await setTimeout(10);
        await change(other, session).catch((error: unknown) => (failure = error));
      }
      isOver = true;
      await Promise.all(endless);
      expect(failure).toBeNull();
    }
  });

  it('ask again every few milliseconds whether it is free, as it is for one at a time', async () => {
    const { id } = await fixture.create();
    const holder = await fixture.lock(id);
    const asked = countStatements('for share skip locked');
    const [store] = stores as [MikroOrmSessionStore];
    const updating = store.update(id, 0, () => null);
    const times: number[] = [];
    while (times.length < 30) {
      await setImmediate();
      if (asked.count > times.length) times.push(performance.now());
    }
    await holder.release();
    expect(await updating).toMatchObject({ id });
    // The first pauses are short in any case. A busy machine makes most longer, and not all.
    const pauses = times.slice(10).map((time, index) => time - (times[index + 9] as number));
    expect(Math.min(...pauses)).toBeLessThan(15);
  });

  it('that nothing is in the way of take four statements, and three if they change nothing', async () => {
    const { id } = await fixture.create();
    const [store] = stores as [MikroOrmSessionStore];
    await store.update(id, 0, () => null);
    const statements = countStatements('');
    await store.update(id, 0, () => changesOf({ set: { a: 1 } }));
    expect(statements.count).toBe(4);
    await store.update(id, 0, () => null);
    expect(statements.count).toBe(7);
  });
});
