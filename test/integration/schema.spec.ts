import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Migrator } from '@mikro-orm/migrations';
import { defineEntity, MikroORM, p, type Options, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Test } from '@nestjs/testing';
import {
  SessionEntity,
  SessionMigration,
  SessionModule,
  SessionService,
  SessionSetupError,
} from 'nestjs-mikro-session';
import { createDatabase, type TestDatabase } from '../support/database.js';

const migrations = { migrationsList: [{ name: 'Migration20261120_sessions', class: SessionMigration }] };
const Note = defineEntity({ name: 'Note', properties: { id: p.integer().primary() } });

describe('The table', () => {
  let database: TestDatabase;
  const opened: { close(): Promise<unknown> }[] = [];
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    MikroOrmModule.clearStorage();
    await database.query('drop table if exists sessions, mikro_orm_migrations');
  });
  afterAll(() => database.drop());

  async function orm(): Promise<MikroORM> {
    const created = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: database.url,
      entities: [SessionEntity],
      extensions: [Migrator],
      migrations: { ...migrations, silent: true, snapshot: false },
    });
    opened.push(created);
    return created;
  }

  async function start(
    options: Parameters<typeof SessionModule.forRoot>[0],
    orm: Partial<Options> = { autoLoadEntities: true } as object,
  ) {
    const module = await Test.createTestingModule({
      imports: [
        MikroOrmModule.forRoot({
          driver: PostgreSqlDriver,
          clientUrl: database.url,
          pool: { min: 0, max: 2 },
          ...orm,
        } as Options),
        SessionModule.forRoot(options),
      ],
    }).compile();
    const app = module.createNestApplication({ logger: false });
    opened.push(app);
    await app.init();
    return app;
  }

  const expectToWork = async (app: Awaited<ReturnType<typeof start>>) => {
    const { session } = await app.get(SessionService).create({ data: { a: 1 } });
    expect((await app.get(SessionService).find(session.id))?.toJSON()).toEqual({ a: 1 });
  };

  it('is created by the shipped migration, exactly as the entity describes it, and packed to 70 %', async () => {
    const { migrator, schema } = await orm();
    await migrator.up();
    expect(await schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
    expect(await database.query(`select reloptions from pg_class where relname = 'sessions'`)).toEqual([
      { reloptions: ['fillfactor=70'] },
    ]);
    await expectToWork(await start({}));
    await migrator.down();
    expect(await database.query(`select from pg_class where relname = 'sessions'`)).toEqual([]);
  });

  it('has no index that a renewal would have to touch', async () => {
    const { migrator } = await orm();
    await migrator.up();
    const indexes = await database.query(
      `select indexdef from pg_indexes where tablename = 'sessions' order by indexname`,
    );
    expect(indexes.map(({ indexdef }) => String(indexdef).replace(/.* USING /, ''))).toEqual([
      'btree (id)',
      'btree (user_id) WHERE (user_id IS NOT NULL)',
    ]);
  });

  it('can be created by the schema generator', async () => {
    await (await orm()).schema.create();
    await expectToWork(await start({}));
  });

  it('is created at start with ensureSchema, as the entity describes it, and left alone afterwards', async () => {
    await expectToWork(await start({ ensureSchema: true }));
    expect(await (await orm()).schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
    await expectToWork(await start({ ensureSchema: true }));
    expect(await database.query('select from sessions')).toHaveLength(2);
  });

  it('is created once by ten applications that start at the same moment', async () => {
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => start({ ensureSchema: true })));
    expect(results.map(({ status }) => status)).toEqual(Array(10).fill('fulfilled'));
  });

  it('is missed at start, with one clear error', async () => {
    const error = await start({}).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SessionSetupError);
    expect((error as Error).message).toMatch(
      /"sessions" is missing\. Apply SessionMigration .* or set "ensureSchema: true"/,
    );
  });

  it('is found to be outdated at start, with one clear error', async () => {
    await (await orm()).schema.create();
    await database.query('alter table sessions drop column generation');
    const error = await start({}).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SessionSetupError);
    expect((error as Error).message).toContain('lacks a column of this version');
  });

  it('is found by entities that are listed by hand', async () => {
    await expectToWork(await start({ ensureSchema: true }, { entities: [SessionEntity] }));
  });

  it('needs the entity: forgetting it is one clear error at start', async () => {
    const error = await start({ ensureSchema: true }, { entities: [Note] }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SessionSetupError);
    expect((error as Error).message).toMatch(/does not know SessionEntity.*autoLoadEntities.*entities/);
  });

  it('may stand in a schema of its own', async () => {
    await database.query('create schema if not exists web');
    await expectToWork(await start({ ensureSchema: true }, { entities: [SessionEntity], schema: 'web' }));
    expect(await database.query('select from web.sessions')).toHaveLength(1);
    await database.query('drop schema web cascade');
  });
});
