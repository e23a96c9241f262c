import { afterEach, describe, expect, it } from '@jest/globals';
import { useStores } from './stores.js';

const stores = useStores();

describe('The feed of changes', () => {
  const databaseName = (): string => new URL(stores.database.url).pathname.slice(1);
  const readOnly = `alter database %s set default_transaction_read_only = on`;
  const reset = (): Promise<unknown> =>
    stores.database.query(`alter database ${databaseName()} reset default_transaction_read_only`);
  afterEach(reset);

  it('is not connected while it is a read-only server, such as an old primary, that it hears', async () => {
    const store = await stores.openStore({ invalidation: true });
    const { feed } = stores.reportsOf(store);
    expect(feed).toEqual([true]);
    await stores.database.query(readOnly.replace('%s', databaseName()));
    const listening = `select pid from pg_stat_activity where query like 'select current_setting(%'
                       and datname = current_database() and state = 'idle'`;
    const terminate = `select pg_terminate_backend(pid) from (${listening}) as them`;
    while ((await stores.database.query(terminate)).length === 0);
    while (feed.at(-1) !== false) await new Promise(setImmediate);
    // It connects again, as the server accepts it, and is not taken for connected.
    while (feed.length < 4) await new Promise(setImmediate);
    expect(feed.slice(1)).not.toContain(true);
    await reset();
    while (feed.at(-1) !== true) await new Promise(setImmediate);
    expect(await store.find((await stores.create()).id)).not.toBeNull();
  });
});
