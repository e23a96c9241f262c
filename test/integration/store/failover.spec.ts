import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { createSessionId, issueCredential } from '../../../lib/session/token.js';
import { SessionEntity } from '../../../lib/store/postgres/session.entity.js';
import { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { PostgresBinaries } from '../../../sample-app/postgres-binaries.js';
import { Cluster } from '../../faults/postgres/cluster.js';
import { StoreReports } from '../../support/store-listener.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { HOUR, MINUTE } from './stores.js';

const DATABASE = 'sessions_of_test';

/** What uses up numbers of transactions is the test alone. */
const SETTINGS = 'autovacuum = off';

describe('MikroOrmSessionStore: a failover that it does not notice, to a standby that lacks the last transactions', () => {
  let home: string;
  let primary: Cluster;
  /** What was the standby of the primary, and has got nothing from it since they parted. */
  let promoted: Cluster;
  let proxy: TcpProxy;
  const closing: (() => Promise<unknown>)[] = [];

  /** A store whose connections end when they are idle, so that none fails when another server answers. */
  async function openStore(): Promise<MikroOrmSessionStore> {
    const orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: primary.url(DATABASE, undefined, proxy.port),
      entities: [SessionEntity],
      pool: { min: 0, max: 2 },
      driverOptions: { idleTimeoutMillis: 10 },
    });
    const store = new MikroOrmSessionStore(orm, { queryTimeout: 20_000, maxDataBytes: 1_000, ensureSchema: true });
    await store.open(new StoreReports());
    closing.push(async () => {
      await store.close();
      await orm.close(true);
    });
    return store;
  }

  /** Writes the data of sessions in one transaction. Returns its number. */
  async function write(server: Cluster, data: string): Promise<number> {
    const text = `with written as (update sessions set data = $1 returning xmin)
                  select pg_current_xact_id()::text::int as number from written limit 1`;
    const [row] = await server.query<{ number: number }>(DATABASE, text, [data]);
    return row?.number ?? 0;
  }

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'session-failover-'));
    await chmod(home, 0o755);
    primary = await Cluster.make(await PostgresBinaries.for(home, null), join(home, 'primary'), SETTINGS);
    await primary.start();
    await primary.query('postgres', `create database ${DATABASE}`);
    proxy = await TcpProxy.start(primary.port);
  }, 60_000);

  afterAll(async () => {
    for (const close of closing) await close();
    await proxy.close();
    await primary.remove();
    await promoted.remove();
    await rm(home, { recursive: true });
  }, 60_000);

  it('does not take a row for one that is known because a transaction of the same number has written it', async () => {
    const [finds, renews] = [await openStore(), await openStore()];
    const id = createSessionId();
    const { secretHash } = issueCredential(id);
    const lifetime = { ttl: 30 * MINUTE, absolute: 12 * HOUR };
    await finds.create({ id, secretHash, userId: null, auth: null, lifetime, ip: null, userAgent: null, data: '{}' });
    while (proxy.connections > 0) await pause(5);
    await primary.stop('fast');
    promoted = await primary.copy(join(home, 'promoted'));
    await primary.start();
    await promoted.start();

    // The standby may have used some numbers of its own at its start.
    for (let used = 0; used < 20; used++) await primary.query(DATABASE, 'select pg_current_xact_id()');
    const lost = await write(primary, '{"of": "the lost"}');
    for (const store of [finds, renews]) {
      for (let time = 0; time < 3; time++) expect((await store.find(id))?.data).toBe('{"of": "the lost"}');
    }
    while (proxy.connections > 0) await pause(5);
    await primary.stop('immediate');
    proxy.lead(promoted.port);

    const next = `select pg_snapshot_xmax(pg_current_snapshot())::text::int as number`;
    const nextNumber = async () => (await promoted.query<{ number: number }>(DATABASE, next))[0]?.number ?? Infinity;
    while ((await nextNumber()) < lost) await promoted.query(DATABASE, 'select pg_current_xact_id()');
    expect(await write(promoted, '{"of": "the promoted"}')).toBe(lost);

    expect((await finds.find(id))?.data).toBe('{"of": "the promoted"}');
    renews.renew({ id, at: renews.now(), expiresAt: renews.now() + HOUR });
    await renews.flush();
    expect((await renews.find(id))?.data).toBe('{"of": "the promoted"}');
  }, 60_000);
});
