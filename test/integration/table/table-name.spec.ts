import { defineEntity, p } from '@mikro-orm/postgresql';
import { describe, expect, it } from '@jest/globals';
import {
  SessionConfigurationError,
  SessionEntity,
  sessionEntity,
  SessionModule,
  SessionService,
} from 'nestjs-mikro-session';
import { AUTO, expectToWork, useTable } from './table-app.js';

const tableName = 'web_sessions';
/** Another's entity and table, named as ours by default. */
const Session = defineEntity({
  name: 'Session',
  tableName: 'sessions',
  properties: { sid: p.text().primary(), sess: p.json() },
});

describe('A table "sessions" that is another’s', () => {
  const table = useTable();
  const CONNECT_PG_SIMPLE = 'create table sessions (sid varchar primary key, sess json not null, expire timestamp(6))';
  const LARAVEL = 'create table sessions (id varchar primary key, user_id bigint, payload text, last_activity int)';
  const RAILS = 'create table sessions (id bigserial primary key, session_id varchar, data text)';

  it.each([
    ['connect-pg-simple', CONNECT_PG_SIMPLE],
    ['Laravel', LARAVEL],
    ['Rails', RAILS],
  ])('(of %s) is left as it is, and told from one of ours', async (_whose, statement) => {
    await table.database.query(statement);
    for (const ensureSchema of [false, true]) {
      expect(await table.refusal({ options: { ensureSchema } })).toMatch(
        /"public"\."sessions" is another's: it lacks .*"secret_hash".*SessionModule\.forRoot\(\{ tableName: 'web_sessions' \}\)/,
      );
    }
    expect(await table.database.query(`select from pg_indexes where tablename = 'sessions'`)).toHaveLength(1);
  });

  it('stays beside ours, with tableName, whichever way ours is made', async () => {
    await table.database.query(CONNECT_PG_SIMPLE);
    const options = { tableName };
    const orm = { entities: [Session, sessionEntity({ tableName })] };
    const drop = () => table.database.query('drop table web_sessions; drop table if exists mikro_orm_migrations');
    await expectToWork(await table.start({ options: { ...options, ensureSchema: true }, orm }));
    await drop();
    const cli = await table.orm({ entities: [sessionEntity({ tableName })] });
    await cli.migrator.up();
    await expectToWork(await table.start({ options }));
    const indexes = `select indexname from pg_indexes where tablename = 'web_sessions' order by 1`;
    expect(await table.database.query(indexes)).toEqual([
      { indexname: 'web_sessions_pkey' },
      { indexname: 'web_sessions_user_id_index' },
    ]);
    expect(await cli.schema.getUpdateSchemaSQL({ wrap: false, dropTables: false })).toBe('');
    await cli.migrator.down();
    expect(await table.database.query(indexes)).toEqual([]);
  });

  it('needs that entity where entities are listed', async () => {
    const orm = { entities: [SessionEntity] };
    expect(await table.refusal({ options: { tableName }, orm })).toMatch(
      /does not know sessionEntity\(\{ tableName: 'web_sessions' \}\)/,
    );
  });

  it('is the same entity for the same name', () => {
    expect(sessionEntity({ tableName })).toBe(sessionEntity({ tableName }));
    expect(sessionEntity()).toBe(SessionEntity);
  });

  it.each(['', 'web.sessions', `a'b`, 'a'.repeat(49), 5])('refuses %j as a name', (wrong) => {
    const register = () => SessionModule.forRoot({ tableName: wrong as string });
    expect(register).toThrow(SessionConfigurationError);
    expect(register).toThrow(/"tableName" must be a name of at most 48 letters/);
  });

  it('lets an application with tableName sweep, and cache', async () => {
    const app = await table.start({ orm: AUTO, options: { tableName, ensureSchema: true, cache: true } });
    await expectToWork(app);
    await table.database.query('update web_sessions set expires_at = clock_timestamp()');
    expect(await app.get(SessionService).purgeExpired()).toBe(1);
  });
});
