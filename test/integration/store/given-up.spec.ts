import { describe, expect, it } from '@jest/globals';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { changesOf, useStores } from './stores.js';

const stores = useStores();
const MOST = 3;

describe('A statement that is given up', () => {
  const change = changesOf({ set: { n: 1 } });

  /** A store that gives up soon, and the backends that work for it. */
  async function impatientStore(): Promise<{ store: MikroOrmSessionStore; backends: () => Promise<number[]> }> {
    const store = await stores.openStore({ queryTimeout: 300 }, MOST);
    const name = `store-${stores.orms.length - 1}`;
    const backends = async (): Promise<number[]> => {
      const rows = await stores.database.query<{ pid: number }>(
        `select pid from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'`,
        [name],
      );
      return rows.map(({ pid }) => pid);
    };
    return { store, backends };
  }

  it('leaves no backend that waits for a locked table, and never more than the pool has', async () => {
    const { store, backends } = await impatientStore();
    const { id } = await stores.create();
    const held = await stores.database.hold('lock table sessions in access exclusive mode');
    const seen: number[] = [];
    let isDone = false;
    const watching = (async () => {
      while (!isDone) seen.push((await backends()).length);
    })();
    const visitors = Array.from({ length: 12 }, async () => {
      for (let times = 0; times < 5; times++) {
        await expect(store.find(id)).rejects.toBeInstanceOf(SessionStoreUnavailableError);
        await expect(store.commit(id, 0, change)).rejects.toBeInstanceOf(SessionStoreUnavailableError);
      }
    });
    await Promise.all(visitors);
    while ((await backends()).length > 0);
    isDone = true;
    await watching;
    expect(Math.max(...seen)).toBeGreaterThan(0);
    expect(Math.max(...seen)).toBeLessThanOrEqual(MOST);
    await held.release();
    expect(await store.find(id)).toMatchObject({ id, data: '{}' });
    expect(await store.commit(id, 0, change)).not.toBeNull();
  });

  it('is cancelled within a transaction as well, whose connection is not used again', async () => {
    const { store, backends } = await impatientStore();
    const { id } = await stores.create();
    await stores.database.query(`
      create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return new; end $$;
      create trigger slow before update on sessions for each row when (new.data ? 'slow') execute function slow()`);
    try {
      const slow = changesOf({ set: { slow: true } });
      await expect(store.update(id, 0, () => slow)).rejects.toBeInstanceOf(SessionStoreUnavailableError);
      const working = `select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`;
      while ((await stores.database.query(working)).length > 0);
      expect(await store.update(id, 0, () => change)).toMatchObject({ id });
      expect(await backends()).toEqual([]);
    } finally {
      await stores.database.query('drop trigger slow on sessions; drop function slow()');
    }
    expect(await stores.dataOf(id)).toEqual({ n: 1 });
  });

  it('does not have the statement after it cancelled, on the same connection', async () => {
    const { store } = await impatientStore();
    const { id } = await stores.create();
    for (let times = 0; times < 8; times++) {
      const held = await stores.database.hold('lock table sessions in access exclusive mode');
      const given = store.find(id);
      given.catch(() => {});
      await expect(given).rejects.toBeInstanceOf(SessionStoreUnavailableError);
      await held.release();
      const found = await Promise.all(Array.from({ length: 5 }, () => store.find(id)));
      expect(found).toMatchObject(Array.from({ length: 5 }, () => ({ id })));
    }
  });
});
