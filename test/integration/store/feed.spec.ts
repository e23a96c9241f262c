import { mkdtemp, rm } from 'node:fs/promises';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Pooler } from '../../faults/postgres/pooler.js';
import { installed } from '../../faults/postgres/programs.js';
import { type DatabaseProxy, startDatabaseProxy } from '../../support/database-proxy.js';
import { ABSENT, useStores } from './stores.js';

const stores = useStores();
/** npm does not install it. */
const pgbouncer = await installed('pgbouncer');

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

  it.each([
    ['is connected, though other processes try theirs and change nothing', ':', []],
    ['hears which sessions another process has changed', `:${ABSENT}`, [[ABSENT]]],
    ['hears that another process may have changed any', ':*', [null]],
  ])('%s', async (_, message, changed) => {
    const store = await stores.openStore({ invalidation: true });
    const reports = stores.reportsOf(store);
    await stores.database.query(`select pg_notify('nestjs_mikro_session', 'other${message}')`);
    await stores.database.query(`select pg_notify('nestjs_mikro_session', 'last:last')`);
    while (reports.changes.at(-1)?.[0] !== 'last') await new Promise(setImmediate);
    expect(reports.changes.slice(0, -1)).toEqual(changed);
    expect(reports.feed).toEqual([true]);
  });

  it('stays connected while the pool has no connection to try it with', async () => {
    const store = await stores.openStore({ invalidation: true, queryTimeout: 6_000 }, 1);
    const { feed } = stores.reportsOf(store);
    const { id } = await stores.create();
    const held = await stores.database.hold('lock table sessions in access exclusive mode');
    const waiting = store.find(id);
    // Of two beats, at least one falls into it.
    const over = performance.now() + 4_500;
    while (performance.now() < over) await new Promise((resolve) => setTimeout(resolve, 50));
    await held.release();
    expect(await waiting).not.toBeNull();
    expect(feed).toEqual([true]);
  });

  it('lets the store open, and connects anew, where its first connection is cut before it has heard anything', async () => {
    const proxy = await startCuttingProxy(stores.database.url);
    try {
      const store = await stores.openStore({ invalidation: true }, 4, proxy.url);
      const { feed } = stores.reportsOf(store);
      expect(feed[0]).toBe(false);
      while (feed.at(-1) !== true) await new Promise(setImmediate);
    } finally {
      await proxy.close();
    }
  });

  (pgbouncer === null ? it.skip : it)(
    'is not connected behind a PgBouncer in transaction mode, which takes LISTEN and passes no message on',
    () => expectToBeDeafBehindPooler(),
  );
});

/** How a server tells of a notification: the first byte of a message. */
const NOTIFICATION = 'A'.charCodeAt(0);

/** Leads to a database, and cuts the first connection that listens as soon as it is to hear something. */
async function startCuttingProxy(database: string): Promise<DatabaseProxy> {
  let first: net.Socket | null = null;
  return startDatabaseProxy(database, (client, connect) => {
    const upstream = connect();
    client.on('data', (chunk) => {
      if (chunk.includes('listen ')) first ??= client;
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (client === first && chunk[0] === NOTIFICATION) client.destroy();
      else client.write(chunk);
    });
    upstream.on('close', () => client.destroy());
  });
}

async function expectToBeDeafBehindPooler(): Promise<void> {
  const server = new URL(stores.database.url);
  const folder = await mkdtemp(join(tmpdir(), 'session-pooler-'));
  const userList = `"${server.username}" "${decodeURIComponent(server.password)}"\n`;
  const pooler = await Pooler.make({ port: Number(server.port), userList }, folder);
  await pooler.start();
  try {
    server.host = `127.0.0.1:${pooler.port}`;
    const store = await stores.openStore({ invalidation: true, preparedStatements: false }, 4, server.href);
    expect(stores.reportsOf(store).feed).toEqual([false]);
  } finally {
    await pooler.stop();
    await rm(folder, { recursive: true });
  }
}
