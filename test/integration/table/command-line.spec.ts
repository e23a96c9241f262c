import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { defineEntity, type Options, p } from '@mikro-orm/postgresql';
import { SessionEntity, sessionEntity } from 'nestjs-mikro-session';
import { expectToWork, useTable } from './table-app.js';

const Note = defineEntity({ name: 'Note', properties: { id: p.integer().primary() } });
const tableName = 'web_sessions';

/** What `mikro-orm migration:check` and `migration:create` run, with the configuration that the command line reads. */
describe('MikroORM’s command line', () => {
  const table = useTable();
  let folder: string;
  beforeEach(async () => {
    // Below the project, so that files in it find the library.
    folder = await mkdtemp(join(import.meta.dirname, 'migrations-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const configured = (options: Partial<Options>) =>
    table.orm({
      ...options,
      migrations: {
        migrationsList: undefined,
        path: folder,
        pathTs: folder,
        emit: 'ts',
        glob: '*.ts',
        ...options.migrations,
      } as object,
    });
  const addFile = (): Promise<void> =>
    writeFile(
      join(folder, 'Migration20261120000000.ts'),
      `export { SessionMigration as Migration20261120000000 } from 'nestjs-mikro-session';\n`,
    );

  /** Nothing to be done: neither for the generator, nor for the next migration. */
  async function expectNoDiff(options: Partial<Options>): Promise<void> {
    const { migrator, schema } = await configured(options);
    expect(await schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
    expect(await migrator.checkSchema()).toBe(false);
    const before = await readdir(folder);
    expect((await migrator.create()).diff.up).toEqual([]);
    expect(await readdir(folder)).toEqual(before);
  }

  const both = { entities: [Note, SessionEntity] };

  it('has no diff after the shipped migration as a file, among files of the application', async () => {
    await addFile();
    const { migrator } = await configured(both);
    await migrator.up();
    // The application's own comes next, and is generated.
    const { diff } = await migrator.create();
    expect(diff.up.filter((one) => one !== '')).toEqual([expect.stringMatching(/create table "note"/)]);
    const executed = await migrator.up();
    expect(executed).toHaveLength(1);
    await expectNoDiff(both);
    await expectToWork(await table.start());
    await (await configured(both)).migrator.down({ to: 0 });
    expect(await table.database.query(`select from pg_class where relname in ('sessions', 'note')`)).toEqual([]);
  });

  it('has no diff after the shipped migration in the list', async () => {
    const { migrator, schema } = await table.orm();
    await migrator.up();
    expect(await schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
    expect(await migrator.checkSchema()).toBe(false);
    await expectToWork(await table.start());
  });

  it('has no diff after ensureSchema', async () => {
    await table.start({ options: { ensureSchema: true } });
    await expectNoDiff({ entities: [SessionEntity] });
  });

  it('has no diff after the schema generator', async () => {
    await (await configured(both)).schema.update();
    await expectNoDiff(both);
    await expectToWork(await table.start());
  });

  it.each([
    ['a table of another name', { entities: [Note, sessionEntity({ tableName })] }, { tableName }],
    ['a schema', { ...both, schema: 'web' }, {}],
  ])('has no diff after the migration file with %s', async (_what, config, options) => {
    await addFile();
    const { migrator } = await configured(config);
    await migrator.up();
    await migrator.create();
    await migrator.up();
    await expectNoDiff(config);
    const orm = { entities: config.entities, ...('schema' in config && { schema: config.schema }) };
    await expectToWork(await table.start({ orm, options }));
    await table.database.query('drop schema if exists web cascade');
  });

  it('drops the table where its configuration does not list the entity, unless that is told to skip it', async () => {
    await table.start({ options: { ensureSchema: true } });
    const without = await configured({ entities: [Note] });
    expect(await without.schema.getUpdateSchemaSQL({ wrap: false })).toMatch(/drop table if exists "sessions"/);
    const skipping = await configured({ entities: [Note], schemaGenerator: { skipTables: ['sessions'] } });
    expect(await skipping.schema.getUpdateSchemaSQL({ wrap: false })).not.toContain('sessions');
  });
});
