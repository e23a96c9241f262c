import { beforeEach, describe, expect, it } from '@jest/globals';
import { command } from '../../support/command-line.js';
import { rows, useDatabase } from './cli.js';

interface Report {
  readonly findings: readonly { readonly subject: string; readonly problem: string; readonly fix: string }[];
  readonly checks: readonly { readonly subject: string; readonly ok: boolean; readonly seen: string }[];
}

describe('The command line and a partitioned table', () => {
  const fixture = useDatabase('--partitions', '4');
  const sql = (text: string) => fixture.database.query(text);
  beforeEach(() => fixture.reset());

  const report = async (): Promise<Report> => JSON.parse((await fixture.run('doctor', '--json')).stdout) as Report;
  const seen = ({ checks }: Report, subject: string) => checks.find((one) => one.subject === subject)?.seen;

  it('prints the statements for a number of partitions, and refuses what is none', async () => {
    const { stdout } = await command(['schema', '--partitions', '4', '--schema', 'web', '--table', 'web_sessions']);
    expect(stdout).toContain(
      'create table if not exists "web"."web_sessions_3" partition of "web"."web_sessions" ' +
        'for values with (modulus 4, remainder 3) with (fillfactor = 70);',
    );
    for (const count of ['1', '257', 'many', '']) {
      const { code, stderr } = await command(['schema', `--partitions=${count}`]);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/--partitions/)]);
    }
  });

  it('doctor finds nothing wrong with one that is as the migration makes it, and adds its partitions up', async () => {
    await sql(rows(3_000));
    await sql('vacuum analyze sessions');
    const found = await report();
    expect(found.findings).toEqual([]);
    expect(seen(found, 'table')).toBe('in 4 partitions');
    expect(seen(found, 'size')).toMatch(/ for 3,000 rows$/);
    expect(seen(found, 'indexes')).toMatch(/^2,/);
    expect((await fixture.run('count')).stdout).toBe('3,000 live sessions\n');
  });

  it.each<[fault: string, plant: string, subject: string, problem: RegExp, fix: RegExp]>([
    [
      'partitions that are filled up',
      'alter table sessions_1 reset (fillfactor); alter table sessions_2 set (fillfactor = 95)',
      'fillfactor',
      /is 100 %/,
      /^Run "alter table "public"\."sessions_1" set \(fillfactor = 70\)", and the same for 1 more partition;/,
    ],
    [
      'one whose vacuum is switched off',
      'alter table sessions_3 set (autovacuum_enabled = false)',
      'vacuum',
      /switched off/,
      /"alter table "public"\."sessions_3" reset \(autovacuum_enabled\)"\.$/,
    ],
    [
      'one that is unlogged',
      'alter table sessions_0 set unlogged',
      'durability',
      /is unlogged/,
      /"alter table "public"\."sessions_0" set logged"/,
    ],
    [
      'an index on the expiry',
      'create index on sessions (expires_at)',
      'indexes',
      /"sessions_expires_at_idx" is on "expires_at"/,
      /^Run "drop index "public"\."sessions_expires_at_idx""\.$/,
    ],
    [
      'an index on the expiry of one partition',
      'create index on sessions_2 (expires_at)',
      'indexes',
      /"sessions_2_expires_at_idx" is on "expires_at"/,
      /^Run "drop index concurrently "public"\."sessions_2_expires_at_idx""\.$/,
    ],
    [
      'a constraint of one partition that refuses logins',
      'alter table sessions_2 add unique (ip)',
      'indexes',
      /lets no two sessions have the same "ip"/,
      /^Run "alter table "public"\."sessions_2" drop constraint "sessions_2_ip_key""\.$/,
    ],
    [
      'no index on users',
      'drop index sessions_user_id_index',
      'index on users',
      /no index on "user_id"/,
      /^Run "create index on "public"\."sessions" \("user_id"\) where/,
    ],
    [
      'updates that are not HOT',
      `${rows(2_000)}; update sessions set user_id = user_id || '!'; select pg_stat_force_next_flush()`,
      'HOT updates',
      /Only \d+ % of 2,000 updates/,
      /"select pg_stat_reset_single_table_counters\(inhrelid\) from pg_inherits where inhparent = '"public"\."sessions"'::regclass"/,
    ],
    [
      'a partition that is missing',
      'drop table sessions_3',
      'table',
      /has no partition for 25 % of all ids/,
      /nestjs-mikro-session schema --partitions/,
    ],
  ])('doctor names %s, and a fix that mends it', async (_fault, plant, subject, problem, fix) => {
    await sql(plant);
    const { findings } = await report();
    expect(findings).toEqual([{ subject, problem: expect.stringMatching(problem), fix: expect.stringMatching(fix) }]);
    const [, statement] = /[Rr]un "(.*?)"(?:,|;|\.$| to count anew)/.exec(findings[0]?.fix ?? '') ?? [];
    if (statement === undefined) return;
    await sql(statement);
    const left = (await report()).findings;
    expect(left.length).toBe(subject === 'fillfactor' ? 1 : 0);
    expect(JSON.stringify(left)).not.toContain('and the same for');
  });
});
