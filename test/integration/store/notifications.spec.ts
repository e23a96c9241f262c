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
import { changesOf, loginTo, useStores } from './stores.js';

const fixture = useStores();
const COUNT = 12;
/** How many other processes commit with a notification, and how long each takes in milliseconds, as with a standby that is far away. */
const OTHERS = 7;
const COMMIT = 30;

/** Transactions that notify take turns for the whole server, so that it is one of this test's own. */
describe('Changes that are told to other processes, where many wait for their turn to notify', () => {
  let postgres: Awaited<ReturnType<typeof startLocalPostgres>>;
  let folder: string;
  let url: string;
  let store: MikroOrmSessionStore;
  const clients: pg.Client[] = [];
  const others: Promise<void>[] = [];
  let isOver = false;

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
    for (let n = 0; n < OTHERS; n++) {
      const client = await connect('other');
      await client.query(`set synchronous_commit = 'on'`);
      others.push(notifyWithoutEnd(client));
    }
    others.push(endWaits(admin));
  });
  afterAll(async () => {
    isOver = true;
    await Promise.all(others);
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

  async function notifyWithoutEnd(client: pg.Client): Promise<void> {
    const noise = `with made as (insert into noise values (1) returning n) select pg_notify('another', 'x') from made`;
    while (!isOver) await client.query(noise);
  }

  /** Plays the standby. */
  async function endWaits(admin: pg.Client): Promise<void> {
    const waiting = `select pid from pg_stat_activity where application_name = 'other' and wait_event = 'SyncRep'`;
    for (let ended = 1; !isOver || ended > 0; await pause(COMMIT)) {
      ended = (await admin.query(`select pg_cancel_backend(pid) from (${waiting}) as other`)).rows.length;
    }
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
    expect(outcomes.filter((outcome) => outcome === null || outcome === false || outcome instanceof Error)).toEqual([]);
  });
});
