import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Pooler } from '../../faults/postgres/pooler.js';
import { installed } from '../../faults/postgres/programs.js';
import { command, type CommandOutcome } from '../../support/command-line.js';
import { rows, useDatabase } from './cli.js';

interface Report {
  readonly ok: boolean;
  readonly findings: readonly { readonly subject: string; readonly problem: string; readonly fix: string }[];
  readonly checks: readonly { readonly subject: string; readonly ok: boolean; readonly seen: string }[];
}

const reportOf = ({ stdout }: CommandOutcome): Report => JSON.parse(stdout) as Report;

/** What counts is sent to the statistics at once, instead of within a second. */
const counted = (statement: string): string => `${statement}; select pg_stat_force_next_flush()`;

/** npm does not install it; the unit test of the check needs none. */
const pgbouncer = await installed('pgbouncer');

describe('doctor', () => {
  const fixture = useDatabase();
  beforeEach(() => fixture.reset());

  it('finds nothing wrong with a table that is as the migration makes it, and in use', async () => {
    const { Client } = await import('pg');
    const held = new Client(fixture.database.url);
    await held.connect();
    await held.query('begin isolation level repeatable read');
    await held.query('select txid_current()');
    await fixture.database.query(rows(6_000));
    // Each fourth row of a page: the fillfactor leaves room for more than that. Space of old rows is not counted on,
    // as an ANALYZE of any table of this database keeps it, those of the catalogue included.
    const updates = `update sessions set expires_at = now() + interval '2 hours' where (ctid::text::point)[1]::int % 4 = 0`;
    await fixture.database.query(counted(updates));
    await held.query('rollback');
    await fixture.database.query('vacuum analyze sessions');
    await held.query('rollback');
    await held.end();
    const { code, stdout, stderr } = await fixture.run('doctor');
    expect(stdout).toMatch(/\nNothing is wrong\.\n$/);
    expect(stdout).not.toContain('✗');
    expect([code, stderr]).toEqual([0, '']);
    const report = reportOf(await fixture.run('doctor', '--json'));
    expect(report).toMatchObject({ ok: true, findings: [] });
    expect(report.checks).toHaveLength(17);
  });

  it.each<[fault: string, plant: readonly string[], subject: string, problem: RegExp, fix: RegExp]>([
    ['no table', ['drop table sessions'], 'table', /"sessions" is missing/, /SessionMigration/],
    [
      'a view in place of the table',
      ['alter table sessions rename to old', 'create view sessions as select * from old'],
      'table',
      /is a view/,
      /Rename it/,
    ],
    [
      'a table partitioned by something else',
      ['alter table sessions rename to old', 'create table sessions (like old) partition by list (user_id)'],
      'table',
      /is partitioned by list \("user_id"\)/,
      /Rename it/,
    ],
    [
      'another’s table',
      ['drop table sessions', 'create table sessions (sid text)'],
      'table',
      /is another's/,
      /tableName/,
    ],
    ['a column that is missing', ['alter table sessions drop ip'], 'columns', /the column "ip"/, /schema\.update\(\)/],
    [
      'a column of another type',
      ['alter table sessions alter expires_at type timestamp'],
      'columns',
      /"expires_at" as timestamp without time zone/,
      /alter column "expires_at" type timestamptz\(6\)/,
    ],
    [
      'no primary key',
      ['alter table sessions drop constraint sessions_pkey'],
      'key',
      /no primary key/,
      /add primary key/,
    ],
    [
      'no index on users',
      ['drop index sessions_user_id_index'],
      'index on users',
      /no index on "user_id"/,
      /create index/,
    ],
    [
      'an index on the expiry',
      ['create index on sessions (expires_at)'],
      'indexes',
      /"sessions_expires_at_idx" is on "expires_at"/,
      /drop index concurrently "public"\."sessions_expires_at_idx"/,
    ],
    [
      'an index with an expression on the data',
      [`create index by_cart on sessions ((data ->> 'cart'))`],
      'indexes',
      /"by_cart" is on "data"/,
      /drop index/,
    ],
    [
      'an index with a condition on the last access',
      [`create index used on sessions (id) where last_access_at > created_at`],
      'indexes',
      /"used" is on "last_access_at"/,
      /drop index/,
    ],
    [
      'updates that are not HOT',
      [
        'alter table sessions set (fillfactor = 90, autovacuum_vacuum_threshold = 1000000)',
        rows(1_000),
        counted(`update sessions set user_id = user_id || '!'`),
      ],
      'HOT updates',
      /Only 0 % of 1,000 updates touched no index/,
      /transactions that stay open/,
    ],
    [
      'pages that are filled up',
      ['alter table sessions reset (fillfactor)'],
      'fillfactor',
      /is 100 %/,
      /fillfactor = 70/,
    ],
    [
      'a vacuum that is switched off',
      ['alter table sessions set (autovacuum_enabled = false)'],
      'vacuum',
      /switched off/,
      /reset \(autovacuum_enabled\)/,
    ],
    [
      'dead rows',
      [
        'alter table sessions set (autovacuum_vacuum_threshold = 1000000)',
        rows(12_000, { bytes: 1 }),
        counted('delete from sessions'),
      ],
      'vacuum',
      /12,000 dead rows beside 0/,
      /vacuum "public"\."sessions"/,
    ],
    [
      'bloat',
      [rows(15_000), counted(`delete from sessions where user_id not like 'user %00'`), 'vacuum analyze sessions'],
      'size',
      /takes \d+\.\d MB, of which its 150 rows need some 0\.1 MB/,
      /vacuum full "public"\."sessions"/,
    ],
    [
      'expired rows that nobody removes',
      [rows(1_000, { expires: `interval '-61 minutes'` })],
      'expired rows',
      /1,000 sessions expired more than an hour ago/,
      /nestjs-mikro-session purge/,
    ],
    ['an unlogged table', ['alter table sessions set unlogged'], 'durability', /is unlogged/, /set logged/],
  ])('names %s, and the fix', async (_fault, plant, subject, problem, fix) => {
    for (const statement of plant) await fixture.database.query(statement);
    const { code, stdout } = await fixture.run('doctor', '--json');
    expect(code).toBe(1);
    const { ok, findings } = JSON.parse(stdout) as Report;
    expect(ok).toBe(false);
    expect(findings).toEqual([{ subject, problem: expect.stringMatching(problem), fix: expect.stringMatching(fix) }]);
  });

  it('names all that is wrong at once, for people as well', async () => {
    await fixture.database.query(
      'alter table sessions drop ip, drop user_agent, alter ttl type int, reset (fillfactor)',
    );
    const { code, stdout } = await fixture.run('doctor');
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ columns +The table .* the columns "ip", "user_agent"\.\n +→ Add what is missing/);
    expect(stdout).toMatch(
      /✗ columns +The table .* the column "ttl" as integer, which must be bigint\.\n +→ Run "alter/,
    );
    expect(stdout).toMatch(/✗ fillfactor/);
    expect(stdout).toMatch(/\n3 findings\.\n$/);
  });

  describe('as a role of the application', () => {
    let name: string;
    const run = (): Promise<CommandOutcome> => {
      const url = new URL(fixture.database.url);
      url.username = name;
      url.password = 'secret';
      return command(['doctor', '--json'], { DATABASE_URL: url.href });
    };
    beforeEach(async () => {
      name = `app_${randomBytes(4).toString('hex')}`;
      await fixture.database.query(
        `create role ${name} login password 'secret'; grant usage on schema public to ${name}`,
      );
    });
    afterEach(() => fixture.database.query(`drop owned by ${name}; drop role ${name}`));

    it('finds nothing wrong where it may do what it must', async () => {
      await fixture.database.query(`grant select, insert, update, delete on sessions to ${name}`);
      expect(reportOf(await run()).findings).toEqual([]);
    });

    it('names a right that is missing', async () => {
      await fixture.database.query(`grant select, insert on sessions to ${name}`);
      const { findings } = reportOf(await run());
      expect(findings).toEqual([
        {
          subject: 'rights',
          problem: `The table "public"."sessions" gives role "${name}" no right to UPDATE, DELETE.`,
          fix: `Run "grant update, delete on "public"."sessions" to "${name}"".`,
        },
      ]);
    });

    it('looks on where it may not even read', async () => {
      const { findings, checks } = reportOf(await run());
      expect(findings.map(({ subject }) => subject)).toEqual(['rights']);
      expect(checks.map(({ subject }) => subject)).toContain('fillfactor');
    });

    it('names row security that hides the rows', async () => {
      await fixture.database.query(
        `grant select, insert, update, delete on sessions to ${name}; alter table sessions enable row level security`,
      );
      const { findings } = reportOf(await run());
      expect(findings).toMatchObject([{ subject: 'row security', fix: expect.stringContaining('create policy') }]);
    });

    it('says that policies may hide rows, where there are some', async () => {
      await fixture.database.query(
        `grant select, insert, update, delete on sessions to ${name}; alter table sessions enable row level security;
         create policy everything on sessions to ${name} using (true)`,
      );
      const { ok, checks } = reportOf(await run());
      const seen = 'a policy for each right; what those hide is not looked at';
      expect([ok, checks]).toEqual([true, expect.arrayContaining([{ subject: 'row security', ok: true, seen }])]);
    });

    it('names a server on which it may only read', async () => {
      await fixture.database.query(
        `grant select, insert, update, delete on sessions to ${name}; alter role ${name} set default_transaction_read_only = on`,
      );
      const { findings } = reportOf(await run());
      expect(findings).toMatchObject([{ subject: 'writing', problem: expect.stringContaining('read-only') }]);
    });
  });

  it('names an encoding in which not every session can be stored', async () => {
    const name = `latin_${randomBytes(4).toString('hex')}`;
    const collation = `lc_collate 'C' lc_ctype 'C'`;
    await fixture.database.query(`create database ${name} encoding 'LATIN1' ${collation} template template0`);
    try {
      const url = new URL(fixture.database.url);
      url.pathname = `/${name}`;
      const { findings } = reportOf(await command(['doctor', '--json', '--url', url.href]));
      expect(findings.map(({ subject }) => subject)).toEqual(['encoding', 'table']);
      expect(findings[0]).toMatchObject({
        problem: expect.stringContaining('LATIN1'),
        fix: expect.stringContaining('UTF8'),
      });
    } finally {
      await fixture.database.query(`drop database ${name}`);
    }
  });

  it.each([
    ['an hour behind', -3_600_000, /3600\.\d s ahead of that of this machine/],
    ['an hour ahead', 3_600_000, /3\d{3}\.\d s behind that of this machine/],
  ])('names a clock of this machine that is %s', async (_what, by, problem) => {
    const clock = `const now = Date.now; Date.now = () => now() + ${by};`;
    const { stdout, code } = await command(['doctor', '--json'], {
      DATABASE_URL: fixture.database.url,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(clock)}`,
    });
    expect(code).toBe(1);
    expect((JSON.parse(stdout) as Report).findings).toEqual([
      { subject: 'clock', problem: expect.stringMatching(problem), fix: expect.stringContaining('NTP') },
    ]);
  });

  (pgbouncer === null ? it.skip : it)('names a PgBouncer in the way', () =>
    expectPoolerToBeNamed(fixture.database.url),
  );

  it('ends with 3, and prints no report, where it cannot look', async () => {
    const url = new URL(fixture.database.url);
    url.password = 'wrong';
    const { code, stdout, stderr } = await command(['doctor', '--json', '--url', url.href]);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^The database does not answer: password authentication failed.*\n$/);
  });
});

/** Through a PgBouncer in front of a database. */
async function expectPoolerToBeNamed(url: string): Promise<void> {
  const server = new URL(url);
  const folder = await mkdtemp(join(tmpdir(), 'session-pooler-'));
  const userList = `"${server.username}" "${decodeURIComponent(server.password)}"\n`;
  const pooler = await Pooler.make({ port: Number(server.port), userList }, folder);
  await pooler.start();
  try {
    server.host = `127.0.0.1:${pooler.port}`;
    const { findings } = reportOf(await command(['doctor', '--json', '--url', server.href]));
    expect(findings).toMatchObject([
      {
        subject: 'pooler',
        problem: expect.stringContaining('between transactions'),
        fix: expect.stringContaining('sweep: false'),
      },
    ]);
  } finally {
    await pooler.stop();
    await rm(folder, { recursive: true });
  }
}
