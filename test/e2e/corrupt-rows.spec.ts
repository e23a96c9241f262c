import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { DynamicModule } from '@nestjs/common';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { SessionGoneError, type SessionModuleOptions } from 'nestjs-mikro-session';
import { COLUMNS } from '../../lib/store/postgres/sql/columns.js';
import { startApp, type TestApp } from '../support/app.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { inHandler, visit } from '../support/probe.js';
import type { Client } from '../support/client.js';

/**
 * What the next request finds: an ordinary visitor, with one error line; the session, with one error line or none, for the
 * column does not matter; or no session at all, as the row is no live one.
 */
type Finds = 'visitor' | 'session' | 'session, with a line' | 'absent';

/** What is beyond the years of a `Date`, and what is no time at all. */
const TIMES = [`'infinity'`, `'-infinity'`, `'290000-01-01'`, `'4000-01-01 BC'`, 'null'];
const times = (...finds: Finds[]): [string, Finds][] =>
  TIMES.map((time, index) => [time, finds[index] ?? (finds.at(-1) as Finds)]);
const deep = (levels: number) => `(repeat('{"in":', ${levels}) || '1' || repeat('}', ${levels}))::jsonb`;
const HASHES: [string, Finds][] = [
  [`'\\x'`, 'visitor'],
  [`'\\x00'`, 'visitor'],
  [`decode(repeat('00', 33), 'hex')`, 'visitor'],
  [`decode(repeat('00', 100000), 'hex')`, 'visitor'],
];

/** For each column some values that its type allows, and that sessions never have. */
const WRONG: Record<keyof typeof COLUMNS, [value: string, finds: Finds][]> = {
  id: [['gen_random_uuid()', 'absent']],
  secret_hash: [...HASHES, ['null', 'visitor']],
  previous_secret_hash: [...HASHES, ['null', 'session']],
  rotated_at: times('visitor', 'visitor', 'visitor', 'visitor', 'session'),
  generation: [
    ['-1', 'visitor'],
    ['2147483647', 'visitor'],
    ['null', 'visitor'],
  ],
  user_id: [
    [`''`, 'visitor'],
    [`repeat('x', 95000)`, 'visitor'],
  ],
  auth: [
    [`'null'`, 'session, with a line'],
    [`'[]'`, 'session, with a line'],
    [`'"text"'`, 'session, with a line'],
    [`'{"roles": 7, "permissions": [null, {}]}'`, 'session'],
    [deep(6_000), 'session, with a line'],
    ['null', 'session'],
  ],
  authenticated_at: times('visitor', 'visitor', 'visitor', 'visitor', 'session'),
  data: [
    [`'null'`, 'session, with a line'],
    [`'[{}]'`, 'session, with a line'],
    [`'7'`, 'session, with a line'],
    [deep(6_000), 'session, with a line'],
    [deep(66), 'session, with a line'],
    [`'{"n": 1e400, "__proto__": {"constructor": []}, "": 1}'`, 'session'],
    [`'{"$flash:x": 7, "$flash:y": null, "$flash:z": {"category": []}, "$other": 1}'`, 'session'],
    ['null', 'session, with a line'],
  ],
  ttl: [
    ['9223372036854775807', 'visitor'],
    ['-9223372036854775808', 'visitor'],
    ['100000000000000', 'visitor'],
    ['0', 'session'],
    ['null', 'visitor'],
  ],
  created_at: times('visitor'),
  updated_at: times('session'),
  last_access_at: times('visitor'),
  expires_at: times('visitor', 'absent', 'visitor', 'absent', 'absent'),
  ends_at: times('visitor', 'visitor', 'visitor', 'visitor', 'session'),
  ip: [
    [`'no address'`, 'session'],
    [`repeat('1', 95000)`, 'session'],
    [`''`, 'session'],
  ],
  user_agent: [
    [`''`, 'session'],
    [`repeat('x', 95000)`, 'session'],
  ],
  persistent: [['null', 'session']],
};

const inPool = (database: TestDatabase): DynamicModule =>
  MikroOrmModule.forRoot({
    driver: PostgreSqlDriver,
    clientUrl: database.url,
    autoLoadEntities: true,
    pool: { min: 0, max: 4 },
  }) as unknown as DynamicModule;
const throughKysely = (database: TestDatabase): DynamicModule => {
  const pool = new pg.Pool({ connectionString: database.url, max: 4 });
  // It is the application's own, which closes with no module; dropping the database cuts its connections off.
  pool.on('error', () => {});
  return MikroOrmModule.forRoot({
    driver: PostgreSqlDriver,
    driverOptions: new Kysely({ dialect: new PostgresDialect({ pool }) }),
    dbName: new URL(database.url).pathname.slice(1),
    autoLoadEntities: true,
  }) as unknown as DynamicModule;
};

describe.each<[string, (database: TestDatabase) => DynamicModule, SessionModuleOptions]>([
  ['as it is', inPool, {}],
  ['with the cache and encryption', inPool, { cache: true, encryption: { keys: [Buffer.alloc(32, 1)] } }],
  ['through a Kysely instance', throughKysely, {}],
])('A row with a value that sessions never have, %s,', (_how, orm, options) => {
  let database: TestDatabase;
  let app: TestApp;
  let lines: string[];
  beforeAll(async () => {
    database = await createDatabase();
    app = await startApp(null, { before: [orm(database)], options: { sweep: false, ...options } });
    const warn = (line: string): void => void lines.push(line);
    const ignore = (): void => {};
    app.app.useLogger({ log: ignore, warn, error: warn });
    for (const [column, type] of Object.entries(COLUMNS)) {
      if (column !== 'id' && type.endsWith('not null')) {
        await database.query(`alter table sessions alter column ${column} drop not null`);
      }
    }
  });
  beforeEach(async () => {
    lines = [];
    await database.query('delete from sessions');
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });

  /** A session that was logged in to, of which every column has a value. */
  async function signedIn(): Promise<{ client: Client; id: string }> {
    const client = app.client();
    await visit(client, (session) => session.set('n', 1).flash('info', 'hello'));
    const id = await inHandler(client, async (session) => {
      await session.login('ada', { roles: ['reader'] }, { persistent: true });
      return session.id;
    });
    return { client, id };
  }

  /** Looks at all that a session says, and writes to it. */
  const use = (client: Client) =>
    inHandler(client, (session) => {
      const said = JSON.stringify([
        session,
        session.auth,
        session.avatar,
        session.avatar.hasRole('reader'),
        session.ttl,
        session.isExpired(),
        session.flashes().map(({ category }) => category.toUpperCase()),
        [session.createdAt, session.lastAccessAt, session.expiresAt, session.authenticatedAt].map(
          (time) => time?.toISOString() ?? null,
        ),
      ]);
      session.increment('visits');
      session.push('list', said.length);
      return session.userId;
    });

  const cases = Object.entries(WRONG).flatMap(([column, values]) =>
    values.map(([value, finds]) => [column, value, finds] as const),
  );

  it.each(cases)('%s = %s: finds %s', async (column, value, finds) => {
    const { client, id } = await signedIn();
    const neighbour = await signedIn();
    await database.query(`update sessions set ${column} = ${value} where id = $1`, [id]);
    const isThere = finds.startsWith('session');

    // In one statement, as like as not: the one must not harm the other.
    const users = await Promise.all([use(client), use(neighbour.client)]);
    expect(users).toEqual([isThere ? 'ada' : null, 'ada']);
    expect(await use(neighbour.client)).toBe('ada');
    const listed = (await app.sessions.listForUser('ada')).map((device) => device.id);
    expect(listed).toContain(neighbour.id);
    for (const device of await app.sessions.listForUser('ada')) JSON.stringify(device);
    const named = await app.sessions.find(id);
    expect(named === null).toBe(!isThere);
    const update = app.sessions.update(id, (data) => {
      (data as Record<string, unknown>)['byName'] = 1;
    });
    const failure = await update.then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure instanceof SessionGoneError).toBe(!isThere);
    expect(failure === null).toBe(isThere);
    expect(await use(client)).toBe(isThere ? 'ada' : null);
    await app.sessions.flush();

    const told = lines.filter((line) => line.includes(id));
    expect(told.length).toBe(finds === 'visitor' || finds === 'session, with a line' ? 1 : 0);
    for (const line of told) {
      expect(line).toContain(column);
      expect(line.length).toBeLessThan(400);
    }
    expect(lines).toEqual(told);
    // It can still be ended.
    expect(await app.sessions.revoke(id)).toBe(finds !== 'absent');
  });

  it('says for every column what is wrong there', () => {
    expect(Object.keys(WRONG)).toEqual(Object.keys(COLUMNS));
  });
});
