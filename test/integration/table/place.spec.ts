import { randomBytes } from 'node:crypto';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { EntityCaseNamingStrategy, type Options, UnderscoreNamingStrategy } from '@mikro-orm/postgresql';
import { describe, expect, it } from '@jest/globals';
import { SessionEntity, SessionService } from 'nestjs-mikro-session';
import { AUTO, expectToWork, useTable } from './table-app.js';

class Capitals extends UnderscoreNamingStrategy {
  override propertyToColumnName(name: string): string {
    return super.propertyToColumnName(name).toUpperCase();
  }
  override classToTableName(name: string): string {
    return `T_${name}`;
  }
}
class Prefixed extends UnderscoreNamingStrategy {
  override propertyToColumnName(name: string): string {
    return `c_${super.propertyToColumnName(name)}`;
  }
}

describe('The table is the same for migration, ensureSchema, schema generator and runtime', () => {
  const table = useTable();

  const tablesNow = async (): Promise<unknown[]> =>
    table.database.query(
      `select schemaname || '.' || tablename as name from pg_tables where tablename like '%essions%' order by 1`,
    );

  /** Makes the table in each of the three ways, and sees that all the others find it, in one place. */
  async function expectOnePlace(place: string, orm: Partial<Options>, url?: string): Promise<void> {
    const at = url === undefined ? {} : { url, orm: { ...AUTO, ...orm } };
    const cli = { ...orm, ...(url && { clientUrl: url }) };
    const drop = () =>
      table.database.query(`drop table ${place}; drop table if exists ${place.split('.')[0]}.mikro_orm_migrations`);
    const ways = [
      async () => (await table.orm(cli)).migrator.up(),
      async () => (await table.orm(cli)).schema.create(),
      async () => table.start({ orm: { ...AUTO, ...orm }, ...at, options: { ensureSchema: true } }),
    ];
    for (const way of ways) {
      await way();
      expect(await tablesNow()).toEqual([{ name: place }]);
      await expectToWork(await table.start({ orm: { ...AUTO, ...orm }, ...at }));
      expect(await table.database.query(`select from ${place}`)).toHaveLength(1);
      await drop();
    }
  }

  it.each([
    ['capitals', Capitals],
    ['a prefix', Prefixed],
    ['names as they are', EntityCaseNamingStrategy],
  ])('under a naming strategy that gives %s', async (_what, namingStrategy) => {
    await expectOnePlace('public.sessions', { namingStrategy });
    const orm = await table.orm({ namingStrategy });
    await orm.migrator.up();
    expect(await orm.schema.getUpdateSchemaSQL({ wrap: false })).not.toMatch(/column|drop table|create table/);
  });

  it('with a schema in the configuration', async () => {
    await expectOnePlace('web.sessions', { schema: 'web' });
    await table.database.query('drop schema web cascade');
  });

  it('with a schema that onMetadata gives the entity', async () => {
    const discovery: Options['discovery'] = {
      onMetadata: (meta) => {
        if (meta.className === 'Session') meta.schema = 'private';
      },
    };
    await expectOnePlace('private.sessions', { discovery });
    await table.database.query('drop schema private cascade');
  });

  it('with a search path of the role', async () => {
    const name = `app_${randomBytes(4).toString('hex')}`;
    const url = await table.role(name);
    await table.database.query(`create schema own authorization ${name}; alter role ${name} set search_path = own`);
    await table.database.query(`grant create on schema public to ${name}`);
    await expectOnePlace('own.sessions', {}, url);
    await table.database.query('drop schema own cascade');
  });

  it('and stays the same, whatever search path later connections have', async () => {
    const name = `app_${randomBytes(4).toString('hex')}`;
    const url = await table.role(name);
    await table.database.query(`create schema own authorization ${name}; alter role ${name} set search_path = own`);
    const app = await table.start({ url, options: { ensureSchema: true } });
    await table.database.query(`alter role ${name} set search_path = public`);
    await table.database.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [name]);
    while ((await table.database.query('select from pg_stat_activity where usename = $1', [name])).length > 0);
    await app
      .get(SessionService)
      .count()
      .catch(() => {}); // may meet a connection that is gone
    await expectToWork(app);
    await table.database.query('drop schema own cascade');
  });

  it('with a schema of the connection that contextName names', async () => {
    MikroOrmModule.clearStorage('web');
    const orm = { entities: [SessionEntity], schema: 'web', contextName: 'web', registerRequestContext: false };
    await (await table.orm({ schema: 'web' })).migrator.up();
    await table.start({ orm: orm as object, options: { contextName: 'web' } });
    expect(await tablesNow()).toEqual([{ name: 'web.sessions' }]);
    await table.database.query('drop schema web cascade');
  });
});
