import { describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { Inject, Injectable, Module, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { SessionMigration, SessionService, SessionSetupError } from 'nestjs-mikro-session';
import { AUTO, expectToWork, useTable } from './table-app.js';

const migrations = { migrationsList: [{ name: 'Migration20261120_sessions', class: SessionMigration }], silent: true };
const MIGRATED = { ...AUTO, extensions: [Migrator], migrations: { ...migrations, snapshot: false } };

@Injectable()
class Migrates implements OnModuleInit {
  constructor(@Inject(MikroORM) private readonly orm: MikroORM) {}
  async onModuleInit(): Promise<void> {
    await this.orm.migrator.up();
  }
}

@Injectable()
class UpdatesSchema implements OnModuleInit {
  constructor(@Inject(MikroORM) private readonly orm: MikroORM) {}
  async onModuleInit(): Promise<void> {
    await this.orm.schema.update();
  }
}

@Module({ providers: [UpdatesSchema] })
class SchemaModule {}

describe('At start, the table is looked at', () => {
  const table = useTable();

  it('after migrations that the root module runs in onModuleInit()', async () => {
    await expectToWork(await table.start({ orm: MIGRATED, providers: [Migrates] }));
  });

  it('after a schema update in onModuleInit() of a module that is imported later', async () => {
    await expectToWork(await table.start({ imports: [SchemaModule] }));
  });

  it('before onApplicationBootstrap() of the application, which may use sessions', async () => {
    let count: number | undefined;
    @Injectable()
    class Counts implements OnApplicationBootstrap {
      constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
      async onApplicationBootstrap(): Promise<void> {
        count = await this.sessions.count();
      }
    }
    await table.start({ orm: MIGRATED, providers: [Migrates, Counts] });
    expect(count).toBe(0);
  });

  it('before the application listens', async () => {
    const app = await table.start({ options: { ensureSchema: true } });
    await app.close();
    await table.database.query('drop table sessions');
    expect(await table.refusal()).toMatch(/"sessions" is missing/);
  });

  it('too late for onModuleInit(), which is told so', async () => {
    @Injectable()
    class Early implements OnModuleInit {
      constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
      async onModuleInit(): Promise<void> {
        await this.sessions.count();
      }
    }
    const error = await table.start({ orm: MIGRATED, providers: [Migrates, Early] }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SessionSetupError);
    expect((error as Error).message).toMatch(/before it was opened.*onApplicationBootstrap\(\).*Use sessions there/);
  });
});
