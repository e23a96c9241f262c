import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/core';
import { PgliteDriver } from '@mikro-orm/pglite';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { SessionEntity, SessionService } from 'nestjs-mikro-session';
import { MikroOrmSessionStore, type SessionStore } from 'nestjs-mikro-session/store';
import { CachingSessionStore } from '../../lib/store/caching.session-store.js';
import { sessionStoreContract } from 'nestjs-mikro-session/testing';
import { startApp, type TestApp } from '../support/app.js';
import { StoreReports } from '../support/store-listener.js';
import { inHandler, visit } from '../support/probe.js';

const connectionOf = (orm: { readonly driver: object }) => (orm.driver as unknown as PgliteDriver).getConnection();

const OPTIONS = { maxDataBytes: 65_536, queryTimeout: 10_000, ensureSchema: true };

describe.each([
  ['MikroOrmSessionStore', OPTIONS, (store: SessionStore) => store],
  [
    'CachingSessionStore',
    { ...OPTIONS, invalidation: true },
    (store: SessionStore) => new CachingSessionStore(store, { max: 100, ttl: 60_000, maxBytes: 1e7 }),
  ],
])('%s on PGlite', (_name, options, wrap) => {
  let orm: MikroORM;
  let store: SessionStore;
  beforeAll(async () => {
    orm = await MikroORM.init({ driver: PgliteDriver, dbName: 'memory://', entities: [SessionEntity] });
    store = wrap(new MikroOrmSessionStore(orm as never, options));
    await store.open(new StoreReports());
  });
  beforeEach(() => connectionOf(orm).execute('truncate sessions'));
  afterAll(async () => {
    await store.close();
    await orm.close();
  });

  // oxlint-disable-next-line jest/expect-expect -- the contract asserts
  it.each(sessionStoreContract)('$name', ({ run }) => run(store));

  it('sweeps, and leaves the only connection as it is', async () => {
    expect(await store.claimSweep(1)).toBe(true);
    expect(await store.claimSweep(1)).toBe(true);
    expect(await connectionOf(orm).execute('show idle_session_timeout')).toEqual([{ idle_session_timeout: '0' }]);
  });
});

describe('An application on PGlite', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp(null, {
      before: [MikroOrmModule.forRoot({ driver: PgliteDriver, dbName: 'memory://', autoLoadEntities: true })],
      options: { cache: true, queryTimeout: '5s' },
    });
  });
  afterAll(() => app.close());

  it('keeps sessions over HTTP: a login, changes in parallel, an update under lock, and a logout', async () => {
    const client = app.client();
    await visit(client, (session) => session.login('ada', { roles: ['reader'] }));
    await Promise.all(Array.from({ length: 20 }, () => visit(client, (session) => session.increment('n' as never))));
    await Promise.all(
      Array.from({ length: 20 }, () =>
        visit(client, (session) =>
          session.update((data) => ((data as { m?: number }).m = Number((data as any).m ?? 0) + 1)),
        ),
      ),
    );
    const seen = await inHandler(client, (session) => [session.userId, session.auth, session.toJSON()]);
    expect(seen).toEqual(['ada', { roles: ['reader'] }, { n: 20, m: 20 }]);
    const cookie = await client.cookie();
    await visit(client, (session) => session.logout());
    expect(await inHandler(client, (session) => session.userId, { cookie })).toBeNull();
  });

  it('keeps a session whatever becomes of a transaction of the application meanwhile', async () => {
    const client = app.client();
    await visit(client, (session) => session.set('n' as never, 1 as never));
    const orm = app.app.get(MikroORM);
    let saved: Promise<unknown> = Promise.resolve();
    const work = orm.em.fork().transactional(async (em) => {
      await connectionOf(orm).execute('create table half_done (id int)', [], 'run', em.getTransactionContext());
      saved = visit(client, (session) => session.set('n' as never, 2 as never));
      // Time for a visit that does not wait for the transaction to end before it.
      await Promise.race([saved, new Promise((resolve) => setTimeout(resolve, 100))]);
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect(await saved).toMatchObject({ status: 200 });
    expect(await inHandler(client, (session) => session.get('n' as never))).toBe(2);
  });

  it('keeps what others save while an update that fails is under way', async () => {
    const sessions = app.app.get(SessionService);
    const store = new MikroOrmSessionStore(app.app.get(MikroORM), OPTIONS);
    await store.open(new StoreReports());
    const { session } = await sessions.create();
    const failing = store.update(session.id, null, () => {
      throw new Error('no');
    });
    const others = Promise.all(Array.from({ length: 50 }, () => sessions.create({ data: { n: 1 } as never })));
    await expect(failing).rejects.toThrow('no');
    for (const other of await others) expect(await store.find(other.session.id)).not.toBeNull();
  });

  it('hears what another application on the same PGlite changes', async () => {
    const orm = app.app.get(MikroORM);
    const other = new MikroOrmSessionStore(orm as never, { ...OPTIONS, invalidation: true });
    await other.open(new StoreReports());
    const client = app.client();
    const id = await inHandler(client, (session) => (session.set('n' as never, 1 as never), session.id));
    await visit(client, (session) => session.get('n' as never));
    expect(await other.delete(id, null)).toBe(true);
    while ((await app.app.get(SessionService).find(id)) !== null) await new Promise(setImmediate);
    await other.close();
  });
});
