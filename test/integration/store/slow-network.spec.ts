import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionDataError, SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { newSession } from '../../../lib/testing/contract/support.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { changesOf, loginTo, useStores } from './stores.js';

const fixture = useStores();
/** In milliseconds: of an operation, and of the way to the database, which is as long back. */
const TIMEOUT = 1_000;
/** Of an operation where nothing is held: too short for forty ways and back, one after the other. */
const PATIENCE = 3_000;
const WAY = 60;
/** How often something begins: there is always a request whose time ends while its statement is under way. */
const EVERY = 40;
const HELD = 12;
const TIMES = 75;

let proxy: TcpProxy;
let store: MikroOrmSessionStore;
let patient: MikroOrmSessionStore;
let throughProxy: string;
beforeAll(async () => {
  const url = new URL(fixture.database.url);
  proxy = await TcpProxy.start(Number(url.port));
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  throughProxy = url.href;
  store = await fixture.openStore({ queryTimeout: TIMEOUT }, 10, throughProxy);
  patient = await fixture.openStore({ queryTimeout: PATIENCE }, 10, throughProxy);
});
afterAll(() => proxy.close());

const wrong = (outcomes: unknown[]): unknown[] =>
  outcomes.filter((outcome) => outcome === null || outcome instanceof Error);
const increment = changesOf({ increment: { n: 1 } });

it.each<[string, (id: string) => Promise<unknown>]>([
  ['commits', (id) => store.commit(id, 0, increment)],
  ['logins', (id) => store.login(loginTo(id))],
  ['ends of sessions', (id) => store.delete(id, null)],
])('%s of rows that are held make those of no other row fail, however slow the network', async (_, write) => {
  const held = await Promise.all(Array.from({ length: HELD }, () => fixture.create()));
  const others = await Promise.all(Array.from({ length: TIMES }, () => fixture.create()));
  const ids = held.map(({ id }) => id);
  const holder = await fixture.database.hold('select from sessions where id = any($1::uuid[]) for update', [ids]);
  proxy.set('delay', WAY);
  const refused: Promise<unknown>[] = [];
  const written: Promise<unknown>[] = [];
  try {
    for (const [times, { id }] of others.entries()) {
      refused.push(write(ids[times % HELD] as string).catch((error: unknown) => error));
      written.push(write(id).catch((error: unknown) => error));
      await pause(EVERY);
    }
    expect(wrong(await Promise.all(written))).toEqual([]);
    const unavailable = expect.any(SessionStoreUnavailableError);
    expect(await Promise.all(refused)).toEqual(others.map(() => unavailable));
  } finally {
    proxy.set('pass');
    await holder.release();
  }
});

/** How many wait, each for a row of its own: no more than are adopted at a time. */
const WAITING = 5;
/** Longer than it takes to let go of the row. */
const SHORT_WAY = 20;
/** Of what waits. PostgreSQL counts its limit from when the waiting begins, and how late that is depends on how busy the machine is. */
const LONG_TIMEOUT = 4_000;
/** In seconds, of a trigger that comes before. */
const TRIGGER = 0.1;

describe('What waited for a row of another table, and was answered with 503, is not written once that row is free:', () => {
  let store: MikroOrmSessionStore;
  beforeAll(async () => {
    store = await fixture.openStore({ queryTimeout: LONG_TIMEOUT }, 10, throughProxy);
    await fixture.database.query('create table owners (id text primary key)');
    await fixture.database.query(
      'alter table sessions add constraint of_owners foreign key (user_id) references owners (id)',
    );
    await fixture.database.query('create table carts (session_id uuid references sessions (id) on delete cascade)');
    await fixture.database.query('create index on carts (session_id)');
  });
  afterAll(() => fixture.database.query('drop table carts; drop table owners cascade'));

  const holdOwners = 'select from owners for update';

  async function expectUnwritten(hold: string, write: (id: string) => Promise<unknown>): Promise<void> {
    const sessions = await Promise.all(Array.from({ length: WAITING }, () => fixture.create()));
    for (const { id } of sessions) {
      await fixture.database.query('insert into owners values ($1)', [id]);
      await fixture.database.query('insert into carts values ($1)', [id]);
    }
    const rows = 'select id, generation, data from sessions order by id';
    const before = await fixture.database.query(rows);
    const holder = await fixture.database.hold(hold);
    proxy.set('delay', SHORT_WAY);
    try {
      const outcomes = await Promise.all(sessions.map(({ id }) => write(id).catch((error: unknown) => error)));
      await holder.release();
      expect(outcomes).toEqual(sessions.map(() => fixture.unavailable));
    } finally {
      proxy.set('pass');
    }
    await fixture.untilIdle();
    expect(await fixture.database.query(rows)).toEqual(before);
  }

  const writes: [string, hold: string, (id: string) => Promise<unknown>, when: string][] = [
    ['a login', holdOwners, (id) => store.login({ ...loginTo(id), userId: id }), 'before update'],
    ['a creation', holdOwners, (id) => store.create(newSession({ userId: id })), 'before insert'],
    ['an adoption', holdOwners, (id) => store.adopt(newSession({ userId: id }), null), 'before insert'],
    ['an end', 'select from carts for update', (id) => store.delete(id, null), 'before delete'],
  ];

  it.each(writes)('%s', (_, hold, write, when) =>
    fixture.withTrigger(when, `perform pg_sleep(${TRIGGER}); return coalesce(new, old);`, () =>
      expectUnwritten(hold, write),
    ),
  );
});

const TOGETHER = 40;

/** Sessions, of which the last is none that can be changed. */
async function several(): Promise<string[]> {
  const { id: bad } = await fixture.create({ data: { isFinal: true } });
  const others = await Promise.all(Array.from({ length: TOGETHER - 1 }, () => fixture.create()));
  return [...others.map(({ id }) => id), bad];
}

beforeAll(() => fixture.database.query(`alter table sessions add check (not (data ? 'isFinal' and data ? 'n'))`));

it.each<[string, (id: string) => Promise<unknown>]>([
  ['a commit', (id) => patient.commit(id, 0, increment)],
  ['a login', (id) => patient.login({ ...loginTo(id), changes: increment.data })],
])('%s that is refused makes no other fail that goes with it, however slow the network', async (_, write) => {
  const ids = await several();
  proxy.set('delay', WAY);
  try {
    const outcomes = await Promise.all(ids.map((id) => write(id).catch((error: unknown) => error)));
    expect([wrong(outcomes.slice(0, -1)), outcomes.at(-1)]).toEqual([[], expect.any(SessionDataError)]);
  } finally {
    proxy.set('pass');
  }
});

it('a login that waits for a row of another table makes no other fail, however slow the network', async () => {
  const ids = await several();
  await fixture.database.query('create table users (id text primary key)');
  await fixture.database.query('insert into users select unnest($1::text[])', [ids]);
  await fixture.database.query(
    'alter table sessions add constraint of_users foreign key (user_id) references users (id)',
  );
  const holder = await fixture.database.hold('select from users where id = $1 for update', [ids[0]]);
  proxy.set('delay', WAY);
  try {
    const logins = ids.map((id) => patient.login({ ...loginTo(id), userId: id }).catch((error: unknown) => error));
    const [first, ...others] = await Promise.all(logins);
    expect([first, wrong(others)]).toEqual([expect.any(SessionStoreUnavailableError), []]);
  } finally {
    proxy.set('pass');
    await holder.release();
    await fixture.database.query('drop table users cascade');
  }
});
