import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SessionConfigurationError, SessionMigration, SessionService } from 'nestjs-mikro-session';
import { expectToWork, useTable } from './table-app.js';

const PARTITIONED = {
  migrations: { migrationsList: [{ name: 'Migration20261120_sessions', class: SessionMigration.partitioned(16) }] },
};

describe('A partitioned table', () => {
  const table = useTable();
  const sql = (text: string) => table.database.query(text);

  it('is created by a variant of the migration, as the entity describes it, each partition packed to 70 %', async () => {
    const { migrator, schema } = await table.orm(PARTITIONED);
    await migrator.up();
    expect(await schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
    expect(
      await sql(`select reloptions, count(*)::int from pg_class c join pg_inherits on inhrelid = oid
                 where inhparent = 'sessions'::regclass group by 1`),
    ).toEqual([{ reloptions: ['fillfactor=70'], count: 16 }]);
    await expectToWork(await table.start());
    expect(await (await table.orm()).schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
    await migrator.down();
    expect(await sql(`select from pg_class where relname ~ '^sessions'`)).toEqual([]);
  });

  it('stays as it is with ensureSchema, which adds an index that is missing', async () => {
    await (await table.orm(PARTITIONED)).migrator.up();
    await sql('drop index sessions_user_id_index');
    await expectToWork(await table.start({ options: { ensureSchema: true } }));
    const indexes = await sql(
      `select from pg_indexes where indexdef like '%(user_id)%' and tablename like 'sessions_%'`,
    );
    expect(indexes).toHaveLength(16);
  });

  it('may stand in a schema of its own', async () => {
    await (await table.orm({ ...PARTITIONED, schema: 'web' })).migrator.up();
    await expectToWork(await table.start({ orm: { autoLoadEntities: true, schema: 'web' } as object }));
    expect(await sql('select from web.sessions')).toHaveLength(1);
    await sql('drop schema web cascade');
  });

  it('is used and swept by a role that has rights on the table, and none on its partitions', async () => {
    await (await table.orm(PARTITIONED)).migrator.up();
    const name = `app_${randomBytes(4).toString('hex')}`;
    const url = await table.role(name);
    await sql(`grant select, insert, update, delete on sessions to ${name}`);
    const app = await table.start({ url });
    await expectToWork(app);
    await sql('update sessions set expires_at = clock_timestamp()');
    expect(await app.get(SessionService).purgeExpired()).toBe(1);
  });

  it('is not made of a table that is there: the migration fails, and the table stays as it is', async () => {
    await (await table.orm()).migrator.up();
    const { migrator } = await table.orm({
      migrations: { migrationsList: [{ name: 'second', class: SessionMigration.partitioned(4) }] },
    });
    await expect(migrator.up()).rejects.toThrow('"sessions" is not partitioned');
    await expectToWork(await table.start());
  });

  it.each([1, 257, 1.5, '16', NaN])('has no %p partitions', (count) => {
    expect(() => SessionMigration.partitioned(count as number)).toThrow(SessionConfigurationError);
  });

  describe('that cannot keep sessions is one sentence at start, with the fix:', () => {
    afterEach(() => sql('drop table if exists sessions cascade'));
    const partitionedBy = (key: string, more = ', primary key (id)'): string =>
      `alter table sessions rename to old; create table sessions (like old${more}) partition by ${key}`;

    it.each([
      [
        'by ranges of the id',
        partitionedBy('range (id)'),
        /"sessions" is partitioned by range \("id"\), and must be an ordinary table, or partitioned by hash \("id"\)\. Rename it/,
      ],
      ['by another column', partitionedBy('hash (secret_hash)', ''), /is partitioned by hash \("secret_hash"\)/],
      ['by an expression', partitionedBy('list ((ttl % 2))', ''), /is partitioned by list \(an expression\)/],
      [
        'without any partition',
        partitionedBy('hash (id)'),
        /has no partition for 100 % of all ids.* Create the partitions/,
      ],
      [
        'with one partition too few',
        `${partitionedBy('hash (id)')}; create table s0 partition of sessions for values with (modulus 4, remainder 0);
         create table s1 partition of sessions for values with (modulus 4, remainder 1);
         create table s3 partition of sessions for values with (modulus 4, remainder 3)`,
        /has no partition for 25 % of all ids/,
      ],
      [
        'with a partition that is partitioned itself',
        `${partitionedBy('hash (id)')}; create table s0 partition of sessions for values with (modulus 2, remainder 0);
         create table s1 partition of sessions for values with (modulus 2, remainder 1) partition by hash (id)`,
        /has the partition "public"\."s1", which is partitioned itself, and must be an ordinary table\. Detach it/,
      ],
      [
        'with a partition on another server',
        `${partitionedBy('hash (id)', '')}; create table s0 partition of sessions for values with (modulus 2, remainder 0);
         create foreign data wrapper elsewhere; create server far foreign data wrapper elsewhere;
         create foreign table s1 partition of sessions for values with (modulus 2, remainder 1) server far`,
        /has the partition "public"\."s1", which is a foreign table/,
      ],
      [
        'without a primary key',
        partitionedBy('hash (id)', '') + partitions(2),
        /has no primary key\. Run "alter table/,
      ],
    ])('%s', async (_what, statements, message) => {
      await (await table.orm()).migrator.up();
      await sql(statements);
      expect(await table.refusal()).toMatch(message);
      await sql('drop foreign data wrapper if exists elsewhere cascade');
    });

    it('what is harmless passes: partitions of different sizes', async () => {
      await (await table.orm()).migrator.up();
      await sql(`${partitionedBy('hash (id)')}; create table s0 partition of sessions for values with (modulus 2, remainder 0);
        create table s1 partition of sessions for values with (modulus 4, remainder 1);
        create table s3 partition of sessions for values with (modulus 4, remainder 3)`);
      await expectToWork(await table.start());
    });
  });
});

function partitions(count: number): string {
  return Array.from(
    { length: count },
    (_, n) => `; create table s${n} partition of sessions for values with (modulus ${count}, remainder ${n})`,
  ).join('');
}
