import { beforeEach, describe, expect, it } from '@jest/globals';
import { useDatabase } from './cli.js';

interface Finding {
  readonly subject: string;
  readonly problem: string;
  readonly fix: string;
}

describe('What doctor says of keys and indexes', () => {
  const fixture = useDatabase();
  beforeEach(() => fixture.reset());

  const findings = async (): Promise<readonly Finding[]> => {
    const { stdout } = await fixture.run('doctor', '--json');
    return (JSON.parse(stdout) as { findings: readonly Finding[] }).findings;
  };

  /** Runs the statement that a fix quotes. */
  const apply = async ({ fix }: Finding): Promise<void> => {
    const [, statement] = /[Rr]un "(.*)"\.$/.exec(fix) ?? [];
    await fixture.database.query(statement as string);
  };

  it.each<[fault: string, plant: string, subject: string, problem: RegExp]>([
    [
      'a primary key on another column',
      'alter table sessions drop constraint sessions_pkey, add primary key (secret_hash)',
      'key',
      /has the "PRIMARY KEY \(secret_hash\)", which must be "PRIMARY KEY \(id\)"/,
    ],
    [
      'a primary key that is checked late',
      'alter table sessions drop constraint sessions_pkey, add primary key (id) deferrable',
      'key',
      /has the "PRIMARY KEY \(id\) DEFERRABLE", which must be "PRIMARY KEY \(id\)"/,
    ],
    [
      'an index on users that is for some of them',
      `drop index sessions_user_id_index; create index on sessions (user_id) where user_id = 'ada'`,
      'index on users',
      /no index on "user_id"/,
    ],
    [
      'an index that begins with another column than the user',
      'drop index sessions_user_id_index; create index on sessions (ip, user_id)',
      'index on users',
      /no index on "user_id"/,
    ],
    [
      'an index of other columns, for the rows of users',
      'drop index sessions_user_id_index; create index on sessions (ip) where user_id is not null',
      'index on users',
      /no index on "user_id"/,
    ],
    [
      'a unique index on users',
      'create unique index one_each on sessions (user_id)',
      'indexes',
      /"one_each" lets no two sessions have the same "user_id"/,
    ],
    [
      'a unique constraint on users and their devices',
      'alter table sessions add constraint one_per_device unique (user_id, user_agent)',
      'indexes',
      /"one_per_device" lets no two sessions have the same "user_agent", "user_id"/,
    ],
    [
      'a constraint on what requests change',
      'alter table sessions add constraint each_its_moment unique (id, expires_at)',
      'indexes',
      /"each_its_moment" is on "expires_at"/,
    ],
    [
      'an index that was not finished',
      `create index by_address on sessions (ip);
       update pg_index set indisvalid = false where indexrelid = 'by_address'::regclass`,
      'indexes',
      /"by_address" is invalid/,
    ],
  ])('names %s, and its fix mends it', async (_fault, plant, subject, problem) => {
    await fixture.database.query(plant);
    const found = await findings();
    expect(found).toEqual([{ subject, problem: expect.stringMatching(problem), fix: expect.any(String) }]);
    await apply(found[0] as Finding);
    expect(await findings()).toEqual([]);
  });

  it('lets the application have indexes of its own', async () => {
    await fixture.database.query(
      'create index on sessions (ip); create unique index on sessions (id, user_id); create unique index on sessions (secret_hash)',
    );
    expect(await findings()).toEqual([]);
  });
});
