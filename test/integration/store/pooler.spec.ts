import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issueCredential } from '../../../lib/session/token.js';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { Pooler } from '../../faults/postgres/pooler.js';
import { installed } from '../../faults/postgres/programs.js';
import { type DatabaseProxy, startDatabaseProxy } from '../../support/database-proxy.js';
import { changesOf, MINUTE, useStores } from './stores.js';

const stores = useStores();
/** npm does not install it. */
const pgbouncer = await installed('pgbouncer');

(pgbouncer === null ? describe.skip : describe)('MikroOrmSessionStore behind a PgBouncer', () => {
  /** A connection to the server ends once it is to answer with this. */
  let cutAt: string | null = null;
  let proxy: DatabaseProxy;
  let pooler: Pooler;
  let folder: string;
  let store: MikroOrmSessionStore;

  beforeAll(async () => {
    proxy = await startDatabaseProxy(stores.database.url, (client, connect) => {
      const upstream = connect();
      client.on('data', (chunk) => upstream.write(chunk));
      upstream.on('data', (chunk) => {
        if (cutAt === null || !chunk.includes(cutAt)) {
          client.write(chunk);
          return;
        }
        cutAt = null;
        client.destroy();
      });
      upstream.on('close', () => client.destroy());
    });
    const server = new URL(stores.database.url);
    const userList = `"${server.username}" "${decodeURIComponent(server.password)}"\n`;
    folder = await mkdtemp(join(tmpdir(), 'session-pooler-'));
    pooler = await Pooler.make({ port: Number(new URL(proxy.url).port), userList }, folder);
    await pooler.start();
    server.host = `127.0.0.1:${pooler.port}`;
    store = await stores.openStore({ preparedStatements: false }, 4, server.href);
  });
  afterAll(async () => {
    await pooler.stop();
    await proxy.close();
    await rm(folder, { recursive: true });
  });

  const increment = changesOf({ increment: { n: 1 } });

  it.each<[string, string, (id: string) => Promise<unknown>]>([
    ['a commit', 'SELECT 1', (id) => store.commit(id, 0, increment)],
    ['an update', 'COMMIT', (id) => store.update(id, 0, () => increment)],
  ])('writes %s once, of which the answer is lost on its way to the pooler', async (_, answer, write) => {
    const { id } = await stores.create({ data: { n: 1 } });
    cutAt = answer;
    await expect(write(id)).rejects.toThrow(SessionStoreUnavailableError);
    expect(cutAt).toBeNull();
    expect(await store.find(id)).toMatchObject({ data: '{"n": 2}' });
  });

  it('does not take a session for gone that it has just logged in to', async () => {
    const { id } = await stores.create();
    const login = { ...issueCredential(id), generation: 0, userId: 'ada', auth: null, flush: false, changes: null };
    cutAt = 'SELECT 1';
    const loggedIn = store.login({ ...login, lifetime: { ttl: MINUTE, absolute: null } });
    await expect(loggedIn).rejects.toThrow(SessionStoreUnavailableError);
    expect(await store.find(id)).toMatchObject({ generation: 1, userId: 'ada' });
  });
});

describe('MikroOrmSessionStore behind a pooler of another kind', () => {
  /** What the next answer with that in it becomes: the pooler says in its own words that it is lost, and soon closes the connection. */
  let lost: { readonly answer: string; readonly code: string } | null = null;
  let proxy: DatabaseProxy;
  beforeAll(async () => {
    proxy = await startDatabaseProxy(stores.database.url, (client, connect) => {
      const upstream = connect();
      client.on('data', (chunk) => upstream.write(chunk));
      upstream.on('data', (chunk) => {
        if (lost === null || !chunk.includes(lost.answer)) {
          client.write(chunk);
          return;
        }
        const fields = Buffer.from(`SFATAL\0VFATAL\0C${lost.code}\0Mthe connection to the server has ended\0\0`);
        lost = null;
        const length = Buffer.alloc(4);
        length.writeInt32BE(fields.length + 4);
        client.write(Buffer.concat([Buffer.from('E'), length, fields]));
        setTimeout(() => client.destroy(), 20);
      });
      upstream.on('close', () => client.destroy());
    });
  });
  afterAll(() => proxy.close());

  const increment = changesOf({ increment: { n: 1 } });
  const unavailable = { status: 'rejected', reason: { code: 'ERR_SESSION_STORE_UNAVAILABLE' } };

  it('writes once what goes together, of which the pooler says with a code of its own that the answer is lost', async () => {
    const store = await stores.openStore({}, 4, proxy.url);
    const [one, other] = [await stores.create({ data: { n: 1 } }), await stores.create({ data: { n: 1 } })];
    lost = { answer: 'SELECT 2', code: 'XX000' };
    const written = [one, other].map(({ id }) => store.commit(id, 0, increment));
    expect(await Promise.allSettled(written)).toMatchObject([unavailable, unavailable]);
    expect(lost).toBeNull();
    for (const { id } of [one, other]) expect(await store.find(id)).toMatchObject({ data: '{"n": 2}' });
  });

  it.each(['08P01', '57P01'])('sends nothing else on a connection of which it says %s', async (code) => {
    const store = await stores.openStore({ queryTimeout: 5_000 }, 1, proxy.url);
    const [one, other] = [await stores.create({ data: { n: 1 } }), await stores.create()];
    await store.count();
    lost = { answer: 'SELECT 1', code };
    // The second waits for the connection of the first.
    const asked = [store.commit(one.id, 0, increment), store.delete(other.id, 0)];
    expect(await Promise.allSettled(asked)).toMatchObject([unavailable, { status: 'fulfilled', value: true }]);
    expect(lost).toBeNull();
  });
});
