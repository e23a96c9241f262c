import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createSessionId } from '../../../lib/session/token.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { collected, newSession } from '../../../lib/testing/contract/support.js';
import { startLocalPostgres } from '../../../sample-app/local-postgres.js';
import { changesOf, countStatements, loginTo, useStores } from './stores.js';

const fixture = useStores();
const COUNT = 12;
/** How many other processes commit with a notification, and how long each takes in milliseconds, as with a standby that is far away. */
const OTHERS = 7;
const COMMIT = 30;

const NOISE = `with made as (insert into noise values (1) returning n) select pg_notify('another', 'x') from made`;

/** Transactions that notify take turns for the whole server, so that it is one of this test's own. */
describe('Changes that are told to other processes, where many wait for their turn to notify', () => {
  let postgres: Awaited<ReturnType<typeof startLocalPostgres>>;
  let folder: string;
  let url: string;
  let store: MikroOrmSessionStore;
  const clients: pg.Client[] = [];
  let standby: Promise<void>;
  let isStandbyOver = false;

  async function connect(name: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url, application_name: name });
    // Its wait for a standby is cut short, which the server says.
    client.on('notice', () => {});
    await client.connect();
    clients.push(client);
    return client;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'session-notifications-'));
    await chmod(folder, 0o755);
    postgres = await startLocalPostgres(folder);
    url = await postgres.url('notifications');
    const admin = await connect('admin');
    await admin.query('create table noise (n int)');
    await set(admin, 'synchronous_commit', 'local');
    await set(admin, 'synchronous_standby_names', 'nobody');
    store = await fixture.openStore({ queryTimeout: 1_000, invalidation: true }, COUNT, url);
    standby = endWaits(admin);
  });
  afterAll(async () => {
    isStandbyOver = true;
    await standby;
    await Promise.all(clients.map((client) => client.end()));
    await store.close();
    await postgres.release();
    await rm(folder, { recursive: true, force: true });
  });

  async function set(admin: pg.Client, setting: string, value: string): Promise<void> {
    await admin.query(`alter system set ${setting} = '${value}'`);
    await admin.query('select pg_reload_conf()');
    const isSet = async (): Promise<boolean> => {
      const { rows } = await admin.query<{ value: string }>('select current_setting($1) as value', [setting]);
      return rows[0]?.value === value;
    };
    while (!(await isSet())) await pause(5);
  }

  /** Has nobody else get a turn until it is ended. */
  async function keepTurn(): Promise<() => Promise<void>> {
    const [admin] = clients as [pg.Client];
    const keeper = await connect('keeper');
    await keeper.query(`set synchronous_commit = 'on'`);
    const keeping = keeper.query(NOISE);
    const waiting = `select pid from pg_stat_activity where application_name = 'keeper' and wait_event = 'SyncRep'`;
    while ((await admin.query(waiting)).rows.length === 0) await pause(5);
    return async () => {
      await admin.query(`select pg_cancel_backend(pid) from (${waiting}) as keeper`);
      await keeping;
    };
  }

  /** Plays the standby. */
  async function endWaits(admin: pg.Client): Promise<void> {
    const waiting = `select pid from pg_stat_activity where application_name = 'other' and wait_event = 'SyncRep'`;
    while (!isStandbyOver) {
      await admin.query(`select pg_cancel_backend(pid) from (${waiting}) as other`);
      await pause(COMMIT);
    }
  }

  describe('without end', () => {
    const others: Promise<void>[] = [];
    let isOver = false;
    beforeAll(async () => {
      for (let n = 0; n < OTHERS; n++) {
        const client = await connect('other');
        await client.query(`set synchronous_commit = 'on'`);
        others.push(notifyWithoutEnd(client));
      }
    });
    afterAll(async () => {
      isOver = true;
      await Promise.all(others);
    });

    async function notifyWithoutEnd(client: pg.Client): Promise<void> {
      while (!isOver) await client.query(NOISE);
    }

    it.each<[string, (id: string) => Promise<unknown>]>([
      ['a commit', (id) => store.commit(id, 0, changesOf({ set: { n: 1 } }))],
      ['a login', (id) => store.login(loginTo(id))],
      ['an end', (id) => store.delete(id, null)],
      ['an end of all of a user', (id) => collected(store.deleteByUser(id, null))],
    ])('are made, each in its turn: %s', async (_what, change) => {
      const ids = Array.from({ length: COUNT }, () => createSessionId());
      await Promise.all(ids.map((id) => store.create(newSession({ id, userId: id }))));
      const outcomes = await Promise.all(ids.map((id) => change(id).catch((error: unknown) => error)));
      expect(outcomes.filter((outcome) => outcome === null || outcome === false || outcome instanceof Error)).toEqual(
        [],
      );
    });
  });

  it('are waited for together, though with them goes one whose row is held, and whose time is over soon', async () => {
    const ids = Array.from({ length: COUNT }, () => createSessionId());
    await Promise.all(ids.map((id) => store.create(newSession({ id }))));
    const holder = await connect('holder');
    await holder.query('begin');
    await holder.query('select from sessions where id = $1 for update', [ids[0]]);
    const changes = changesOf({ set: { n: 1 } });
    const endTurn = await keepTurn();
    const statements = countStatements('saved as (');
    const held = store
      .commitIf(ids[0] as string, 0, new Map(), changes, store.now() + 150)
      .catch((error: unknown) => error);
    const others = ids.slice(1).map((id) => store.commit(id, 0, changes).catch((error: unknown) => error));
    await pause(300);
    await endTurn();
    expect(await held).toEqual(fixture.unavailable);
    await holder.query('rollback');
    for (const outcome of await Promise.all(others)) expect(outcome).toMatchObject({ ttl: expect.any(Number) });
    expect(statements.count).toBeLessThan(4);
  });

  // The second goes with the third, once the first is given up: with much of its time left, or with hardly any.
  it.each<[string, second: number, third: number, (id: string) => Promise<unknown>]>([
    ['logins', 300, 500, (id) => store.login(loginTo(id))],
    ['logins', 40, 860, (id) => store.login(loginTo(id))],
    ['ends', 300, 500, (id) => store.delete(id, null)],
    ['ends', 40, 860, (id) => store.delete(id, null)],
    ['commits', 150, 750, (id) => store.commit(id, 0, changesOf({ set: { n: 1 } }))],
  ])('are not made once they were given up: %s, after %i ms and %i ms', async (_what, second, third, change) => {
    const ids = Array.from({ length: 3 }, () => createSessionId());
    await Promise.all(ids.map((id) => store.create(newSession({ id }))));
    const endTurn = await keepTurn();
    const begin = (n: number) => change(ids[n] as string).catch((error: unknown) => error);
    const before = begin(0);
    await pause(second);
    const refused = begin(1);
    await pause(third);
    const last = begin(2);
    expect(await refused).toEqual(fixture.unavailable);
    await endTurn();
    expect(await before).toEqual(fixture.unavailable);
    expect(await last).toBeTruthy();
    expect(await Promise.all(ids.slice(0, 2).map((id) => store.find(id)))).toMatchObject([
      { generation: 0, data: '{}' },
      { generation: 0, data: '{}' },
    ]);
  });
});
