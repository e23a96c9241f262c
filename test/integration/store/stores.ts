import { afterAll, afterEach, beforeAll, expect, jest } from '@jest/globals';
import { MikroORM } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import pg from 'pg';
import type { SessionChanges } from '../../../lib/session/data/changes.js';
import { createSessionId, issueCredential } from '../../../lib/session/token.js';
import type { Login, NewSession } from '../../../lib/session-store.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { SessionEntity } from '../../../lib/store/postgres/session.entity.js';
import {
  MikroOrmSessionStore,
  type MikroOrmSessionStoreOptions,
} from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { createTableSql } from '../../../lib/store/postgres/session.migration.js';
import { StoreReports } from '../../support/store-listener.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const ABSENT = '0199a1b2-c3d4-7e5f-8a6b-0123456789ab';
const OPTIONS: MikroOrmSessionStoreOptions = {
  queryTimeout: 20_000,
  maxDataBytes: 1_000,
  ensureSchema: true,
};
/** Of a store that gives up soon, for what is to fail: long enough for a statement that nothing holds up. */
export const SOON = 400;

/** What a test changes of a session. */
export interface Change {
  set?: Record<string, unknown>;
  unset?: string[];
  increment?: Record<string, number>;
  push?: Record<string, unknown[]>;
  lifetime?: SessionChanges['lifetime'];
  renew?: boolean;
}

export function changesOf({ set = {}, unset = [], increment = {}, push = {}, ...rest }: Change): SessionChanges {
  const texts = (values: object) => new Map(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]));
  const data = { set: texts(set), unset, increment: new Map(Object.entries(increment)), push: texts(push) };
  const isEmpty = data.set.size + unset.length + data.increment.size + data.push.size === 0;
  return { data: isEmpty ? null : data, lifetime: null, renew: false, ...rest };
}

/** Counts the statements with a text in them that go to the database, until the test ends. */
export function countStatements(text: string): { readonly count: number } {
  const spy = jest.spyOn(pg.Client.prototype, 'query');
  return {
    get count() {
      const texts = spy.mock.calls.map(([query]) => (query as unknown as { text?: string }).text);
      return texts.filter((one) => one?.includes(text)).length;
    },
  };
}

/** A login of ada's to a session that nobody has logged in to. */
export function loginTo(id: string): Login {
  return {
    id,
    generation: 0,
    secretHash: Buffer.alloc(32, 7),
    userId: 'ada',
    auth: null,
    lifetime: { ttl: HOUR, absolute: null },
    flush: false,
    changes: null,
  };
}

/** Has the statements with a text in them fail, until the test ends. */
export function failStatements(text: string, error = new Error('Connection lost')): void {
  // oxlint-disable-next-line typescript/unbound-method -- called on what it is called on
  const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
  jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const isConcerned = (args[0] as { text?: string }).text?.includes(text) === true;
    if (!isConcerned) return query.apply(this, args);
    const done = args.at(-1);
    if (typeof done !== 'function') return Promise.reject(error);
    process.nextTick(done, error);
    return undefined;
  } as never);
}

/** Stores over a database of their own, for all tests of a file; there once its first test runs. */
// oxlint-disable-next-line typescript/explicit-function-return-type -- said once, below
export function useStores({ partitions = null }: { partitions?: number | null } = {}) {
  let database: TestDatabase;
  const orms: MikroORM[] = [];
  const reports = new Map<MikroOrmSessionStore, StoreReports>();
  let store: MikroOrmSessionStore;
  let impatient: MikroOrmSessionStore;

  async function openStore(
    options: Partial<MikroOrmSessionStoreOptions> = {},
    max = 4,
    url = database.url,
  ): Promise<MikroOrmSessionStore> {
    const name = `store-${orms.length}`;
    const orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: url,
      entities: [SessionEntity],
      pool: { min: 0, max },
      driverOptions: { application_name: name },
    });
    orms.push(orm);
    const opened = new MikroOrmSessionStore(orm, { ...OPTIONS, ...options });
    reports.set(opened, new StoreReports());
    await opened.open(reportsOf(opened));
    return opened;
  }

  beforeAll(async () => {
    database = await createDatabase();
    if (partitions !== null) {
      const statements = createTableSql({ schema: undefined, name: 'sessions' }, partitions);
      for (const statement of statements) await database.query(statement);
    }
    store = await openStore();
    impatient = await openStore({ queryTimeout: SOON });
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await database.query('delete from sessions');
  });

  afterAll(async () => {
    await Promise.all([...reports.keys()].map((one) => one.close()));
    await Promise.all(orms.map((orm) => orm.close(true)));
    await database.drop();
  });

  /** A stored session. */
  function create(content: Partial<Omit<NewSession, 'data'>> & { data?: unknown } = {}): Promise<StoredSession> {
    const id = createSessionId();
    return store.create({
      id,
      secretHash: issueCredential(id).secretHash,
      userId: null,
      auth: null,
      lifetime: { ttl: 30 * MINUTE, absolute: 12 * HOUR },
      ip: null,
      userAgent: null,
      ...content,
      data: JSON.stringify(content.data ?? {}),
    });
  }

  const reportsOf = (one: MikroOrmSessionStore) => reports.get(one) as StoreReports;

  /** Has accesses written that were some time ago, and returns which sessions were renewed. */
  async function renew(ids: readonly string[], age = 0, by = store): Promise<string[]> {
    const { renewals } = reportsOf(by);
    const before = renewals.length;
    const at = by.now() - age;
    for (const id of ids) by.renew({ id, at, expiresAt: at + HOUR });
    await by.flush();
    return renewals.slice(before);
  }

  async function row(id: string): Promise<Record<string, any>> {
    const rows = await database.query('select * from sessions where id = $1', [id]);
    expect(rows).toHaveLength(1);
    return rows[0] as Record<string, any>;
  }

  const dataOf = async (id: string): Promise<unknown> => (await row(id))['data'];
  const commit = (id: string, change: Change, generation = 0) => store.commit(id, generation, changesOf(change));

  /** Changes a row behind the store's back. */
  const alter = (id: string, assignments: string) =>
    database.query(`update sessions set ${assignments} where id = $1`, [id]);
  const expire = (id: string) => alter(id, 'expires_at = clock_timestamp()');
  const lock = (id: string) => database.hold('select from sessions where id = $1 for update', [id]);

  /** Waits until a question to the database has no answer any more. */
  async function untilNone(query: string): Promise<void> {
    while ((await database.query(query)).length > 0);
  }
  const others = `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
                  and application_name like 'store-%'`;
  const untilIdle = () => untilNone(`${others} and state <> 'idle'`);
  const untilNoTransaction = () => untilNone(`${others} and xact_start is not null`);
  const untilBlocked = async (count = 1): Promise<void> => {
    while ((await database.query(`${others} and wait_event_type = 'Lock'`)).length < count);
  };

  async function databaseNow(): Promise<number> {
    const [answer] = await database.query<{ now: Date }>('select clock_timestamp() as now');
    return (answer as { now: Date }).now.getTime();
  }
  const expectNear = (actual: number | Date | null, expected: number): void =>
    expect(Math.abs(Number(actual) - expected)).toBeLessThan(MINUTE);

  /** @param when such as `before delete` */
  async function withTrigger(
    when: string,
    body: string,
    act: () => Promise<void>,
    each: 'row' | 'statement' = 'row',
  ): Promise<void> {
    await database.query(`create function act() returns trigger language plpgsql as $$ begin ${body} end $$`);
    await database.query(`create trigger act ${when} on sessions for each ${each} execute function act()`);
    try {
      await act();
    } finally {
      await database.query('drop function act cascade');
    }
  }

  const unavailable = expect.any(SessionStoreUnavailableError);
  const outcomes = async (...all: Promise<unknown>[]): Promise<unknown[]> =>
    (await Promise.allSettled(all)).map((one) => (one.status === 'fulfilled' ? one.value : one.reason));

  return {
    get database() {
      return database;
    },
    get store() {
      return store;
    },
    /** One that gives up soon. */
    get impatient() {
      return impatient;
    },
    orms,
    openStore,
    reportsOf,
    renew,
    create,
    row,
    dataOf,
    commit,
    alter,
    expire,
    lock,
    others,
    untilIdle,
    untilNoTransaction,
    untilBlocked,
    databaseNow,
    withTrigger,
    expectNear,
    unavailable,
    outcomes,
  };
}
