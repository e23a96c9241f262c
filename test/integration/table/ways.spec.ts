import { describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/postgresql';
import { SessionEntity } from 'nestjs-mikro-session';
import { expectToWork, useTable } from './table-app.js';

const Note = defineEntity({ name: 'Note', properties: { id: p.integer().primary() } });

describe('The table', () => {
  const table = useTable();

  it('is created by the shipped migration, exactly as the entity describes it, and packed to 70 %', async () => {
    const { migrator, schema } = await table.orm();
    await migrator.up();
    expect(await schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
    expect(await table.database.query(`select reloptions from pg_class where relname = 'sessions'`)).toEqual([
      { reloptions: ['fillfactor=70'] },
    ]);
    await expectToWork(await table.start());
    await migrator.down();
    expect(await table.database.query(`select from pg_class where relname = 'sessions'`)).toEqual([]);
  });

  it('has no index that a renewal would have to touch', async () => {
    const { migrator } = await table.orm();
    await migrator.up();
    const indexes = await table.database.query(
      `select indexdef from pg_indexes where tablename = 'sessions' order by indexname`,
    );
    expect(indexes.map(({ indexdef }) => String(indexdef).replace(/.* USING /, ''))).toEqual([
      'btree (id)',
      'btree (user_id) WHERE (user_id IS NOT NULL)',
    ]);
  });

  it('can be created by the schema generator', async () => {
    await (await table.orm()).schema.create();
    await expectToWork(await table.start());
  });

  it('is created at start with ensureSchema, as the entity describes it, and left alone afterwards', async () => {
    await expectToWork(await table.start({ options: { ensureSchema: true } }));
    expect(await (await table.orm()).schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
    await expectToWork(await table.start({ options: { ensureSchema: true } }));
    expect(await table.database.query('select from sessions')).toHaveLength(2);
  });

  it('is created once by ten applications that start at the same moment', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => table.start({ options: { ensureSchema: true } })),
    );
    expect(results.map(({ status }) => status)).toEqual(Array(10).fill('fulfilled'));
  });

  it('is missed at start, with one clear error', async () => {
    expect(await table.refusal()).toMatch(
      /"sessions" is missing\. Apply SessionMigration .* or set "ensureSchema: true"/,
    );
  });

  it('is found to be outdated at start, with one clear error', async () => {
    await (await table.orm()).schema.create();
    await table.database.query('alter table sessions drop column generation');
    expect(await table.refusal()).toContain('lacks what this version has: the column "generation"');
  });

  it('is found by entities that are listed by hand', async () => {
    await expectToWork(await table.start({ options: { ensureSchema: true }, orm: { entities: [SessionEntity] } }));
  });

  it('needs the entity: forgetting it is one clear error at start', async () => {
    expect(await table.refusal({ options: { ensureSchema: true }, orm: { entities: [Note] } })).toMatch(
      /does not know SessionEntity.*autoLoadEntities.*entities/,
    );
  });

  it('may stand in a schema of its own', async () => {
    await table.database.query('create schema if not exists web');
    await expectToWork(
      await table.start({ options: { ensureSchema: true }, orm: { entities: [SessionEntity], schema: 'web' } }),
    );
    expect(await table.database.query('select from web.sessions')).toHaveLength(1);
    await table.database.query('drop schema web cascade');
  });
});
